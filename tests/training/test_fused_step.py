"""A whole training step with fused kernels, interpreted, against the compiler's."""

import chex
import jax
import numpy as np
import pytest
from small_network import MODEL, PLAIN, batch

from cosam_jax.training.mesh import make_mesh
from cosam_jax.training.state import create_state, init_variables
from cosam_jax.training.steps import Objective, jit_train_step

pytestmark = [pytest.mark.usefixtures("hasty_compilation"), pytest.mark.slow]


@pytest.mark.parametrize("options", [{}, {"accumulate": 2, "remat": True}])
def test_a_step_of_resnet50_has_the_same_numbers(options):
  """Stages 2 and 3 have too few channels for the kernels, stages 4 and 5 have enough."""
  clips, labels = batch()
  valid = np.ones(clips.shape[:2], bool)
  valid[1, 1] = False
  small = MODEL.clone(backbone="resnet50", width=0.0625, remat="remat" in options)
  start = init_variables(small, 0)
  found = []
  for norms in ("compiler", "fused"):
    model = small.clone(norms=norms)
    chex.assert_trees_all_equal(init_variables(model, 0), start)
    step = jit_train_step(
      model, Objective(), PLAIN, make_mesh(), accumulate=options.get("accumulate", 1)
    )
    state = create_state(jax.tree.map(np.array, start), PLAIN)
    after, metrics = jax.device_get(step(state, clips, labels, valid))
    moved = jax.tree.map(np.subtract, after.params, start["params"])
    found.append((metrics, after.batch_stats, moved))
  for theirs, mine in zip(*map(jax.tree.leaves, found), strict=True):
    # Some gradients are zero but for rounding, such as those before a norm.
    np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-3 * np.abs(theirs).max() + 1e-6)
