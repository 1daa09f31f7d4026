"""Cuts people and their silhouettes out of a video of a fixed camera.

  pip install opencv-python-headless
  python benchmarks/silhouettes.py VIDEO.mp4 BOXES.txt OUT
  python -m cosam_jax.main --mode=masks --workdir=RUN --input=OUT/frames --figures=OUT/figures

Boxes are MOTChallenge lines frame,id,x,y,w,h, frames from 1. The background is the median of the
frames without boxes, brightened or darkened as the camera does while somebody stands before it.
Where a frame differs from it is a first guess, from which OpenCV's GrabCut (Rother et al., 2004)
finds the silhouette. Writes `OUT/frames/<id>/<frame>.jpg` and `OUT/figures/<id>/<frame>.png` (255
on the person), every fourth frame of a track by default.
"""

import argparse
import collections
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

Box = tuple[int, int, int, int]  # Left, top, right, bottom in whole pixels.
DIFFERENCE = 25  # Grey levels from which a pixel is at first taken for the person.
MARGIN = 30  # Pixels around a box that GrabCut sees as certain background.
ROUNDS = 5  # Of GrabCut.


def main() -> None:
  """Reads the video twice, and prints how many people were cut out."""
  try:
    import cv2
  except ImportError:
    sys.exit("error: OpenCV is not installed: pip install opencv-python-headless")
  options = _options()
  boxes = read_boxes(options.boxes)
  empty = [frame for number, frame in _frames(cv2, options.video) if number not in boxes]
  if not empty:
    sys.exit(f"error: every frame of {options.video} has boxes, so none shows the background alone")
  background = np.median(np.stack(empty[:: max(1, len(empty) // 100)]), axis=0)
  seen: collections.Counter[str] = collections.Counter()
  written = left_out = 0
  for number, frame in _frames(cv2, options.video):
    there = [(track, cut(box, frame)) for track, box in boxes.get(number, [])]
    there = [(track, box) for track, box in there if box is not None]
    chosen = [one for one in there if seen[one[0]] % options.every == 0]
    seen.update(track for track, _ in there)
    if not chosen:
      continue
    difference = differences(frame, background, [box for _, box in there])
    difference = cv2.GaussianBlur(difference, (0, 0), 2)
    for track, box in chosen:
      inside = np.s_[box[1] : box[3], box[0] : box[2]]
      guess = difference > DIFFERENCE
      if not guess[inside].any():
        left_out += 1
        continue
      figure = _silhouette(cv2, frame, guess, box)
      for kind, ending, picture in (("frames", "jpg", frame[inside]), ("figures", "png", figure)):
        folder = pathlib.Path(options.out) / kind / track
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{number:06d}.{ending}"), picture)
      written += 1
  print(f"{written} frames of {len(seen)} people, and their silhouettes: {options.out}")
  if left_out:
    print(f"left out: {left_out} boxes in which nothing differs from the background")


def cut(box: Box, frame: np.ndarray) -> Box | None:
  """The part of a box that lies in the picture; None if none does."""
  height, width = frame.shape[:2]
  left, top, right, bottom = max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height)
  return (left, top, right, bottom) if left < right and top < bottom else None


def differences(frame: np.ndarray, background: np.ndarray, boxes: list[Box]) -> np.ndarray:
  """How far each pixel is from the background, after the camera's change of brightness.

  Args:
    frame: uint8[H, W, 3].
    background: float[H, W, 3].
    boxes: of the people, inside the picture; the brightness is compared outside of them.

  Returns:
    float32[H, W], in grey levels: the largest difference of the three colours.
  """
  outside = np.ones(frame.shape[:2], bool)
  for left, top, right, bottom in boxes:
    outside[top:bottom, left:right] = False
  ratios = frame[outside] / np.maximum(background[outside], 1)
  return np.abs(frame - background * np.median(ratios, axis=0)).max(-1).astype(np.float32)


def _silhouette(cv2: Any, frame: np.ndarray, guess: np.ndarray, box: Box) -> np.ndarray:
  """uint8 of the box's size, 255 on the person."""
  left, top, right, bottom = box
  rows = np.s_[max(top - MARGIN, 0) : bottom + MARGIN]
  columns = np.s_[max(left - MARGIN, 0) : right + MARGIN]
  labels = np.full(frame.shape[:2], cv2.GC_BGD, np.uint8)
  inside = np.s_[top:bottom, left:right]
  labels[inside] = np.where(guess[inside], cv2.GC_PR_FGD, cv2.GC_PR_BGD)
  around = np.ascontiguousarray(labels[rows, columns])
  models = np.zeros((1, 65)), np.zeros((1, 65))
  picture = np.ascontiguousarray(frame[rows, columns])
  cv2.grabCut(picture, around, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
  labels[rows, columns] = around
  return np.where(np.isin(labels[inside], (cv2.GC_FGD, cv2.GC_PR_FGD)), 255, 0).astype(np.uint8)


def read_boxes(path: str) -> dict[int, list[tuple[str, Box]]]:
  """Frame number -> the track and the box of each person in it."""
  found = collections.defaultdict(list)
  for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), start=1):
    try:
      frame, track, x, y, width, height = (round(float(part), 6) for part in line.split(",")[:6])
      box = (round(x), round(y), round(x + width), round(y + height))
      found[int(frame)].append((f"{int(track):04d}", box))
    except (ValueError, OverflowError):
      sys.exit(f"error: line {number} of {path} is {line!r}: it must be frame,id,x,y,w,h")
  return dict(found)


def _frames(cv2: Any, path: str) -> Iterator[tuple[int, np.ndarray]]:
  """Yields (number from 1, picture) of a video."""
  video = cv2.VideoCapture(path)
  if not video.isOpened():
    sys.exit(f"error: {path} cannot be read as a video")
  number = 0
  while True:
    read, frame = video.read()
    if not read:
      return
    number += 1
    yield number, frame


def _options() -> argparse.Namespace:
  parser = argparse.ArgumentParser(description="Cuts people and silhouettes out of a video.")
  parser.add_argument("video")
  parser.add_argument("boxes", help="MOTChallenge lines: frame,id,x,y,w,h")
  parser.add_argument("out", help="a folder; made if it is not there")
  parser.add_argument("--every", type=int, default=4, help="cut out each nth frame of a track")
  options = parser.parse_args()
  if options.every < 1:
    parser.error(f"--every is {options.every}: it must be at least 1")
  return options


if __name__ == "__main__":
  main()
