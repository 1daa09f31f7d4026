"""The tracklets that are linked: of several files, folders and videos, with where and when."""

import dataclasses
import os
import pathlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cosam_jax.data.box_files import read_boxes
from cosam_jax.errors import InputError, suggestion
from cosam_jax.evaluation.forbidden_pairs import NO_CLOCK, Whereabouts
from cosam_jax.evaluation.sightings import Sighting
from cosam_jax.experiment.own_videos import NOTHING_SAID, Given
from cosam_jax.experiment.search_sides import Networks, Side, check_side, open_side, picture_of
from cosam_jax.runtime.quiet import warn
from cosam_jax.runtime.text_numbers import counted


@dataclasses.dataclass(frozen=True, eq=False)
class Tracklets:
  """All tracklets of a call.

  Attributes:
    sides: the inputs.
    vectors: float32[n, D].
    names: of the tracklets, all different.
    seen: where and when each was seen.
    places: (input, row in it) of each.
    network: what is known of the network, see `calibration.Calibration.misfit`.
  """

  sides: tuple[Side, ...]
  vectors: np.ndarray
  names: tuple[str, ...]
  seen: tuple[Sighting, ...]
  places: tuple[tuple[int, int], ...]
  network: Mapping[str, Any]

  def picture(self, row: int) -> np.ndarray | None:
    """uint8[H, W, 3], a frame of a tracklet; None if there is none."""
    side, place = self.places[row]
    return picture_of(self.sides[side], place)

  @property
  def cameras(self) -> np.ndarray:
    """int64[n], the cameras' numbers by their names; -1 if unknown."""
    names = sorted({one.camera for one in self.seen if one.camera})
    return np.array([names.index(one.camera) if one.camera else -1 for one in self.seen], np.int64)

  @property
  def people(self) -> np.ndarray | None:
    """int64[n], who the tracklets show, if all are of known people of one data set, else None."""
    sets = {self.sides[side].dataset for side, _ in self.places}
    if len(sets) > 1 or not all(one.known for one in self.seen):
      return None
    return np.unique([str(one.identity) for one in self.seen], return_inverse=True)[1]


def check_inputs(paths: Sequence[pathlib.Path], given: Sequence[Given]) -> None:
  """Refuses inputs that plainly cannot be used, before any of them is embedded.

  Args:
    paths, given: as for `open_tracklets`.

  Raises:
    InputError: an input does not exist, has no names, or is given twice; or a file of boxes cannot
      be read.
  """
  asked: dict[Any, pathlib.Path] = {}
  for path, said in zip(paths, given, strict=True):
    one = _place(path), None if said.boxes is None else _place(said.boxes)
    if one in asked:
      raise InputError(
        f"{path} is given twice, with the same boxes or without: its tracklets would be linked "
        "with themselves"
      )
    asked[one] = path
    if said.boxes is not None:
      other = asked.setdefault(one[1], path)
      if _place(other) != one[0]:
        warn(f"{said.boxes} has the boxes of both {other} and {path}: is that meant?")
  for path, said in zip(paths, given, strict=True):
    if path.suffix == ".npy":
      raise InputError(
        f"{path} has vectors without names and cameras: give embeddings.npz of --mode=embed"
      )
    check_side(path, said)
    if said.boxes is not None:
      read_boxes(said.boxes, said.reading)


def open_tracklets(
  paths: Sequence[pathlib.Path],
  networks: Networks,
  given: Sequence[Given] = (),
) -> Tracklets:
  """Reads or embeds every input; junk and distractors of a data set are left out.

  Args:
    paths: embeddings, or folders and videos, which are embedded.
    networks: embeds folders and videos.
    given: what is said about each of the paths, which `check_inputs` checked; empty: nothing.

  Raises:
    InputError: an input cannot be used, or two are of different networks, or have a tracklet both.
  """
  given = given or [NOTHING_SAID] * len(paths)
  opened: dict[int, Side] = {}
  # Vectors first, so that what is wrong with them is said before frames are embedded.
  for number in sorted(range(len(paths)), key=lambda one: paths[one].suffix != ".npz"):
    side = open_side(paths[number], networks, given[number])
    if opened:
      _check_same_network(next(iter(opened.values())), side)
    opened[number] = side
  sides = [opened[number] for number in range(len(paths))]
  places = [
    (number, row)
    for number, side in enumerate(sides)
    for row in range(side.vectors.shape[0])
    if side.seen(row).known or side.seen(row).identity is None
  ]
  left = sum(side.vectors.shape[0] for side in sides) - len(places)
  if left:
    print(f"left out: {left:,} tracklets of nobody who is known")
  if not places:
    raise InputError("there are no tracklets to link: give others")
  _check_different(sides, places)
  vectors = np.concatenate([
    np.asarray(side.vectors[np.array([row for of, row in places if of == number], np.int64)])
    for number, side in enumerate(sides)
  ]).astype(np.float32)  # fmt: skip
  return Tracklets(
    tuple(sides),
    vectors,
    _names(sides, places),
    tuple(sides[number].seen(row) for number, row in places),
    tuple(places),
    network_of(sides),
  )


