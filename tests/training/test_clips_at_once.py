"""How many clips a CPU takes through the network together, and that it does not matter."""

import chex
import jax
import numpy as np
import pytest

from cosam_jax.commands.benchmark import drawn
from cosam_jax.models import ReidNet
from cosam_jax.training import mesh, steps
from cosam_jax.training.steps import clips_at_once


@pytest.mark.parametrize(("shape", "channels", "clips"), [
  ((8, 4, 256, 128, 3), 256, 1),
  ((8, 4, 128, 64, 3), 256, 4),
  ((8, 4, 128, 64, 3), 128, 8),
  ((6, 4, 128, 64, 3), 256, 3),  # Four do not divide six.
  ((7, 4, 128, 64, 3), 256, 1),
  ((32, 4, 128, 64, 3), 64, 16),
  ((2, 16, 512, 256, 3), 256, 1),  # One is taken, however large.
])  # fmt: skip
def test_narrow_networks_take_more_clips(shape, channels, clips):
  assert clips_at_once(shape, channels) == clips


@pytest.mark.parametrize("flip", [False, True])
def test_the_clips_outputs_do_not_depend_on_it(flip, monkeypatch):
  monkeypatch.setattr(steps, "_VALUES_AT_ONCE", 2 * 2 * 16 * 8 * 16)
  model = ReidNet("resnet18", (5,), num_frames=2, image_size=(64, 32), num_classes=3, width=0.25)
  clips = np.random.default_rng(0).standard_normal((6, 2, 64, 32, 3), np.float32)
  assert clips_at_once(clips.shape, 16) == 2
  variables = drawn.variables(lambda: model.init(jax.random.key(0), clips[:1]))
  where = mesh.make_mesh()
  one, two = (
    steps.jit_forward(model, where, flip=flip, at_once=at_once)(variables, clips, None)
    for at_once in (False, True)
  )
  scale = float(np.abs(two.features).max())
  chex.assert_trees_all_close(one.features, two.features, atol=1e-5 * scale)
  chex.assert_trees_all_close(one.masks, two.masks, atol=1e-5)
