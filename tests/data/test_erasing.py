"""Erased rectangles against the published loop, with the same random numbers."""

import numpy as np
import pytest

from cosam_jax.data.augmentation import ERASE_CLIP, ERASE_FRAME, Address
from cosam_jax.data.erasing import VALUE, erase
from cosam_jax.data.host_tensorflow import tf

PROBABILITY = 0.5


def uniform(shape, seed):
  return tf.random.stateless_uniform(shape, seed, alg="philox").numpy()


def published(image, clip_seed, frame_seed, probability=PROBABILITY):
  """Draws up to 100 rectangles until one is lower and narrower than the frame, and fills it."""
  image = image.copy()
  height, width = np.float32(image.shape[0]), np.float32(image.shape[1])
  drawn, down, right = uniform([3], clip_seed)
  if drawn >= probability:
    return image
  for area_share, ratio_share in uniform([100, 2], frame_seed):
    area = np.float32(0.02 + np.float32(0.4 - 0.02) * area_share) * (height * width)
    ratio = np.float32(0.3) + np.float32(1 / 0.3 - 0.3) * ratio_share
    h, w = round(float(np.sqrt(area * ratio))), round(float(np.sqrt(area / ratio)))
    if w < width and h < height:
      top = round(float(down * np.float32(height - h)))
      left = round(float(right * np.float32(width - w)))
      for y in range(top, top + h):
        for x in range(left, left + w):
          image[y, x] = VALUE
      return image
  return image


def place(step, clip=0, frame=0):
  return Address(11, step, clip, frame)


@pytest.mark.parametrize("size", [(32, 16), (16, 8), (12, 48), (1, 40), (2, 2)])
@pytest.mark.parametrize("per", ["frame", "clip"])
def test_rectangles_are_those_of_the_published_loop(size, per):
  rng = np.random.default_rng(0)
  image = rng.normal(size=(*size, 3)).astype(np.float32)
  run = tf.function(lambda a, b: erase(tf.constant(image), PROBABILITY, a, b))
  erased = 0
  for step in range(60):
    address = place(step, 1, 5)
    seeds = address.draws(ERASE_CLIP, "clip"), address.draws(ERASE_FRAME, per)
    found = run(*seeds).numpy()
    wanted = published(image, *seeds)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(erase(tf.constant(image), PROBABILITY, *seeds).numpy(), wanted)
    erased += not np.array_equal(found, image)
  if size == (1, 40):  # No rectangle is lower than one row.
    assert erased == 0
  elif size != (2, 2):
    assert 10 < erased < 50


def rectangles(per, clips=400, frames=3, probability=1.0):
  """Top, left, height and width for each frame of each clip; None where nothing is erased."""
  black = tf.zeros([64, 32, 3])
  run = tf.function(lambda a, b: erase(black, probability, a, b))
  found = []
  for clip in range(clips):
    found.append([])
    for frame in range(frames):
      address = place(3, clip, frames * clip + frame)
      image = run(address.draws(ERASE_CLIP, "clip"), address.draws(ERASE_FRAME, per)).numpy()
      rows, columns = image[..., 0].any(axis=1).nonzero()[0], image[..., 0].any(axis=0).nonzero()[0]
      if not len(rows):
        found[-1].append(None)
        continue
      box = rows[0], columns[0], len(rows), len(columns)
      inside = image[box[0] : box[0] + box[2], box[1] : box[1] + box[3]]
      np.testing.assert_array_equal(inside, np.broadcast_to(np.float32(VALUE), inside.shape))
      assert (image != 0).any(axis=-1).sum() == box[2] * box[3]
      found[-1].append(box)
  return found


def test_areas_ratios_and_places():
  boxes = [clip[0] for clip in rectangles("frame", frames=1) if clip[0] is not None]
  assert len(boxes) > 390
  top, left, height, width = np.array(boxes).T
  share, ratio = height * width / (64 * 32), height / width
  assert 0.015 < share.min() < 0.06
  assert 0.33 < share.max() < 0.43
  assert 0.2 < ratio.min() < 0.6  # Sides are whole pixels.
  assert 2.8 < ratio.max() < 4.5
  assert top.min() == left.min() == 0
  assert (top + height).max() == 64
  assert (left + width).max() == 32


def test_a_clip_is_erased_as_one():
  for per in ("frame", "clip"):
    clips = rectangles(per, clips=60, probability=0.5)
    erased = [clip for clip in clips if clip[0] is not None]
    assert 15 < len(erased) < 45
    assert all(None not in clip for clip in erased)
    assert all(clip == [None] * 3 for clip in clips if clip[0] is None)
    same = [len(set(clip)) == 1 for clip in erased]
    assert all(same) if per == "clip" else not any(same)
