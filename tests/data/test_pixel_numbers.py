"""Frames as bytes against the same frames as floats, and against NumPy's rounding."""

import shutil

import layouts
import numpy as np
import photos
import pytest
from PIL import Image

from cosam_jax.data import decoders, load_dataset, pipeline
from cosam_jax.data.augmentation import ERASE_CLIP, ERASE_FRAME, Address, Augmentation, Preprocess
from cosam_jax.data.batches import BatchPlan
from cosam_jax.data.erasing import VALUE, erase
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.pixel_numbers import IMAGENET_MEAN, IMAGENET_STD, factor_and_offset
from cosam_jax.errors import InputError

SIZE = (32, 16)
MEAN, STD = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)
# Half a grey level in normalised units; the order of additions differs.
HALF = 0.5 / (255 * STD) + 1e-5


@pytest.fixture(scope="module")
def root(tmp_path_factory):
  """Three people in two cameras, four JPEG frames a tracklet."""
  root = tmp_path_factory.mktemp("set")
  for split, cameras in (("train", (1, 2)), ("query", (1,)), ("gallery", (2,))):
    for person in range(1, 4):
      for camera in cameras:
        for frame in range(4):
          path = root / split / str(person) / str(camera) / "t" / f"{frame}.jpg"
          path.parent.mkdir(parents=True, exist_ok=True)
          Image.fromarray(photos.photo(100 * person + 10 * camera + frame)).save(path)
  return root


@pytest.fixture(scope="module")
def plan(root):
  return BatchPlan(load_dataset("folder", root).train, 3, 2, num_frames=3, seed=2)


def batches(plan, pixels, how=None, **options):
  return list(
    pipeline.training_batches(
      plan, image_size=SIZE, augmentation=how, pixels=pixels, last_step=3, **options
    )
  )


def as_floats(levels):
  """The definition of normalisation, in float64."""
  return (levels / 255.0 - MEAN) / STD


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
@pytest.mark.parametrize(
  "how",
  [
    None,
    Augmentation(),
    Augmentation("clip", "none", erase=0.5, erase_per="clip"),
    Augmentation("frame", "enlarged", erase=0.7, erase_per="frame", jitter=0.4),
  ],
)
def test_bytes_are_the_floats_to_half_a_grey_level(plan, how, method):
  found = batches(plan, "uint8", how, resize_method=method)
  wanted = batches(plan, "float32", how, resize_method=method)
  differs = 0
  for ours, theirs in zip(found, wanted, strict=True):
    assert (ours.clips.dtype, theirs.clips.dtype) == (np.uint8, np.float32)
    np.testing.assert_array_equal(ours.labels, theirs.labels)
    distance = np.abs(as_floats(ours.clips) - theirs.clips)
    assert (distance <= HALF).all()
    differs += (distance > 0.2 / (255 * STD)).any()
  assert differs  # Otherwise nothing was there to be rounded.


def test_levels_are_rounded_and_not_cut_off(plan):
  for ours, theirs in zip(batches(plan, "uint8"), batches(plan, "float32"), strict=True):
    levels = (theirs.clips.astype(np.float64) * STD + MEAN) * 255
    sure = np.abs(levels - np.floor(levels) - 0.5) > 1e-3
    np.testing.assert_array_equal(ours.clips[sure], np.rint(levels)[sure])


def test_the_erased_colour_is_the_nearest_grey_level():
  image = np.full((*SIZE, 3), 7, np.uint8)
  address = Address(0, 0, 0, 0)
  seeds = address.draws(ERASE_CLIP, "clip"), address.draws(ERASE_FRAME, "frame")
  found = erase(tf.constant(image), 1.0, *seeds).numpy()
  hidden = (found != 7).any(-1)
  assert 0.01 < hidden.mean() < 0.5
  grey = np.arange(256.0)[:, None]
  nearest = np.abs(as_floats(grey) - VALUE).argmin(0)
  assert nearest.tolist() == [152, 144, 129]
  assert (found[hidden] == nearest).all()


def test_factor_and_offset_are_the_definition():
  factor, offset = factor_and_offset()
  levels = np.arange(256, dtype=np.float32)[:, None]
  np.testing.assert_allclose(levels * factor - offset, as_floats(levels), atol=1e-6)


def test_unreadable_frames_and_shares_as_bytes(root, tmp_path):
  for split in ("query", "gallery"):
    shutil.copytree(root / split, tmp_path / split)
  for person in range(1, 4):
    for frame in range(2):
      path = tmp_path / "train" / str(person) / "1" / "t" / f"{frame}.png"
      layouts.image(path, color=(200, 200, 200))
  (tmp_path / "train" / "1" / "1" / "t" / "1.png").write_bytes(b"no picture")
  plan = BatchPlan(load_dataset("folder", tmp_path).train, 2, 2, num_frames=2, seed=1)
  whole = batches(plan, "uint8", Augmentation(), on_unreadable="skip")
  assert any(not batch.valid.all() for batch in whole)
  for batch in whole:
    assert batch.clips.dtype == np.uint8
    assert not batch.clips[~batch.valid].any()
    assert batch.clips[batch.valid].all()
  shares = [
    batches(plan, "uint8", Augmentation(), on_unreadable="skip", share=(i, 2)) for i in range(2)
  ]
  for batch, *halves in zip(whole, *shares, strict=True):
    np.testing.assert_array_equal(batch.clips, np.concatenate([half.clips for half in halves]))


@pytest.mark.parametrize(("pixels", "ahead"), [("float32", 1), ("uint8", 2)])
def test_batches_that_are_read_ahead_count_by_their_bytes(plan, pixels, ahead, monkeypatch):
  """Room for a batch and a half of floats is room for two of bytes, which is the most."""
  counts, prefetch = [], tf.data.Dataset.prefetch

  def counting(self, count, **options):
    counts.append(count)
    return prefetch(self, count, **options)

  floats = plan.batch(0).frames.size * SIZE[0] * SIZE[1] * 3 * 4
  monkeypatch.setattr(decoders, "INPUT_BYTES", floats * 3 // 2)
  monkeypatch.setattr(tf.data.Dataset, "prefetch", counting)
  batches(plan, pixels)
  assert counts == [ahead]


def test_other_numbers_are_refused():
  with pytest.raises(InputError, match=r"pixels is 'unit8', not one of float32, uint8, levels"):
    Preprocess(SIZE, None, "bilinear", "unit8")
