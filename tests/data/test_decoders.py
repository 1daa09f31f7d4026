"""How much is read ahead of use is bounded by bytes, whoever decodes."""

import numpy as np
import pytest

from cosam_jax.data import threaded_frames
from cosam_jax.data.augmentation import Preprocess
from cosam_jax.data.batches import Batch
from cosam_jax.data.decoders import INPUT_BYTES, steps_ahead


@pytest.mark.parametrize(
  ("step_bytes", "ahead"),
  [(0, 2), (INPUT_BYTES // 2, 2), (INPUT_BYTES // 2 + 1, 1), (3 * INPUT_BYTES, 1)],
)
def test_large_steps_are_read_one_at_a_time(step_bytes, ahead):
  assert steps_ahead(step_bytes) == ahead


@pytest.mark.parametrize(("side", "ahead"), [(8, 2), (4096, 1)])
def test_pillows_frames_are_read_ahead_by_their_bytes(side, ahead, monkeypatch):
  """Before the first step comes, the addresses of so many have been asked for."""
  asked = []

  def address(step):
    asked.append(step)
    return Batch(np.full(1, -1), np.full((1, 2), -1), np.full(1, -1))

  steps = threaded_frames.frames_of_steps(
    None, address, Preprocess((side, 8), None), first=0, last=5, seed=0, skip=False, threads=1
  )
  monkeypatch.setattr("cosam_jax.data.decoders.INPUT_BYTES", 3 * 8 * 4096 * 3 * 4)
  next(steps)
  assert max(asked) == ahead
