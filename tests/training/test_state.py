"""The average of the weights against a slow loop; saved and resumed bit for bit."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small_network import Small
from small_network import batch as drawn_batch

from cosam_jax.errors import InputError
from cosam_jax.models import ReidNet
from cosam_jax.training.checkpoints import Checkpoints
from cosam_jax.training.mesh import make_mesh
from cosam_jax.training.optim import make_optimizer
from cosam_jax.training.state import (
  AveragedState,
  TrainState,
  create_state,
  moved_average,
  state_shapes,
  weights_of,
)
from cosam_jax.training.steps import Learning, Objective, jit_train_step

OPTIMIZER = make_optimizer(optax.constant_schedule(1e-2), weight_decay=5e-4)
DECAY = 0.4


def batch(seed):
  return *drawn_batch(seed, size=(4, 2)), None


def started(averaged=True):
  variables = Small().init(jax.random.key(0), batch(0)[0])
  return create_state(dict(variables), OPTIMIZER, averaged=averaged)


def step_of(decay=DECAY):
  return jit_train_step(
    Small(), Objective(), OPTIMIZER, make_mesh(), learning=Learning(average_decay=decay)
  )


def trained(state, steps, first=0):
  """The state after some steps, and copies of its weights after each of them."""
  step, seen = step_of(), []
  for number in range(first, first + steps):
    state, _ = step(state, *batch(number))
    seen.append(jax.device_get(state.variables))
  return state, seen


@pytest.mark.slow
def test_the_average_equals_a_slow_loop_over_steps():
  state, seen = trained(started(), 12)
  average = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), started().variables)
  for done, weights in enumerate(seen):
    decay = min(DECAY, (1 + done) / (10 + done))
    average = jax.tree.map(lambda old, new, d=decay: d * old + (1 - d) * new, average, weights)
  assert 1 / 10 < DECAY < (1 + 11) / (10 + 11)  # The loop has seen both sides of the minimum.
  assert set(state.average) == {"params", "batch_stats"}
  chex.assert_trees_all_close(
    jax.device_get(state.average), jax.tree.map(np.float32, average), rtol=1e-5, atol=1e-6
  )
  gap = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), state.average, state.variables)
  assert max(jax.tree.leaves(gap)) > 1e-3


def test_averaging_does_not_alter_the_training():
  with_average, _ = trained(started(), 4)
  without, _ = trained(started(averaged=False), 4)
  for name in ("step", "params", "batch_stats", "opt_state"):
    chex.assert_trees_all_equal(getattr(with_average, name), getattr(without, name))


def test_a_slow_average_moves_by_what_it_should():
  """1 - 0.999999 has few digits in float32; the share of the way is exact."""
  zero, one = {"w": jnp.zeros(3)}, {"w": jnp.ones(3)}
  moved = jax.jit(moved_average, static_argnums=2)(zero, one, 0.999999, jnp.int32(2 * 10**9))
  np.testing.assert_allclose(moved["w"], 1e-6, rtol=1e-5)
  first = moved_average(zero, one, 0.999999, jnp.int32(0))
  np.testing.assert_allclose(first["w"], 0.9, rtol=1e-6)


def test_a_resumed_average_is_the_same_bit_for_bit(tmp_path):
  whole, _ = trained(started(), 6)
  half, _ = trained(started(), 3)
  Checkpoints(tmp_path).save(3, half, {"config": {}})
  shapes = jax.eval_shape(started)
  assert isinstance(shapes, AveragedState)
  again = Checkpoints(tmp_path).restore(3, shapes, make_mesh())
  assert isinstance(again, AveragedState)
  chex.assert_trees_all_equal(again, half)
  resumed, _ = trained(again, 3, first=3)
  chex.assert_trees_all_equal(resumed, whole)


def test_without_an_average_a_checkpoint_is_as_it_always_was():
  state = started(averaged=False)
  assert type(state) is TrainState
  assert [field.name for field in dataclasses.fields(TrainState)] == [
    "step", "params", "batch_stats", "opt_state"
  ]  # fmt: skip
  assert type(trained(state, 1)[0]) is TrainState


def test_the_weights_that_are_asked_for():
  averaged, plain = started(), started(averaged=False)
  other = jax.tree.map(lambda leaf: leaf + 1, averaged.average)
  averaged = averaged.replace(average=other)
  chex.assert_trees_all_equal(weights_of(averaged, "average"), other)
  for state in (averaged, plain):
    chex.assert_trees_all_equal(weights_of(state, "trained"), plain.variables)
  with pytest.raises(InputError, match="no average of the weights"):
    weights_of(plain, "average")


def test_shapes_of_a_state_with_an_average():
  model = ReidNet("resnet18", (), "tp", num_frames=2, image_size=(32, 16), num_classes=4, width=0.1)
  plain, averaged = (state_shapes(model, OPTIMIZER, averaged=wanted) for wanted in (False, True))
  assert type(plain) is TrainState
  assert averaged.average == {"params": plain.params, "batch_stats": plain.batch_stats}
