"""Pictures have the right size, colours and names; the table fits."""

import dataclasses

import numpy as np
import pytest
from PIL import Image
from pixels import places, written

from cosam_jax.evaluation.clip_masks import ClipMasks
from cosam_jax.reports.mask_pictures import (
  SMALLEST_RANGE,
  TILE_HEIGHT,
  colour_map,
  colour_range,
  overlay,
  overview,
  save_pictures,
  strip,
  tile_size,
)
from cosam_jax.reports.mask_table import mask_table


def clip_of(num_frames=4, stages=(4, 5), size=(128, 64), seed=0, tracklet="0025C1T0002"):
  rng = np.random.default_rng(seed)
  images = tuple(rng.integers(0, 255, (*size, 3), np.uint8) for _ in range(num_frames))
  masks = {stage: rng.random((num_frames, 8, 4)).astype(np.float32) for stage in stages}
  numbers = tuple(range(5, 5 + num_frames))
  return ClipMasks(tracklet, 25, 1, 2, 6, numbers, 40, images, masks)


def lightness(colours):
  """CIE L* of sRGB, 0 .. 100."""
  linear = np.asarray(colours) / 255.0
  linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
  luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
  return np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)


def test_colours_get_lighter_evenly():
  steps = np.diff(lightness(colour_map(np.linspace(0, 1, 21))))
  assert steps.min() > 2
  assert steps.max() < 6.5
  np.testing.assert_array_equal(colour_map(np.array([-3, 7])), colour_map(np.array([0, 1])))
  assert colour_map(np.zeros((2, 3))).shape == (2, 3, 3)


def test_ranges():
  assert colour_range(np.array([0.2, 0.9])) == (0.2, 0.9)
  low, high = colour_range(np.array([0.5, 0.51]))
  assert (low, high) == pytest.approx((0.505 - SMALLEST_RANGE / 2, 0.505 + SMALLEST_RANGE / 2))
  for constant in (0.0, 1.0):
    low, high = colour_range(np.full(3, constant))
    assert 0 <= low <= constant <= high <= 1
    assert high - low == pytest.approx(SMALLEST_RANGE)


def test_an_overlay_is_light_where_the_mask_is_high():
  mask = np.zeros((4, 2))
  mask[2:, 1] = 1
  grey = np.full((16, 8, 3), 128, np.uint8)
  picture = np.asarray(overlay(grey, mask, (40, 80), (0.0, 1.0)))
  assert picture.shape == (80, 40, 3)
  light = lightness(picture)
  assert light[60:, 30:].min() > light[:30].max() + 20
  assert light[60:, 30:].min() > light[:, :10].max() + 20
  # Colours come from the mask alone.
  red = np.zeros((16, 8, 3), np.uint8) + np.array([128, 0, 0], np.uint8)
  flat = np.asarray(overlay(red, np.zeros((4, 2)), (40, 80), (0.0, 1.0))).astype(int)
  tint = colour_map(np.zeros(1))[0].astype(float)
  assert np.ptp(flat - np.round(0.6 * tint).astype(int), axis=2).max() <= 1


def test_a_missing_image_has_no_mask():
  picture = np.asarray(overlay(None, np.random.default_rng(0).random((4, 2)), (10, 20), (0, 1)))
  assert np.ptp(picture) == 0


