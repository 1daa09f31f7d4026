"""Times by a clock that stands still between calls; XLA's numbers of a small layer by hand."""

import jax
import numpy as np
import pytest

from cosam_jax.commands.benchmark import clock


def test_short_calls_are_timed_several_at_once_and_their_quartiles_are_kept(monkeypatch):
  now, seconds, ticks = [0.0], iter([9, 0.05, *np.repeat([5, 1, 4, 2, 3], 4)]), []
  monkeypatch.setattr(clock.time, "perf_counter", lambda: now[0])

  def call():
    now[0] += next(seconds)

  # The first call is warm-up; by the second, four calls fill 0.2 s.
  timing = clock.timed(call, 5, lambda: ticks.append(now[0]))
  monkeypatch.undo()
  assert timing.record() == {
    "median_seconds": pytest.approx(3), "low_seconds": pytest.approx(2),
    "high_seconds": pytest.approx(4), "repeats": 5, "calls_per_repeat": 4,
  }  # fmt: skip
  assert np.diff(ticks) == pytest.approx([4 * 1, 4 * 4, 4 * 2, 4 * 3])
  assert next(seconds, None) is None


def test_operations_and_bytes_of_a_dense_layer():
  inputs, outputs, rows = 4, 5, 3
  layer = jax.jit(lambda x, kernel, bias: x @ kernel + bias)
  shapes = [(rows, inputs), (inputs, outputs), (outputs,)]
  program = clock.compiled(layer, *(jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes))
  record = program.record()
  assert record["flops"] == 2 * rows * inputs * outputs + rows * outputs
  assert record["compile_seconds"] > 0
  memory = record["memory_bytes"]
  assert memory["arguments"] == 4 * (rows * inputs + inputs * outputs + outputs)
  assert memory["outputs"] == 4 * rows * outputs
  assert memory["total"] == memory["arguments"] + memory["outputs"] + memory["temporary"]
  given = [np.ones(shape, np.float32) for shape in shapes]
  np.testing.assert_array_equal(program.call(*given), np.full((rows, outputs), inputs + 1))
