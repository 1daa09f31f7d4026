"""Small data sets in the real layouts, with real JPEG and PNG files and real .mat files."""

import pathlib

import numpy as np
import PIL.Image
import scipy.io


def image(path: pathlib.Path, size=(8, 16), color=(90, 60, 30)) -> pathlib.Path:
  """Writes a picture of one colour; the suffix picks the format."""
  path.parent.mkdir(parents=True, exist_ok=True)
  PIL.Image.new("RGB", size, color).save(path)
  return path


def mars_name(identity: int, camera: int, tracklet: int, frame: int) -> str:
  who = "00-1" if identity == -1 else f"{identity:04d}"
  return f"{who}C{camera}T{tracklet:04d}F{frame:03d}.jpg"


# (identity, camera, tracklet, frames) by row.
MARS_TRAIN = [(1, 1, 1, 3), (1, 2, 1, 2), (7, 1, 1, 4), (7, 1, 2, 1)]
MARS_TEST = [(-1, 1, 1, 2), (0, 3, 1, 2), (2, 1, 1, 3), (2, 2, 1, 2), (2, 2, 2, 4), (4, 1, 1, 1)]
MARS_QUERY = [3, 4]  # Rows counted from 1: (2, 1, 1) and (2, 2, 1).


def write_info(info, names, rows, split):
  info.mkdir(parents=True, exist_ok=True)
  (info / f"{split}_name.txt").write_text("".join(f"{name}\n" for name in names))
  matrix = np.array(rows, np.float64).reshape(-1, 4)
  scipy.io.savemat(info / f"tracks_{split}_info.mat", {f"track_{split}_info": matrix})


def mars(root: pathlib.Path, in_info: bool = True, with_frames: bool = True) -> pathlib.Path:
  """A MARS directory of the tracklets above; returns `root`."""
  info = root / "info" if in_info else root
  for split, tracklets in (("train", MARS_TRAIN), ("test", MARS_TEST)):
    names, rows = [], []
    for identity, camera, tracklet, frames in tracklets:
      rows.append((len(names) + 1, len(names) + frames, identity, camera))
      names += [mars_name(identity, camera, tracklet, f + 1) for f in range(frames)]
    write_info(info, names, rows, split)
    for name in names if with_frames else []:
      image(root / f"bbox_{split}" / name[:4] / name)
  scipy.io.savemat(info / "query_IDX.mat", {"query_IDX": np.array([MARS_QUERY], np.uint16)})
  return root


def ilids(root: pathlib.Path, people=(1, 2, 5, 9), rows=None) -> pathlib.Path:
  """iLIDS-VID with two frames a tracklet; `rows` is ls_set."""
  for camera in (1, 2):
    for person in people:
      name = f"cam{camera}_person{person:03d}"
      folder = root / "i-LIDS-VID" / "sequences" / f"cam{camera}" / f"person{person:03d}"
      for frame in (90, 100):
        image(folder / f"{name}_{frame:05d}.png")
  rows = [[4, 1, 2, 3], [2, 3, 4, 1]] if rows is None else rows
  mat = root / "train-test people splits" / "train_test_splits_ilidsvid.mat"
  mat.parent.mkdir()
  scipy.io.savemat(mat, {"ls_set": np.array(rows, np.float64)})
  return root


def prid(root: pathlib.Path, lengths_a: dict, lengths_b: dict) -> pathlib.Path:
  """PRID2011 from the number of frames of each person in each camera."""
  for camera, lengths in (("cam_a", lengths_a), ("cam_b", lengths_b)):
    for person, frames in lengths.items():
      folder = root / "prid_2011" / "multi_shot" / camera / f"person_{person:04d}"
      first = image(folder / "0001.png", size=(4, 8)).read_bytes()
      for frame in range(2, frames + 1):
        (folder / f"{frame:04d}.png").write_bytes(first)
  return root


def folder(root: pathlib.Path) -> pathlib.Path:
  """A person's own folders: one person, two frames a tracklet, in training and in the test."""
  for split, camera in (("train", 1), ("train", 2), ("query", 1), ("gallery", 2)):
    for frame in range(2):
      image(root / split / "1" / str(camera) / "t" / f"{frame}.jpg")
  return root
