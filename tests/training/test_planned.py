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


def test_kept_memory_is_bounded_by_one_block_at_first_and_later_by_two(monkeypatch):
  asked, gives = [], iter([False] * 9 + [True, False])

  def bound(most):
    asked.append(most)
    return next(gives)

  monkeypatch.setattr(host_memory, "resident_bytes", lambda: 10_000)
  monkeypatch.setattr(host_memory, "bound", bound)
  function, ones = Planned(jax.jit(lambda state, x: state @ x)), jnp.ones((8, 8))
  for _ in range(9):
    function(ones, ones)
  one, two = 10_000 + int(1.1 * function.bytes), 10_000 + int(2.2 * function.bytes)
  assert asked == [one] * 8 + [two]
  # What is left after memory was given back is needed, but for a block of the call before.
  monkeypatch.setattr(host_memory, "resident_bytes", lambda: 50_000)
  function(ones, ones)
  function(ones, ones)
  assert asked[9:] == [two, 40_000 - function.bytes + two]


def test_what_earlier_programs_worked_with_does_not_count_as_a_programs_own(monkeypatch):
  """It is given back after compilation, before the process is measured."""
  held = [70_000]
  monkeypatch.setattr(host_memory, "resident_bytes", lambda: held[0])
  monkeypatch.setattr(host_memory, "give_back", lambda: held.__setitem__(0, 20_000))
  asked: list = []
  monkeypatch.setattr(host_memory, "bound", lambda most: asked.append(most))
  function = Planned(jax.jit(lambda state, x: state @ x))
  function(jnp.ones((8, 8)), jnp.ones((8, 8)))
  assert asked == [20_000 + int(1.1 * function.bytes)]
