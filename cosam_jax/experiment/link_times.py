"""Where and when linked tracklets were seen, by which one person cannot be in two places."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from cosam_jax.errors import InputError, suggestion
from cosam_jax.evaluation.forbidden_pairs import NO_CLOCK, Whereabouts
from cosam_jax.evaluation.sightings import Sighting
from cosam_jax.experiment.link_inputs import Tracklets
from cosam_jax.runtime.quiet import warn
from cosam_jax.runtime.text_numbers import counted


def whereabouts(
  found: Tracklets,
  starts: Mapping[str, float] | None = None,
  travel: Mapping[tuple[str, str], float] | None = None,
) -> Whereabouts:
  """Where and when, by clocks: those of the sources, or one for all.

  Times of a tracklet whose last moment is before its first are not used, and a warning says so.
  Without times, the numbers of frames are the clock of a source with several tracked people.

  Args:
    found: the tracklets.
    starts: camera or recording -> the second at which it began, by a clock for all; every recording
      of tracklets with times must be there. A recording is called by the end of its path, such as
      `gate_am.mp4`. None: each source has a clock of its own.
    travel: least seconds between two cameras.

  Raises:
    InputError: a name of the tables is unknown or of several recordings, or a recording has no
      start of its own.
  """
  names = sorted({one.camera for one in found.seen if one.camera})
  timed = {one.source for one in found.seen if one.times is not None and one.camera and one.source}
  check_names(names, timed, starts or {}, travel or {})
  begun = None if starts is None else _begun(found.seen, starts, names)
  sources: dict[str, int] = {}
  several = Counter(one.source for one in found.seen)
  clocks = np.full(len(found.seen), NO_CLOCK)
  moments = np.full((len(found.seen), 2), np.nan)
  for row, one in enumerate(found.seen):
    if one.times is not None and begun is not None and one.camera:
      clocks[row], moments[row] = 0, np.array(one.times) + begun[one.camera, one.source]
    elif one.source and (one.times or (_counted(one) and several[one.source] > 1)):
      clocks[row] = sources.setdefault(one.source, len(sources) + 1)
      moments[row] = one.times or one.frames
  if (backwards := np.flatnonzero(moments[:, 1] < moments[:, 0])).size:
    clocks[backwards], moments[backwards] = NO_CLOCK, np.nan
    warn(
      f"{counted(len(backwards), 'tracklet')}, such as {found.names[backwards[0]]}, would end "
      "before it begins, so nothing is concluded from its times: embed again, or look at the clock "
      "of its source"
    )
  numbers = {name: number for number, name in enumerate(names)}
  least: dict[tuple[int, int], float] = {}
  for (first, second), seconds in (travel or {}).items():
    for pair in ((first, second), (second, first)):
      least[numbers[pair[0]], numbers[pair[1]]] = seconds
  return Whereabouts(found.cameras, clocks, moments[:, 0], moments[:, 1], least)


def _counted(one: Sighting) -> bool:
  """Whether the numbers of frames count moments of one recording: boxes over a folder of frames.

  A data set's tracklets share a folder if they are of one person, and number their own frames.
  """
  return one.frames is not None and one.identity is None


def _begun(
  seen: Sequence[Sighting], starts: Mapping[str, float], cameras: Collection[str]
) -> dict[tuple[str, str | None], float]:
  """(camera, source) -> the second at which that recording began.

  A camera's own start will do if it has one recording. With several it would put them at one time,
  so that nobody could be in two of them.
  """
  recordings: dict[str, set[str | None]] = {}
  for one in seen:
    if one.times is not None and one.camera:
      recordings.setdefault(one.camera, set()).add(one.source)
  sources = {source for found in recordings.values() for source in found if source}
  meant = {name: [one for one in sources if _is_end(name, one)] for name in starts}
  for name, found in meant.items():
    if name not in cameras and len(found) > 1:
      raise InputError(
        f"--starts has {name!r}, which is the end of {len(found)} recordings, such as {found[0]}: "
        "give more of each path"
      )
  begun: dict[tuple[str, str | None], float] = {}
  for camera, of_camera in recordings.items():
    for source in of_camera:
      own = [name for name, those in meant.items() if source in those and name != camera]
      if own:
        begun[camera, source] = starts[max(own, key=len)]
      elif camera not in starts:
        raise InputError(
          f"--starts lacks the camera {camera!r}: every camera with times needs a line, or each of "
          "its recordings"
        )
      elif len(of_camera) > 1:
        raise InputError(
          f"--starts has one start for the camera {camera!r}, which has {len(of_camera)} "
          "recordings: give a line for each, such as "
          f"{str(source).rpartition('/')[2]},{starts[camera]:g}"
        )
      else:
        begun[camera, source] = starts[camera]
  return begun


def check_names(
  cameras: Collection[str],
  recordings: Collection[str],
  starts: Collection[str],
  travel: Collection[tuple[str, str]],
) -> None:
  """Refuses names in the tables that no input has; InputError.

  Args:
    cameras, recordings: those of the inputs, the latter by their paths.
    starts, travel: the names in the tables, see `whereabouts`.
  """
  for name in [camera for pair in travel for camera in pair]:
    if name not in cameras:
      raise _unknown("--travel_times", "camera", name, sorted(cameras))
  for name in starts:
    if name not in cameras and not any(_is_end(name, one) for one in recordings):
      known = sorted({*cameras, *(one.rpartition("/")[2] for one in recordings)})
      raise _unknown("--starts", "camera or recording", name, known)


def _is_end(name: str, path: str) -> bool:
  """Whether a name is the end of a path, of whole parts of it."""
  return f"/{path}".endswith(f"/{name}")


def _unknown(table: str, kind: str, name: str, known: Collection[str]) -> InputError:
  return InputError(
    f"{table} has the {kind} {name!r}, which no tracklet has: there are "
    f"{', '.join(known) or 'none'}{suggestion(name, list(known))}"
  )
