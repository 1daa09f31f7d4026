"""Features and masks equal the published PyTorch code's, for every backbone, head and stage."""

import functools

import jax
import numpy as np
import published
import pytest

from cosam_jax.models.interop import from_torch

# Quick ones cover both backbones, the three heads, and COSAM after three of the stages.
QUICK = {
  "resnet50_cosam45_rnn_T4",
  "se_resnet50_cosam45_ta_T4",
  "se_resnet50_cosam2_tp_T4",
}
CASES = sorted(path.stem.removeprefix("forward_") for path in published.GOLDEN.glob("forward_*"))


@functools.partial(jax.jit, static_argnums=0)
def _run(model, variables, clips):
  """One compilation for both methods; XLA merges what they share."""
  out = model.apply(variables, clips)
  stages = model.apply(variables, clips, method="stage_outputs")
  return out, {stage: features.mean((0, 1, 2, 3)) for stage, features in stages.items()}


@pytest.mark.parametrize(
  "case", [pytest.param(c, marks=[] if c in QUICK else pytest.mark.slow) for c in CASES]
)
def test_forward_equals_the_published_code(case):
  wanted = np.load(published.GOLDEN / f"forward_{case}.npz")
  model = published.model_of(case)
  variables = from_torch(published.draw_state(case), model)
  batch = wanted["features"].shape[0]
  out, stage_means = _run(model, variables, published.draw_clips(batch, model.num_frames))
  found = {"features": out.features}
  for stage, masks in out.masks.items():
    found[f"spatial_mask_{stage}"] = masks.spatial
    found[f"channel_mask_{stage}"] = masks.channel
    found[f"stage_out_mean_{stage}"] = stage_means[stage]
  assert set(found) == set(wanted.files)
  for name, value in found.items():
    assert value.shape == wanted[name].shape, name
    error = np.linalg.norm(value - wanted[name]) / np.linalg.norm(wanted[name])
    assert error < 1e-4, (name, error)


def test_the_cases_cover_what_they_should():
  assert len(CASES) == 14
  assert set(CASES) >= QUICK
