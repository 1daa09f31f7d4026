"""Animations, bars of the gate and correlation pictures of known values."""

import numpy as np
import pytest
from PIL import Image
from pixels import places, written

from cosam_jax.evaluation.clip_masks import ClipMasks
from cosam_jax.reports.mask_motion import (
  channels_picture,
  colour_range_of_ncc,
  correlation_picture,
  save_animation,
)
from cosam_jax.reports.mask_pictures import colour_map, overlay

SIZE = (112, 224)


def clip_of(numbers, greys, masks, clip=1):
  """A clip of grey frames; None for one that cannot be read."""
  images = tuple(
    None if grey is None else np.full((64, 32, 3), grey, np.uint8) for grey in greys
  )  # fmt: skip
  return ClipMasks("anna", 1, 1, clip, 2, tuple(numbers), 9, images, {5: np.asarray(masks)})


def flat(*values):
  return np.stack([np.full((4, 2), value, np.float32) for value in values])


def test_an_animation_has_each_readable_frame_once_with_its_mask_beside(tmp_path):
  clips = [
    clip_of((1, 2), (200, 100), flat(0, 1)),
    clip_of((3, 4), (None, 50), flat(0, 0.5), clip=2),
    clip_of((4, 4), (50, 50), flat(0.5, 0.5), clip=3),
  ]
  save_animation(tmp_path / "anna.webp", clips)
  shown = [(200, 0.0), (100, 1.0), (50, 0.5)]
  with Image.open(tmp_path / "anna.webp") as file:
    assert file.n_frames == len(shown)
    for i, (grey, value) in enumerate(shown):
      file.seek(i)
      page = np.asarray(file.convert("RGB"), float)
      middle = page.shape[0] // 2
      # The frame is left; right are 6 parts of the mask's colour over 4 of the frame's grey.
      assert page[middle, 20:90].mean(0) == pytest.approx([grey] * 3, abs=4)
      colour = 0.6 * colour_map(np.array(value)) + 0.4 * grey
      assert page[middle, 140:210].mean(0) == pytest.approx(colour, abs=4)


def test_bars_are_as_long_as_their_gates():
  rows = [{"channel": 7, "gate": 1.0}, {"channel": 2, "gate": 0.5}, {"channel": 0, "gate": 0.0}]
  picture = np.asarray(channels_picture({"4": rows, "5": rows[1:]}))
  bars = (picture == (33, 145, 140)).all(-1)
  lengths = [bars[46 + 22 * row + 7].sum() for row in range(3)]
  # Bars of stages 4 and 5; each has two pixels even if its gate is shut.
  assert lengths == [180 + 2 + 90 + 2, 90 + 2 + 2, 2]


def test_a_correlation_picture_has_the_point_and_the_other_frames():
  values = np.random.default_rng(0).uniform(-1, 1, (3, 4, 2)).astype(np.float32)
  clip = clip_of((5, 6, 7), (0, 90, 180), flat(0, 0, 0))
  picture = correlation_picture(clip, 1, (0.25, 0.5), {5: values})
  shown = values[[0, 2]]
  limits = float(shown.min()), float(shown.max())
  found = [
    places(picture, overlay(image, one, SIZE, limits)) for image, one in zip(clip.images, values)
  ]
  assert [len(one) for one in found] == [1, 0, 1]
  assert found[0][0][0] < found[2][0][0]
  red = np.argwhere((np.asarray(picture) == (255, 0, 0)).all(-1))
  x, y = found[0][0][0], found[0][0][1]
  step = found[2][0][0] - x
  # The point's own frame stands one column to the left of the first other one.
  assert (red.min(0) + red.max(0)) / 2 == pytest.approx(
    [y + 0.25 * SIZE[1], x - step + 0.5 * SIZE[0]]
  )
  # A row for each stage.
  both = correlation_picture(clip, 1, (0, 0), {4: values, 5: values})
  row = both.height - picture.height
  assert places(both, overlay(clip.images[0], values[0], SIZE, limits)) == [(x, y), (x, y + row)]


@pytest.mark.parametrize("width", [8, 64, 200])
def test_no_word_above_a_correlation_is_cut(width):
  """Crops of people may be narrower than the words above them."""
  values = np.stack([np.linspace(-0.05, 0.63, 8).reshape(4, 2)] * 3).astype(np.float32)
  images = (np.zeros((64, width, 3), np.uint8),) * 3
  clip = ClipMasks("anna", 1, 1, 1, 1, (21, 22, 23), 30, images, {5: values})
  picture = correlation_picture(clip, 1, (0.5, 0.5), {5: values})
  dark, grey = (25, 25, 25), (95, 95, 95)
  for text, colour, times in (
    ("frame 21", dark, 1),
    ("frame 22", dark, 1),
    ("stage 5", grey, 1),
    ("-0.05 to 0.63", grey, 2),
  ):
    assert len(places(picture, written(text, colour, 13))) == times, text
  shown = np.asarray(picture)
  assert (shown[:, -4:] == 255).all()
  assert (shown[12:26, 10:80] != 255).any()  # A title.


def test_even_correlations_are_not_stretched():
  assert colour_range_of_ncc(np.array([-0.5, 1.0])) == (-0.5, 1.0)
  assert colour_range_of_ncc(np.array([0.25, 0.26])) == pytest.approx((0.25, 0.30))
