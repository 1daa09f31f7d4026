"""Weights carried to another clip length and grid: sums stay equal, and masks stay close."""

import chex
import jax
import numpy as np
import pytest
from drawn_networks import drawn, small
from PIL import Image

from cosam_jax.errors import InputError
from cosam_jax.models import Cosam, ReidNet
from cosam_jax.models.interop import from_torch, variable_shapes
from cosam_jax.models.resample import resample_summary, resample_variables
from cosam_jax.models.weight_files import read_weights


def test_the_same_numbers_when_nothing_changes():
  kernel = np.random.default_rng(0).normal(size=(3 * 8 * 4, 5)).astype(np.float32)
  same = resample_summary(kernel, frames=(4, 4), grids=((8, 4), (8, 4)))
  np.testing.assert_array_equal(same, kernel)


@pytest.mark.parametrize(
  ("frames", "grid"), [((4, 8), (8, 4)), ((4, 2), (12, 6)), ((3, 6), (4, 3))]
)
def test_a_constant_field_sums_to_the_same(frames, grid):
  kernel = np.random.default_rng(1).normal(size=((frames[0] - 1) * 8 * 4, 5)).astype(np.float32)
  found = resample_summary(kernel, frames=frames, grids=((8, 4), grid))
  assert found.shape == ((frames[1] - 1) * grid[0] * grid[1], 5)
  np.testing.assert_allclose(found.sum(0), kernel.sum(0), rtol=1e-5, atol=1e-5)


def test_finer_grids_are_read_as_interpolation_reads_them():
  """The carried kernel must include the interpolation; PIL's resize of the field says so."""
  rng = np.random.default_rng(2)
  kernel, field = rng.normal(size=(8 * 4, 1)), rng.normal(size=(12, 6)).astype(np.float32)
  coarse = np.asarray(Image.fromarray(field).resize((4, 8), Image.Resampling.BILINEAR))
  fine = resample_summary(kernel, frames=None, grids=((8, 4), (12, 6)))
  np.testing.assert_allclose(field.ravel() @ fine, coarse.ravel() @ kernel, rtol=1e-4)


def test_slots_are_places_in_the_clip():
  """Two slots are read at three places: the first, halfway between, and the last."""
  kernel = np.random.default_rng(3).normal(size=(3, 1)).astype(np.float32)  # T = 4, a 1x1 grid
  found = resample_summary(kernel, frames=(4, 3), grids=((1, 1), (1, 1)))
  first, second = np.float32([2.0, 5.0])
  read = np.float32([first + (second - first) * place for place in (0.0, 0.5, 1.0)])
  np.testing.assert_allclose([first, second] @ found, read @ kernel, rtol=1e-5)


@pytest.fixture(scope="module")
def real_features(shared):
  """Stage-4 features of eight real frames, trained weights: float32[1, 8, 16, 8, 512]."""
  folder = shared / "data" / "mars_mini" / "bbox_test"
  paths = sorted(next(path for path in sorted(folder.iterdir()) if path.name > "0000").glob("*"))
  mean, deviation = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
  frames = []
  for path in paths[:8]:
    with Image.open(path) as image:
      frame = image.convert("RGB").resize((128, 256), Image.Resampling.BILINEAR)
    frames.append((np.asarray(frame, np.float32) / 255 - mean) / deviation)
  model = ReidNet("resnet50", (), num_frames=8, width=0.5, stride_in="1x1", pool="ceil")
  variables = from_torch(read_weights(shared / "weights" / "resnet50_half.npz"), model)
  forward = jax.jit(lambda v, x: model.apply(v, x, method="stage_outputs")[4])
  return np.asarray(forward(variables, np.stack(frames)[None]))


def _carried(features, variables, old_grid, redraw=False):
  """Masks of `features` by the summary of four frames on `old_grid`, carried to their size."""
  frames, grid = features.shape[1], features.shape[2:4]
  kernel = np.asarray(variables["params"]["summary"]["kernel"])[0, 0]
  kernel = resample_summary(kernel, frames=(4, frames), grids=(old_grid, grid))
  if redraw:
    kernel = np.random.default_rng(0).permutation(kernel)
  params = variables["params"] | {
    "summary": variables["params"]["summary"] | {"kernel": kernel[None, None]}
  }
  return np.asarray(Cosam().apply(variables | {"params": params}, features, train=False)[1].spatial)


@pytest.mark.slow
def test_masks_of_real_frames_stay_close(real_features):
  """Twice the frames, then a grid 1.5 times as fine; a shuffled kernel shows the scale."""
  four = real_features[:, ::2]
  grid = four.shape[2:4]
  variables = Cosam().init(jax.random.key(0), four, train=False)
  wanted = _carried(four, variables, grid)
  eight = _carried(real_features, variables, grid)[:, ::2]
  larger = jax.image.resize(four, (*four.shape[:2], 24, 12, four.shape[-1]), "linear")
  finer = jax.image.resize(_carried(larger, variables, grid), wanted.shape, "linear")
  shuffled = _carried(real_features, variables, grid, redraw=True)[:, ::2]
  agreement = [
    np.corrcoef(wanted.ravel(), np.ravel(found))[0, 1] for found in (eight, finer, shuffled)
  ]
  assert min(agreement[:2]) > 0.8, agreement
  assert agreement[2] < 0.7, agreement


def test_what_cannot_be_carried_is_refused():
  kernel = np.zeros((3 * 8 * 4, 5), np.float32)
  with pytest.raises(InputError, match="4 slots on a 8x4 grid have 128"):
    resample_summary(kernel, frames=(5, 8), grids=((8, 4), (8, 4)))
  with pytest.raises(InputError, match="at least 2"):
    resample_summary(kernel, frames=(4, 1), grids=((8, 4), (8, 4)))
  with pytest.raises(InputError, match="differ in more"):
    resample_variables({}, ReidNet(temporal="tp"), ReidNet(temporal="ta"))


def test_a_summary_of_matches_is_taken_as_it_is():
  """The TA head's kernel is carried, as always."""
  old = small(summary="position_free", temporal="ta", num_frames=2)
  new = old.clone(num_frames=4, image_size=(96, 48))
  variables = drawn(old)
  found = resample_variables(variables, old, new)
  for stage in (4, 5):
    chex.assert_trees_all_equal(found["params"][f"cosam{stage}"],
                                variables["params"][f"cosam{stage}"])  # fmt: skip
  chex.assert_trees_all_equal_shapes(found, variable_shapes(new))
  assert found["params"]["head"]["conv"]["kernel"].shape[:2] == new.grid_size(5)
