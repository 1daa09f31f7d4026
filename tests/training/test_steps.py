"""The training step on a tiny network: gradients, state, and one compilation."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import parameterized
from flax import linen as nn
from small_network import MODEL, OPTIMIZER, PLAIN, SMALL, batch, small_state, variables

from cosam_jax.models import Outputs
from cosam_jax.training import losses
from cosam_jax.training.mesh import make_mesh
from cosam_jax.training.parameter_groups import Groups
from cosam_jax.training.state import create_state, init_variables
from cosam_jax.training.steps import (
  Learning,
  Objective,
  accumulated_step,
  forward_with_loss,
  jit_forward,
  jit_train_step,
  train_step,
)

pytestmark = pytest.mark.usefixtures("hasty_compilation")


class StepVariants(chex.TestCase):
  @chex.variants(with_jit=True, without_jit=True)
  @parameterized.parameters(Objective(), Objective(0.0, 0.5, 2.0))
  def test_a_step_is_loss_gradient_and_update(self, objective):
    clips, labels = batch()
    before = small_state()
    step = self.variant(functools.partial(train_step, SMALL, objective, OPTIMIZER))
    after, metrics = step(before, clips, labels)

    outputs, updated = SMALL.apply(before.variables, clips, train=True, mutable=["batch_stats"])
    entropy = losses.cross_entropy(outputs.logits, labels, objective.label_smoothing)
    triplet = losses.batch_hard_triplet(outputs.features, labels, objective.triplet_margin)
    np.testing.assert_allclose(metrics["cross_entropy"], entropy, rtol=1e-5)
    np.testing.assert_allclose(metrics["triplet"], triplet, rtol=1e-5)
    total = entropy + objective.triplet_weight * triplet
    np.testing.assert_allclose(metrics["loss"], total, rtol=1e-5)
    chex.assert_trees_all_close(after.batch_stats, updated["batch_stats"], rtol=1e-5)
    assert int(after.step) == 1

    def loss_of(params):
      variables = before.variables | {"params": params}
      return forward_with_loss(SMALL, objective, variables, clips, labels)[0]

    # Against finite differences, along the direction that the optimiser took.
    moved = jax.tree.map(jnp.subtract, after.params, before.params)
    ahead, behind = (
      float(loss_of(jax.tree.map(lambda p, m, s=s: p + s * m, before.params, moved)))
      for s in (0.5, -0.5)
    )
    gradients = jax.grad(loss_of)(before.params)
    slope = sum(float(jnp.vdot(g, m)) for g, m in zip(*map(jax.tree.leaves, (gradients, moved))))
    assert slope < 0
    np.testing.assert_allclose(ahead - behind, slope, rtol=0.02)
    norm = np.sqrt(sum(float((g**2).sum()) for g in jax.tree.leaves(gradients)))
    np.testing.assert_allclose(metrics["gradient_norm"], norm, rtol=1e-4)
    # Adam's first step is minus the rate times the sign of gradient plus decay.
    signs = jax.tree.map(lambda g, p: jnp.sign(g + 5e-4 * p), gradients, before.params)
    sure = jax.tree.map(lambda g, m, s: jnp.where(jnp.abs(g) > 1e-4, m, -1e-3 * s), gradients,
                        moved, signs)  # fmt: skip
    chex.assert_trees_all_close(sure, jax.tree.map(lambda s: -1e-3 * s, signs), rtol=2e-3)


def test_steps_share_one_trace():
  chex.clear_trace_counter()
  traced = chex.assert_max_traces(train_step, n=1)
  step = jax.jit(functools.partial(traced, SMALL, Objective(), OPTIMIZER), donate_argnums=0)
  state, found = small_state(), []
  for seed in range(4):
    state, metrics = step(state, *batch(seed))
    found.append(float(metrics["loss"]))
  assert int(state.step) == 4
  assert len(set(found)) == 4


def test_invalid_frames_change_neither_losses_nor_statistics():
  """The content of a frame marked invalid does not matter."""
  clips, labels = batch()
  valid = np.ones(clips.shape[:2], bool)
  valid[1, 1] = valid[6, 0] = False
  other = np.where(valid[..., None, None, None], clips, 7.0).astype(np.float32)
  given = variables()

  @jax.jit
  def evaluate(clips, valid):
    loss = forward_with_loss(MODEL, Objective(), given, clips, labels, valid)
    return loss[1][:2]

  found, same = evaluate(clips, valid), evaluate(other, valid)
  chex.assert_trees_all_close(found, same, rtol=1e-5, atol=1e-6)
  different = evaluate(other, np.ones_like(valid))
  assert abs(float(found[0]["loss"] - different[0]["loss"])) > 1e-4


class Parts(nn.Module):
  """Two layers with names of a network's parts, of which each treats every clip by itself."""

  def setup(self):
    self.stem, self.classifier = nn.Dense(5), nn.Dense(4)

  def __call__(self, clips, valid=None, *, train=False):
    del valid, train
    features = jnp.tanh(self.stem(clips.mean((1, 2)).reshape(len(clips), -1)))
    return Outputs(features, self.classifier(features), {}, None)


