"""The training step on a tiny network: gradients, state, one compilation; one device or several."""

import functools
import json
import os
import subprocess
import sys

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from absl.testing import parameterized
from flax import linen as nn

from cosam_jax.models import Outputs, ReidNet
from cosam_jax.models.layers import BatchNorm
from cosam_jax.training import losses
from cosam_jax.training.mesh import make_mesh, put_batch, replicated
from cosam_jax.training.optim import make_optimizer
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
MODEL = ReidNet(
  "resnet18", (5,), "tp", num_frames=2, image_size=(32, 16), num_classes=4, width=0.125
)
OPTIMIZER = make_optimizer(optax.constant_schedule(1e-3), weight_decay=5e-4)


def batch(seed=0, clips=8):
  rng = np.random.default_rng(seed)
  labels = np.repeat(np.arange(clips // 2), 2).astype(np.int32) % 4
  return rng.standard_normal((clips, 2, 32, 16, 3)).astype(np.float32), labels


@functools.cache
def variables():
  return jax.device_get(init_variables(MODEL, 0))


def fresh_state():
  return create_state(jax.tree.map(jnp.asarray, variables()), OPTIMIZER)


class Small(nn.Module):
  """A layer, a norm and a classifier: stands in for the network in tests of the step alone."""

  @nn.compact
  def __call__(self, clips, valid=None, *, train=False):
    del valid
    x = nn.Dense(5)(clips.mean((1, 2)).reshape(len(clips), -1))
    features = jnp.tanh(BatchNorm()(x, train=train))
    return Outputs(features, nn.Dense(4)(features), {}, None)


SMALL = Small()


def small_state():
  return create_state(SMALL.init(jax.random.key(0), batch()[0]), OPTIMIZER)


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


class Normless(nn.Module):
  """A network that treats every clip by itself: splitting a batch in parts changes nothing."""

  @nn.compact
  def __call__(self, clips, valid=None, *, train=False):
    del valid, train
    features = jnp.tanh(nn.Dense(5)(clips.mean((1, 2)).reshape(len(clips), -1)))
    return Outputs(features, nn.Dense(4)(features), {}, None)


# The update is the gradient itself.
PLAIN = optax.sgd(1.0)


@pytest.mark.parametrize("parts", [2, 4])
def test_accumulation_is_the_large_batch(parts):
  """With 4 parts of one identity each, no triplet could be mined within a part."""
  clips, labels = batch()
  network = Normless()
  params = network.init(jax.random.key(0), clips)["params"]
  state = create_state({"params": params, "batch_stats": {}}, PLAIN)
  wanted, wanted_metrics = train_step(network, Objective(), PLAIN, state, clips, labels)
  found, metrics = jax.jit(functools.partial(accumulated_step, network, Objective(), PLAIN, parts))(
    state, clips, labels
  )
  assert float(metrics["triplet"]) > 0.1
  chex.assert_trees_all_close(metrics, wanted_metrics, rtol=1e-5)
  chex.assert_trees_all_close(found, wanted, rtol=1e-5, atol=1e-6)


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


@pytest.mark.parametrize("skip", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_accumulation_normalises_each_part_by_itself(skip):
  """The oracle is one gradient of the whole network, over a loop of parts."""
  clips, labels = batch()
  valid = np.ones(clips.shape[:2], bool)
  valid[1, 1] = valid[6, 0] = False
  before = create_state(variables(), PLAIN)
  halves = [slice(0, 4), slice(4, 8)]

  def loss_of(params):
    outputs, statistics = zip(*(
      MODEL.apply(
        {"params": params, "batch_stats": before.batch_stats}, clips[rows],
        valid[rows] if skip else None, train=True, mutable=["batch_stats"],
      )
      for rows in halves
    ))  # fmt: skip
    features, logits = (
      jnp.concatenate([getattr(one, name) for one in outputs]) for name in ("features", "logits")
    )
    loss = losses.cross_entropy(logits, labels) + losses.batch_hard_triplet(features, labels)
    return loss, statistics

  @jax.jit
  def oracle(params):
    return jax.value_and_grad(loss_of, has_aux=True)(params)

  (loss, statistics), gradients = oracle(before.params)
  after, metrics = jax.jit(functools.partial(accumulated_step, MODEL, Objective(), PLAIN, 2))(
    before, clips, labels, valid if skip else None
  )
  np.testing.assert_allclose(metrics["loss"], loss, rtol=1e-5)
  means = jax.tree.map(lambda a, b: (a + b) / 2, *(one["batch_stats"] for one in statistics))
  chex.assert_trees_all_close(after.batch_stats, means, rtol=1e-5, atol=1e-6)
  found = jax.tree.map(jnp.subtract, before.params, after.params)
  scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(gradients))
  chex.assert_trees_all_close(found, gradients, rtol=1e-3, atol=1e-5 * scale)
  assert int(after.step) == 1


def on_devices(count, expression, environment):
  """What one of the functions here returns in a process with so many devices."""
  script = f"import jax, test_steps as t; print([jax.device_count(), {expression}])"
  flags = f"--xla_force_host_platform_device_count={count}"
  folder = os.path.dirname(__file__)
  output = subprocess.run(
    [sys.executable, "-c", script], capture_output=True, text=True, timeout=300,
    env=os.environ | environment | {"XLA_FLAGS": flags, "PYTHONPATH": folder},
  )  # fmt: skip
  assert output.returncode == 0, output.stderr[-2000:]
  devices, found = json.loads(output.stdout)
  assert devices == count
  return found


def features_over_the_mesh() -> list[list[float]]:
  """Features of a batch that all devices share; a test below runs this in another process."""
  mesh = make_mesh()
  clips, _ = batch()
  found = jit_forward(SMALL, mesh)(small_state().variables, *put_batch(mesh, clips), None)
  assert [len(one.data) for one in found.features.addressable_shards] == [2] * mesh.size
  return found.features.tolist()


def test_inference_over_four_devices_equals_the_plain_network(hasty_compilation):
  found = on_devices(4, "t.features_over_the_mesh()", hasty_compilation)
  wanted = SMALL.apply(small_state().variables, batch()[0]).features
  np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


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


def three_steps() -> list[list[float]]:
  """Losses of three steps over all devices. A test below also runs this in another process."""
  mesh = make_mesh()
  step = jit_train_step(MODEL, Objective(), OPTIMIZER, mesh)
  state = given = jax.device_put(fresh_state(), replicated(mesh))
  rows = []
  for seed in range(3):
    state, metrics = step(state, *put_batch(mesh, *batch(seed)), None)
    rows.append([float(metrics[name]) for name in ("cross_entropy", "triplet", "gradient_norm")])
  assert step._cache_size() == 1, "compiled again for the state that it returned itself"
  # The state is donated: its old buffers are reused.
  assert all(leaf.is_deleted() for leaf in jax.tree.leaves(given.params))
  assert int(state.step) == 3
  return rows


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


@pytest.mark.slow
def test_eight_devices_give_the_losses_of_one(hasty_compilation):
  """Statistics and hard triplets span the whole batch, whatever the number of devices."""
  found = on_devices(8, "t.three_steps()", hasty_compilation)
  # Rounding grows from step to step: Adam follows the signs of small gradients.
  for step, (eight, one) in enumerate(zip(found, three_steps(), strict=True)):
    np.testing.assert_allclose(eight, one, rtol=(1e-4, 1e-2, 3e-2)[step], err_msg=f"step {step}")