@pytest.mark.parametrize("stages", [(5,), (2, 3, 4, 5)])
@pytest.mark.parametrize("num_frames", [2, 4, 12])
def test_a_strip_has_room_for_everything(num_frames, stages):
  clip = clip_of(num_frames, stages)
  picture = strip(clip, "after training")
  assert picture.width >= 196 + num_frames * (TILE_HEIGHT // 2)
  assert picture.height >= (1 + len(stages)) * TILE_HEIGHT
  pixels = np.asarray(picture)
  assert (pixels[:10] == 255).all()  # Nothing runs over the margins.
  assert (pixels[-8:] == 255).all()
  assert (pixels[:, -12:] == 255).all()
  # The right-most frame and its masks: as many filled spans as there are rows.
  column = (pixels[:, 20 + 196 + (num_frames - 1) * 118 + 3] != 255).any(axis=1)
  column[:90] = False
  rows = int((np.diff(column.astype(int)) == 1).sum())
  filled = int(column[: (1 + len(stages)) * (TILE_HEIGHT + 12) + 98].sum())
  assert rows >= 1 + len(stages)
  assert filled == (1 + len(stages)) * TILE_HEIGHT


@pytest.mark.parametrize("draw", [strip, lambda clip: overview([clip])])
def test_pictures_are_deterministic_and_show_masks_and_frames(draw):
  same, again = (np.asarray(draw(clip_of())) for _ in range(2))
  np.testing.assert_array_equal(same, again)
  other = clip_of()
  other.masks[5][:] = other.masks[5][:, ::-1]
  assert (np.asarray(draw(other)) != same).any()
  other = clip_of()
  other.images[0][:] = 0
  assert (np.asarray(draw(other)) != same).any()


@pytest.mark.parametrize(("draw", "height"), [(strip, 224), (lambda clip: overview([clip]), 128)])
def test_frames_and_their_masks_stand_in_order(draw, height):
  clip, size = clip_of(), (height // 2, height)
  picture = draw(clip)
  frames = [Image.fromarray(one).resize(size, Image.Resampling.BICUBIC) for one in clip.images]
  found = [places(picture, frame)[0] for frame in frames]
  for masks in clip.masks.values():
    limits = float(masks.min()), float(masks.max())
    tiles = [overlay(*pair, size, limits) for pair in zip(clip.images, masks, strict=True)]
    found += [places(picture, tile)[0] for tile in tiles]
  frames_x = [x for x, _ in found[:4]]
  assert frames_x == sorted(set(frames_x))
  steps = np.diff(np.reshape(found, (3, 4, 2)), axis=1)
  assert (steps == steps[0]).all()  # Each stage's masks are spaced as the frames are.
  assert len(set(found)) == 12


def test_an_overview_has_a_row_for_each_clip():
  one = overview([clip_of()])
  three = overview([clip_of(seed=seed) for seed in range(3)])
  assert three.width == one.width
  assert three.height - one.height >= 2 * 128
  long = overview([clip_of(num_frames=32)])
  assert long.width == one.width  # It leaves out frames of a long clip.


@pytest.mark.parametrize(
  ("caption", "title"),
  [
    ("after 100 steps", "What COSAM keeps of each frame, after 100 steps"),
    ("", "What COSAM keeps of each frame"),
  ],
)
def test_the_title_of_an_overview_is_a_sentence_with_any_caption(caption, title):
  found = places(overview([clip_of()], caption), written(title, (25, 25, 25), 20))
  assert len(found) == 1


def test_odd_clips_can_be_drawn():
  """A frame far wider than high is pressed together; of nothing readable there are grey tiles."""
  clip = clip_of(num_frames=2, stages=(3,), size=(31, 200), tracklet="a/" + 200 * "very long ")
  missing = ClipMasks("x", -5, 1, 1, 1, (1, 1), 1, (None, None), {3: np.zeros((2, 1, 1))})
  for picture, size in ((strip(clip), (672, 224)), (overview([missing, clip]), (64, 128))):
    tiles = [Image.fromarray(one).resize(size, Image.Resampling.BICUBIC) for one in clip.images]
    limits = float(clip.masks[3].min()), float(clip.masks[3].max())
    tiles += [overlay(*pair, size, limits) for pair in zip(clip.images, clip.masks[3])]
    assert [len(places(picture, tile)) for tile in tiles] == [1] * 4
    assert (np.asarray(picture)[:, -12:] == 255).all()  # The name stays inside.
  for picture, (width, height) in ((strip(missing), (112, 224)), (overview([missing]), (64, 128))):
    grey = Image.new("RGB", (width, height), (190, 190, 190))
    assert len(places(picture, grey)) == 4  # Two frames and their masks.


@pytest.mark.parametrize("draw", [strip, lambda clip: overview([clip])])
def test_the_mask_of_an_unreadable_frame_changes_no_colour(draw):
  clip = clip_of()
  clip = dataclasses.replace(clip, images=(*clip.images[:3], None))
  before = np.asarray(draw(clip))
  clip.masks[4][3] = 1.0
  clip.masks[5][3] = 0.0
  np.testing.assert_array_equal(np.asarray(draw(clip)), before)


def test_files_say_tracklet_and_stages(tmp_path):
  folder = tmp_path / "masks"
  clips = [clip_of(), clip_of(tracklet="0001/cam 1/0002", stages=(4, 5))]
  save_pictures(folder, clips)
  (folder / "mine.png").write_bytes(b"kept")
  files = save_pictures(folder, clips[1:], "step 60")
  assert [file.name for file in files] == ["01_0001-cam-1-0002_clip2_cosam_4_5.png", "overview.png"]
  assert {file.name for file in folder.iterdir()} == {
    *(f.name for f in files), "mine.png", "masks.npz"
  }  # fmt: skip
  with np.load(folder / "masks.npz") as kept:
    assert len(kept.files) == 3
    np.testing.assert_array_equal(kept[f"{files[0].stem}/frames"], clips[1].numbers)
    for stage, masks in clips[1].masks.items():
      np.testing.assert_array_equal(kept[f"{files[0].stem}/cosam{stage}"], masks)
  with Image.open(files[0]) as picture:
    np.testing.assert_array_equal(np.asarray(picture), np.asarray(strip(clips[1], "step 60")))
  assert save_pictures(folder, []) == []
  assert {file.name for file in folder.iterdir()} == {"mine.png"}


WEIGHTS = {"frames": 9, "mean": 0.25, "min": 0.125, "max": 0.875, "spread": 0.0625}
SHARES = {"share_on_figure": 0.5, "uniform_share": 0.26, "fixed_mask_share": 0.375}


def part(**stages):
  return {"frames": 9, "of_frames": 1800, "stages": {key[1:]: row for key, row in stages.items()}}


def test_the_table_compares_before_and_after():
  before = part(s4=WEIGHTS | SHARES | {"share_on_figure": 0.255}, s5=WEIGHTS | SHARES)
  text = mask_table({"before training": before, "after training": part(s4=WEIGHTS | SHARES)})
  lines = text.splitlines()
  assert max(map(len, lines)) < 80
  assert lines[0].split() == [
    "masks", "on", "figure", "uniform", "fixed", "mean", "min", "max", "spread"
  ]  # fmt: skip
  rows = [line.split() for line in lines[2:5]]
  assert [" ".join(row[:4]) for row in rows] == [
    "COSAM 4 before training", "COSAM 4 after training", "COSAM 5 before training"
  ]  # fmt: skip
  assert [row[4] for row in rows] == ["25.5%", "50.0%", "50.0%"]
  assert rows[1][5:] == ["26.0%", "37.5%", "0.25", "0.12", "0.88", "0.062"]
  assert "9 of 1,800 test frames" in text
  own = mask_table({"step 3": part(s4=WEIGHTS | SHARES)}, "frames of the input")
  assert "9 of 1,800 frames of the input\n" in own


def test_the_table_without_figures_has_no_shares():
  text = mask_table({30 * "long": part(s3=WEIGHTS)})
  assert "%" not in text
  assert "uniform" not in text
  assert "0.062" in text
  assert max(map(len, text.splitlines())) < 80


def test_a_tile_has_the_middle_shape_of_the_clips_frames():
  """Not the first one's, which is wide while somebody walks into the picture."""
  wide, tall, higher = (np.zeros((100, width, 3), np.uint8) for width in (110, 40, 30))
  assert tile_size([wide, None, tall, tall, higher], 200) == (80, 200)
  assert tile_size([tall], 100) == (40, 100)
  assert tile_size([None], 100) == (50, 100)
  assert tile_size([np.zeros((1, 90, 3), np.uint8)], 100) == (300, 100)