def _check_different(sides: Sequence[Side], places: Sequence[tuple[int, int]]) -> None:
  """Refuses a tracklet that two inputs have, such as a video and its own vectors."""
  first: dict[tuple[Any, ...], int] = {}
  for number, row in places:
    seen = sides[number].seen(row)
    if seen.source is None or seen.frames is None:
      continue
    key = (_place(seen.source), sides[number].name(row), *seen.frames)
    other = first.setdefault(key, number)
    if other != number:
      raise InputError(
        f"{sides[other].path} and {sides[number].path} both have the tracklet "
        f"{sides[number].name(row)!r} of {seen.source}, frames {seen.frames_text()}, which would "
        "be linked with itself: give it once"
      )


def _place(path: str | os.PathLike[str]) -> tuple[int, int] | str:
  """What tells files apart, also by other names of the same file."""
  try:
    found = os.stat(path)
  except OSError:
    return os.path.realpath(path)
  return found.st_dev, found.st_ino


def network_of(sides: Sequence[Side]) -> dict[str, Any]:
  """What is known of the network of all inputs."""
  first = sides[0]
  hashes = {side.vectors_hash for side in sides} - {None}
  return {
    "vectors_hash": first.vectors_hash if len(hashes) == 1 else None,
    "distance": None,  # Links have a distance of their own.
    "flip": first.flip,
    **first.settings,
  }


def _check_same_network(first: Side, other: Side) -> None:
  known = [
    {"weights": side.weights, "vectors_hash": side.vectors_hash, "flip": side.flip, **side.settings}
    for side in (first, other)
  ]
  for name, mine in known[0].items():
    theirs = known[1].get(name)
    if None not in (mine, theirs) and mine != theirs:
      raise InputError(
        f"{first.path} and {other.path} were embedded by different networks or in different ways, "
        "so that they cannot be linked: embed one of them again"
      )
  if first.vectors.shape[1] != other.vectors.shape[1]:
    raise InputError(
      f"the vectors of {first.path} have {first.vectors.shape[1]} dimensions, and those of "
      f"{other.path} {other.vectors.shape[1]}: embed one of them again"
    )


def _names(sides: Sequence[Side], places: Sequence[tuple[int, int]]) -> tuple[str, ...]:
  """Names that differ: with the input's folder, and with a number if that is not enough.

  Also of a single input: corrections name tracklets, and more inputs may come later.
  """
  longer = [f"{_stem(sides[number].path)}/{sides[number].name(row)}" for number, row in places]
  again, used = Counter(longer), Counter[str]()
  found = []
  for name in longer:
    used[name] += 1
    found.append(name if again[name] == 1 else f"{name} ({used[name]})")
  return tuple(found)


def _stem(path: pathlib.Path) -> str:
  return path.absolute().parent.name if path.suffix == ".npz" else path.stem


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
    starts: camera -> the second at which its recording began, by a clock for all; every camera of a
      tracklet with times must be there. None: each source has a clock of its own.
    travel: least seconds between two cameras.

  Raises:
    InputError: a camera of the tables is unknown, or one with times has no start.
  """
  names = sorted({one.camera for one in found.seen if one.camera})
  for table, mentioned in (
    ("--starts", list(starts or {})), ("--travel_times", [c for pair in travel or {} for c in pair])
  ):  # fmt: skip
    for name in mentioned:
      if name not in names:
        raise InputError(
          f"{table} has the camera {name!r}, which no tracklet has: the cameras are "
          f"{', '.join(names) or 'not known'}{suggestion(name, names)}"
        )
  sources: dict[str, int] = {}
  several = Counter(one.source for one in found.seen)
  clocks = np.full(len(found.seen), NO_CLOCK)
  moments = np.full((len(found.seen), 2), np.nan)
  for row, one in enumerate(found.seen):
    if one.times is not None and starts is not None and one.camera:
      if one.camera not in starts:
        raise InputError(
          f"--starts lacks the camera {one.camera!r}: every camera with times needs a line"
        )
      clocks[row], moments[row] = 0, np.array(one.times) + starts[one.camera]
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
