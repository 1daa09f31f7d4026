"""The cameras of a user's own tracklets: one that is given for all, or read from their names."""

import re
from collections.abc import Sequence

from cosam_jax.data.gaps import is_gap
from cosam_jax.data.listing import natural_key
from cosam_jax.data.own_tracklets import UNKNOWN
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.errors import InputError

MOST_LETTERS = 100
"""The longest name of a camera."""


def check_camera(camera: str | None, pattern: str | None, *, folders: bool) -> None:
  """Refuses a name or pattern that cannot give cameras, before anything is read.

  Args:
    camera: the name of the one camera, or None.
    pattern: see `camera_names`, or None.
    folders: whether tracklets are folders, whose names a pattern can match.

  Raises:
    InputError: a name that is empty, too long or means "unknown", an invalid pattern, both a name
      and a pattern, or a pattern without folders.
  """
  if camera is not None and pattern is not None:
    raise InputError("--camera and --camera_from both say the cameras: give one of them")
  if camera is not None and not 0 < len(camera.strip()) <= MOST_LETTERS:
    raise InputError(f"--camera has {len(camera.strip())} letters: give 1 to {MOST_LETTERS}")
  if camera is not None and not camera.strip().isprintable():
    raise InputError(f"--camera is {camera!r}, with signs that cannot be printed: leave them out")
  if camera is not None and is_gap(camera):
    raise InputError(
      f"--camera is {camera.strip()!r}, which means that it is unknown: name it or leave it out"
    )
  if pattern is None:
    return
  if not folders:
    raise InputError(
      "--camera_from reads cameras from the paths of folders of frames, and this is a video, or "
      "has --boxes: name its camera with --camera"
    )
  _compiled(pattern)


def camera_names(
  table: TrackletTable, camera: str | None = None, pattern: str | None = None
) -> tuple[str, ...]:
  """The camera of each tracklet; "" if it is unknown, or its name means that (`unknown`).

  Without `camera` and `pattern`, cameras are known only if frames are named as in MARS
  (`0025C1T0002F016.jpg` is of camera 1).

  Args:
    table: from `read_tracklets`.
    camera: the camera that saw all of them.
    pattern: a regular expression that is searched in each tracklet's name, its path below the
      input; its first group, or all of it, is the camera.

  Raises:
    InputError: the pattern is not found in the names of some tracklets; the error gives the first
      of them and their number.
  """
  if camera is not None:
    return (camera.strip(),) * len(table)
  if pattern is None:
    return tuple("" if number == UNKNOWN else str(number) for number in table.cameras.tolist())
  names, found = table.names.tolist(), []
  for name in names:
    match = _compiled(pattern).search(name)
    found.append("" if match is None else (match[1] if match.re.groups else match[0]) or "")
  without = [name for name, camera in zip(names, found, strict=True) if not camera]
  if without:
    raise InputError(
      f"--camera_from is {pattern!r}, which gives no camera for {len(without):,} of {len(names):,} "
      f"tracklets, such as {without[0]!r}: give a pattern that every path has"
    )
  return tuple("" if is_gap(one) else one[:MOST_LETTERS] for one in found)


def _compiled(pattern: str) -> re.Pattern[str]:
  try:
    return re.compile(pattern)
  except (re.error, RecursionError, OverflowError) as error:
    raise InputError(
      f"--camera_from is {pattern!r}, which is not a regular expression ({error}): give one such "
      r"as 'cam(\d+)', whose first group is the camera"
    ) from error


def cameras_sentence(names: Sequence[str]) -> str:
  """A sentence that lists the known cameras of tracklets; a camera "" is unknown."""
  known = sorted({name for name in names if name}, key=natural_key)
  unknown = sum(not name for name in names)
  if not known:
    return "cameras: unknown; --camera or --camera_from says them"
  listed = ", ".join(known[:8]) + (f", ... ({len(known):,} in all)" if len(known) > 8 else "")
  return f"cameras: {listed}" + (f"; unknown for {unknown:,} tracklets" if unknown else "")
