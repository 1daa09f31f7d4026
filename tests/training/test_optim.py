"""Adam equals PyTorch's, written as slow loops over steps; and the schedule."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from absl.testing import parameterized

from cosam_jax.training.optim import learning_rate_schedule, make_optimizer

B1, B2, EPS = 0.9, 0.999, 1e-8


def torch_adam(start, gradients, rates, decay, form):
  """torch.optim.Adam (coupled) or AdamW (decoupled) in float64, one scalar at a time."""
  weights = np.array(start, np.float64)
  for index in np.ndindex(weights.shape):
    weight, first, second = weights[index], 0.0, 0.0
    for t, (gradient, rate) in enumerate(zip(gradients, rates), start=1):
      slope = float(gradient[index])
      if form == "coupled":
        slope += decay * weight
      else:
        weight -= rate * decay * weight
      first = B1 * first + (1 - B1) * slope
      second = B2 * second + (1 - B2) * slope * slope
      weight -= rate * (first / (1 - B1**t)) / ((second / (1 - B2**t)) ** 0.5 + EPS)
    weights[index] = weight
  return weights


class AdamVariants(chex.TestCase):
  @chex.variants(with_jit=True, without_jit=True)
  @parameterized.product(form=["coupled", "decoupled"], decay=[0.0, 5e-4, 0.3])
  def test_equals_pytorch(self, form, decay):
    rng = np.random.default_rng(1)
    start = rng.standard_normal((3, 4)).astype(np.float32)
    # Gradients of many sizes, some far below the decay.
    gradients = (rng.standard_normal((7, 3, 4)) * 10.0 ** -np.arange(7)[:, None, None]).astype("f4")
    schedule = learning_rate_schedule(learning_rate=0.1, decay_every_steps=3, decay_factor=0.1)
    optimizer = make_optimizer(schedule, weight_decay=decay, weight_decay_form=form)
    rates = [0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001]

    @self.variant
    def step(params, state, gradient):
      updates, state = optimizer.update({"w": gradient}, state, params)
      return optax.apply_updates(params, updates), state

    params = {"w": jnp.asarray(start)}
    state = optimizer.init(params)
    for gradient in gradients:
      params, state = step(params, state, jnp.asarray(gradient))
    wanted = torch_adam(start, gradients, rates, decay, form)
    np.testing.assert_allclose(params["w"], wanted, rtol=2e-5, atol=2e-6)


def test_every_parameter_decays_norms_and_biases_too():
  optimizer = make_optimizer(optax.constant_schedule(0.1), weight_decay=0.5)
  params = {"kernel": jnp.ones((2, 2)), "scale": jnp.ones(2), "bias": jnp.full(2, -1.0)}
  zero = jax.tree.map(jnp.zeros_like, params)
  updates, _ = optimizer.update(zero, optimizer.init(params), params)
  # Adam's first step is the rate times the sign of gradient plus decay.
  chex.assert_trees_all_close(updates, jax.tree.map(lambda w: -0.1 * w, params), rtol=1e-5)


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_the_gradient_is_clipped_by_its_global_norm_before_anything_else(scale):
  # After one step, the first moment is 0.1 of the clipped gradient.
  gradient = {"a": jnp.array([3.0, 0.0]) * scale, "b": jnp.array([[4.0]]) * scale}
  optimizer = make_optimizer(optax.constant_schedule(1.0), weight_decay=0.0, clip_norm=2.0)
  _, state = optimizer.update(gradient, optimizer.init(gradient), gradient)
  moments = next(s for s in state if isinstance(s, optax.ScaleByAdamState)).mu
  factor = min(1.0, 2.0 / (5.0 * scale))
  chex.assert_trees_all_close(moments, jax.tree.map(lambda g: 0.1 * factor * g, gradient))


def test_the_rate_drops_exactly_at_the_border_of_an_epoch():
  per_epoch, epochs = 78, 200  # MARS with 8 identities a batch; the published schedule.
  schedule = learning_rate_schedule(
    learning_rate=3e-4, decay_every_steps=per_epoch * epochs, decay_factor=0.1
  )
  border = per_epoch * epochs
  for step, wanted in ((0, 3e-4), (border - 1, 3e-4), (border, 3e-5), (2 * border - 1, 3e-5),
                       (2 * border, 3e-6), (4 * border - 1, 3e-7)):  # fmt: skip
    np.testing.assert_allclose(schedule(step), wanted, rtol=1e-5)
    np.testing.assert_allclose(jax.jit(schedule)(jnp.int32(step)), wanted, rtol=1e-5)


def test_the_state_has_one_structure_whatever_the_settings():
  """A checkpoint can then be read without knowing the optimiser's settings."""
  params = {"w": jnp.ones(3)}
  settings = [
    {"weight_decay": 0.0},
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "weight_decay_form": "decoupled"},
    {"weight_decay": 0.1, "clip_norm": 1.0},
  ]
  states = [make_optimizer(lambda _: 0.1, **setting).init(params) for setting in settings]
  for state in states[1:]:
    chex.assert_trees_all_equal_structs(state, states[0])
