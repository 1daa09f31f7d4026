"""Colour jitter against PIL's enhancers, which round to whole grey levels."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from cosam_jax.data import jitter as module
from cosam_jax.data.augmentation import JITTER, Address
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.jitter import jitter

ENHANCERS = {
  "brightness": ImageEnhance.Brightness,
  "contrast": ImageEnhance.Contrast,
  "saturation": ImageEnhance.Color,
}


@pytest.fixture
def picture():
  """A smooth picture with an edge, 40 x 20."""
  y, x = np.mgrid[0:40, 0:20]
  channels = [127 + 110 * np.sin(y / 6 + x / 5), 6 * y, np.where(x > 9, 230, 30)]
  return Image.fromarray(np.stack(channels, -1).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("name", ENHANCERS)
@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.3, 2.0])
def test_each_change_is_pils(picture, name, factor):
  ours = getattr(module, name)(tf.constant(np.asarray(picture, np.float32)), factor).numpy()
  theirs = np.asarray(ENHANCERS[name](picture).enhance(factor), np.float32)
  assert ours.min() >= 0
  assert ours.max() <= 255
  # PIL rounds the grey and the result: half a level each, the first times |1 - factor|.
  assert np.abs(ours - theirs).max() <= 1.6


def seed(step, clip=0):
  return Address(5, step, clip, 99).draws(JITTER, "clip")


@pytest.mark.parametrize("strength", [0.2, 1.0])
def test_changes_come_in_the_drawn_order_with_the_drawn_factors(picture, strength):
  image = tf.constant(np.asarray(picture, np.float32))
  run = tf.function(lambda one: jitter(image, strength, one))
  orders = set()
  for step in range(40):
    draws = tf.random.stateless_uniform([6], seed(step), alg="philox").numpy()
    wanted = picture
    order = sorted(range(3), key=lambda i: draws[3 + i])
    orders.add(tuple(order))
    for i in order:
      factor = 1 - strength + 2 * strength * float(draws[i])
      wanted = list(ENHANCERS.values())[i](wanted).enhance(factor)
    found = run(seed(step)).numpy()
    difference = np.abs(found - np.asarray(wanted, np.float32))
    assert difference.max() <= 11  # Each change can double the rounding of the one before.
    assert difference.mean() <= 2
    np.testing.assert_allclose(found, jitter(image, strength, seed(step)).numpy(), atol=1e-3)
  assert len(orders) == 6


def test_a_clips_frames_share_the_change_and_other_clips_have_others(picture):
  assert Address(5, 1, 2, 8).draws(JITTER, "clip").numpy().tolist() == (
    Address(5, 1, 2, 11).draws(JITTER, "clip").numpy().tolist()
  )
  image = tf.constant(np.asarray(picture, np.float32))
  means = {round(float(tf.reduce_mean(jitter(image, 0.5, seed(0, clip)))), 3) for clip in range(8)}
  assert len(means) == 8
