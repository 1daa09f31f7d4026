"""Programs are compiled once for each shape, and their plan of memory is looked at first."""

import jax
import jax.numpy as jnp
import numpy as np

from cosam_jax.runtime import host_memory
from cosam_jax.training.planned import Planned


def traced(traces):
  def function(weights, x, mask):
    traces.append(x.shape)
    products = x[:, :, None] * weights  # Used twice, so that XLA keeps it in memory.
    y = jnp.sort(products, axis=0).sum((1, 2)) + products.sum((1, 2))
    return y if mask is None else y * mask

  return jax.jit(function)


def test_each_shape_is_compiled_once_and_answers_as_the_function():
  traces: list = []
  function, weights = traced([]), np.ones((50, 40), np.float32)
  planned = Planned(traced(traces), say=lambda note: None)
  assert planned.bytes == 0
  sizes = []
  for rows, masked in [(4, False), (8, False), (4, True), (4, False), (8, False)]:
    x = np.random.default_rng(rows).standard_normal((rows, 50)).astype(np.float32)
    mask = np.arange(rows).astype(np.float32) if masked else None
    np.testing.assert_array_equal(planned(weights, x, mask), function(weights, x, mask))
    sizes.append(planned.bytes)
  assert traces == [(4, 50), (8, 50), (4, 50)]
  assert sizes[0] >= 4 * 50 * 40 * 4  # The products, float32.
  assert sizes == sorted(sizes)
  assert sizes[-1] == sizes[1] >= 2 * 4 * 50 * 40 * 4


def test_what_does_not_fit_is_said_before_it_runs(monkeypatch):
  said: list = []
  monkeypatch.setattr(host_memory, "free_bytes", lambda: 1000)
  planned = Planned(traced([]), say=said.append)
  for _ in range(2):
    planned(np.ones((50, 40), np.float32), np.ones((4, 50), np.float32), None)
  assert len(said) == 1
  assert said[0].endswith("or model.remat for training")


def test_kept_memory_is_bounded_by_one_block(monkeypatch):
  asked, gives = [], iter([False, True, False])

  def bound(most):
    asked.append(most)
    return next(gives)

  monkeypatch.setattr(host_memory, "resident_bytes", lambda: 10_000)
  monkeypatch.setattr(host_memory, "bound", bound)
  function, ones = Planned(jax.jit(lambda state, x: state @ x)), jnp.ones((8, 8))
  function(ones, ones)
  # What is left after memory was given back is needed.
  monkeypatch.setattr(host_memory, "resident_bytes", lambda: 50_000)
  function(ones, ones)
  function(ones, ones)
  block = function.bytes + 256 * 2**20
  assert asked == [10_000 + block, 10_000 + block, 50_000 + block]


def test_a_call_waits_for_the_one_before(monkeypatch):
  """Otherwise two calls would each have a block of working memory."""
  ready: list = []
  monkeypatch.setattr(host_memory, "bound", lambda most: ready.append(previous.is_ready()))
  function = Planned(jax.jit(lambda state, x: jnp.linalg.matrix_power(state @ x, 41)))
  ones = jnp.full((500, 500), 1 / 500)
  previous = ones
  for _ in range(5):
    previous = function(ones, ones)
  assert ready == [True] * 5


def test_memory_is_looked_at_when_the_call_before_has_ended(monkeypatch):
  ready: list = []
  function = Planned(jax.jit(lambda state, x: jnp.linalg.matrix_power(state, 41) @ x))
  previous = function(jnp.full((500, 500), 1 / 500), jnp.ones((500, 500)))
  monkeypatch.setattr(host_memory, "fit", lambda planned: ready.append(previous.is_ready()))
  function(jnp.full((500, 500), 1 / 500), jnp.ones((500, 501)))
  assert ready == [True]


def test_results_that_the_next_call_takes_over_are_no_obstacle():
  function = Planned(jax.jit(lambda state, x: (state + x.sum(), x), donate_argnums=0))
  state, x = jnp.zeros(3), jnp.ones((8, 8))
  for _ in range(3):
    state, _ = function(state, x)
  np.testing.assert_array_equal(state, [192.0] * 3)


def test_what_earlier_programs_worked_with_does_not_count_as_a_programs_own(monkeypatch):
  """It is given back after compilation, before the process is measured."""
  held = [70_000]
  monkeypatch.setattr(host_memory, "resident_bytes", lambda: held[0])
  monkeypatch.setattr(host_memory, "give_back", lambda: held.__setitem__(0, 20_000))
  asked: list = []
  monkeypatch.setattr(host_memory, "bound", lambda most: asked.append(most))
  function = Planned(jax.jit(lambda state, x: state @ x))
  function(jnp.ones((8, 8)), jnp.ones((8, 8)))
  assert asked == [20_000 + function.bytes + 256 * 2**20]