@pytest.mark.parametrize("parts", [1, 2])
def test_frozen_parts_stay_and_do_not_count_in_the_gradients_norm(parts):
  clips, labels = batch()
  network, learning = Parts(), Learning(Groups(frozen=("stem",)))
  params = network.init(jax.random.key(0), clips)["params"]
  state = create_state({"params": params, "batch_stats": {}}, PLAIN)
  whole, _ = train_step(network, Objective(), PLAIN, state, clips, labels)
  step = train_step if parts == 1 else accumulated_step
  given = (network, Objective(), PLAIN) if parts == 1 else (network, Objective(), PLAIN, parts)
  after, metrics = step(*given, state, clips, labels, learning=learning)
  chex.assert_trees_all_equal(after.params["stem"], params["stem"])
  chex.assert_trees_all_close(
    after.params["classifier"], whole.params["classifier"], rtol=1e-5, atol=1e-6
  )
  moved = jax.tree.map(jnp.subtract, params["classifier"], after.params["classifier"])
  norm = np.sqrt(sum(float((leaf**2).sum()) for leaf in jax.tree.leaves(moved)))
  np.testing.assert_allclose(metrics["gradient_norm"], norm, rtol=1e-4)


def test_a_norm_of_a_frozen_part_still_follows_the_data():
  clips, labels = batch()
  before = create_state(jax.tree.map(jnp.asarray, variables()), OPTIMIZER)
  every = ("stem", "stage2", "stage3", "stage4", "stage5")
  learning = Learning(Groups(frozen=every))
  step = jax.jit(functools.partial(train_step, MODEL, Objective(), PLAIN, learning=learning))
  after, _ = step(create_state(variables(), PLAIN), clips, labels)
  for part in every:
    chex.assert_trees_all_equal(after.params[part], before.params[part])
    statistics = zip(*map(jax.tree.leaves, (after.batch_stats[part], before.batch_stats[part])))
    assert all(bool((new != old).any()) for new, old in statistics), part


def test_mirrored_features_are_the_mean_of_two_passes():
  clips, _ = batch()
  valid = np.ones(clips.shape[:2], bool)
  valid[1, 1] = False
  given, mesh = variables(), make_mesh()
  forward = jit_forward(MODEL, mesh)
  plain, mirrored = (forward(given, one, valid) for one in (clips, clips[:, :, :, ::-1]))
  found = jit_forward(MODEL, mesh, flip=True)(given, clips, valid)
  wanted = (np.asarray(plain.features, np.float64) + np.asarray(mirrored.features)) / 2
  assert np.abs(plain.features - mirrored.features).max() > 1e-3
  np.testing.assert_allclose(found.features, wanted, rtol=1e-4, atol=1e-5)
  chex.assert_trees_all_close(found._replace(features=plain.features), plain, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_rematerialisation_changes_the_memory_alone():
  """The step's numbers stay the same; XLA's temporary memory falls by more than a fifth."""
  mesh = make_mesh()
  clips, labels = batch(clips=16)
  found, memory = [], []
  for remat in (False, True):
    model = MODEL.clone(backbone="resnet50", width=0.0625, remat=remat)
    state = create_state(init_variables(model, 0), OPTIMIZER)
    step = jit_train_step(model, Objective(), OPTIMIZER, mesh)
    program = step.lower(state, clips, labels, None).compile()
    memory.append(program.memory_analysis().temp_size_in_bytes)
    after, metrics = program(state, clips, labels, None)
    found.append((after.batch_stats, metrics))
  chex.assert_trees_all_close(*found, rtol=1e-4, atol=1e-6)
  assert memory[1] < 0.8 * memory[0], memory
