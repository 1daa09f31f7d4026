"""A small network, and pictures of the sample video with boxes of its person and of a mirror image.

The mirror image is a second track, since people walk through that video one by one.
"""

import itertools

import numpy as np
import pytest

import cosam_jax
from cosam_jax.data.videos import pictures

FIRST, COUNT = 80, 24


@pytest.fixture(scope="module")
def embedder(saved_run, hasty_compilation):
  del hasty_compilation
  return cosam_jax.Embedder.from_checkpoint(saved_run, batch_clips=8)


@pytest.fixture(scope="module")
def sample(shared):
  """The folder of the sample video and its boxes."""
  pytest.importorskip("av")
  return shared / "data" / "sample_video"


@pytest.fixture(scope="module")
def scene(sample):
  """A list of (picture uint8[height, width, 3] RGB, corners float[2, 4])."""
  boxes = {}
  for line in (sample / "boxes.txt").read_text().splitlines():
    frame, _, x, y, w, h = map(float, line.split(",")[:6])
    boxes[int(frame)] = x, y, w, h
  found = []
  video = pictures(sample / "one-by-one-person-detection.mp4")
  for picture in itertools.islice(video, FIRST - 1, FIRST - 1 + COUNT):
    x, y, w, h = boxes[picture.number]
    both = np.concatenate([picture.image, picture.image[:, ::-1]], axis=1)
    width = both.shape[1]
    found.append((both, np.array([[x, y, x + w, y + h], [width - x - w, y, width - x, y + h]])))
  return found
