"""The folders of tracklets' frames, and the numbers of their files, for people who look them up."""

import itertools
import os
import re

import numpy as np

from cosam_jax.data.tracklets import FilePaths, FrameStore, JoinedFrames, TrackletTable

_NUMBER = re.compile(rb"(?<![0-9])([0-9]{1,15})\.[^.]*$")


def frame_folders(table: TrackletTable) -> tuple[str, ...]:
  """The folder of each tracklet's first frame, an absolute path; "" if frames are not files."""
  folders = []
  for start in table.starts.tolist():
    store, frame = _file_of(table.frames, start)
    known = isinstance(store, FilePaths)
    folders.append(os.path.dirname(os.path.abspath(store.name(frame))) if known else "")
  return tuple(folders)


def frame_numbers(table: TrackletTable) -> tuple[np.ndarray, np.ndarray]:
  """int64[n] twice, the first and the last frame of each tracklet, -1 if frames are not files.

  If the names of a tracklet's files end in ascending numbers, these are given; otherwise the
  places, counted from 1.
  """
  first, last = np.full(len(table), -1, np.int64), np.full(len(table), -1, np.int64)
  for row, (start, length) in enumerate(
    zip(table.starts.tolist(), table.lengths.tolist(), strict=True)
  ):
    store, frame = _file_of(table.frames, start)
    if not isinstance(store, FilePaths):
      continue
    numbers = [_NUMBER.search(bytes(file)) for file in store.files[frame : frame + length]]
    found = [int(match[1]) for match in numbers if match is not None]
    ascending = len(found) == length and all(a < b for a, b in itertools.pairwise(found))
    first[row], last[row] = (found[0], found[-1]) if ascending else (1, length)
  return first, last


def _file_of(store: FrameStore, frame: int) -> tuple[FrameStore, int]:
  while isinstance(store, JoinedFrames):
    store, frame = store.locate(frame)
  return store, frame
