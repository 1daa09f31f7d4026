"""Steps and forward passes by bytes against those by floats of the same grey levels."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_network import PLAIN, SMALL, small_state

from cosam_jax.data.pixel_numbers import IMAGENET_MEAN, IMAGENET_STD
from cosam_jax.data.transforms import normalise
from cosam_jax.training.frame_bytes import FrameBytes, clips_to_put, normalised
from cosam_jax.training.mesh import make_mesh, put_batch
from cosam_jax.training.state import create_state
from cosam_jax.training.steps import Objective, jit_forward, jit_train_step

pytestmark = pytest.mark.usefixtures("hasty_compilation")
LABELS = np.repeat(np.arange(4), 2).astype(np.int32)


def levels_and_valid():
  rng = np.random.default_rng(3)
  levels = rng.integers(0, 256, (8, 2, 32, 16, 3), dtype=np.uint8)
  valid = np.ones((8, 2), bool)
  valid[1, 1] = valid[6, 0] = False
  return levels, valid


def floats_of(levels, valid):
  """The definition, in float64; frames that are not there are zeros."""
  values = (levels / 255.0 - IMAGENET_MEAN) / np.array(IMAGENET_STD)
  return np.where(valid[..., None, None, None], values, 0).astype(np.float32)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_device_normalises_as_the_pipeline(compiled):
  levels, valid = levels_and_valid()
  run = jax.jit(normalised) if compiled else normalised
  found = np.asarray(run(FrameBytes(jnp.asarray(levels), jnp.asarray(valid))))
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, floats_of(levels, valid), atol=1e-6)
  pipelines = normalise(levels.astype(np.float32)).numpy()
  np.testing.assert_allclose(found[valid], pipelines[valid], atol=1e-6)
  assert not found[~valid].any()


def test_floats_stay_as_they_are():
  levels, valid = levels_and_valid()
  floats = floats_of(levels, valid)
  assert clips_to_put(floats, valid) is floats
  assert normalised(floats) is floats
  assert isinstance(clips_to_put(levels, valid), FrameBytes)


def step_by(form, accumulate, skip):
  """(metrics, state) of a compiled step; its update is the gradient itself."""
  levels, valid = levels_and_valid()
  valid = valid if skip else np.ones_like(valid)
  clips = FrameBytes(levels, valid) if form == "bytes" else floats_of(levels, valid)
  mesh = make_mesh()
  state = create_state(small_state().variables, PLAIN)
  placed = put_batch(mesh, clips, LABELS, valid)
  step = jit_train_step(SMALL, Objective(), PLAIN, mesh, accumulate)
  state, metrics = step(state, *placed[:2], placed[2] if skip else None)
  return jax.device_get((metrics, state))


@pytest.mark.parametrize(("accumulate", "skip"), [(1, False), (2, True)])
def test_a_step_by_bytes_is_the_step_by_the_same_floats(accumulate, skip):
  found, state = step_by("bytes", accumulate, skip)
  wanted, expected = step_by("floats", accumulate, skip)
  chex.assert_trees_all_close(found, wanted, rtol=1e-6, atol=1e-6)
  # The gradients of a norm enlarge the rounding of its input.
  chex.assert_trees_all_close(state, expected, rtol=1e-6, atol=5e-6)


@pytest.mark.parametrize("flip", [False, True])
def test_vectors_by_bytes_are_those_by_the_same_floats(flip):
  levels, valid = levels_and_valid()
  mesh = make_mesh()
  forward = jit_forward(SMALL, mesh, flip=flip)
  by_bytes, by_floats = (
    forward(small_state().variables, *put_batch(mesh, clips), None).features
    for clips in (FrameBytes(levels, valid), floats_of(levels, valid))
  )
  np.testing.assert_allclose(by_bytes, by_floats, rtol=1e-5, atol=1e-6)
