"""Input: how many training images a second are read, decoded and augmented, without a network."""

import importlib.util
import time
from collections.abc import Callable
from typing import Any

from ml_collections import ConfigDict

from cosam_jax.data.pipeline import training_batches
from cosam_jax.errors import InputError
from cosam_jax.experiment.parts import pixels, read_tables, training_plan


def images(
  config: ConfigDict, repeats: int, tick: Callable[[], None] = lambda: None
) -> dict[str, Any]:
  """Times the pipeline of a (resolved) configuration on its own frames.

  Returns:
    Rates of `repeats` stretches of batches; or `left_out` and the reason: no data, or no
    TensorFlow.
  """
  if importlib.util.find_spec("tensorflow") is None:
    return {"left_out": "TensorFlow is not installed"}
  try:
    tables = read_tables(config)
  except InputError as error:
    return {"left_out": str(error)}
  plan = training_plan(config, tables.train)
  batches = training_batches(plan, **pixels(config))
  for _ in range(3):  # Frames that were read ahead while the graph was built do not count.
    next(batches)
  size = plan.batch_clips * plan.num_frames
  rates = []
  for _ in range(repeats):
    began, count = time.perf_counter(), 0
    while count < 3 or time.perf_counter() - began < 1:
      next(batches)
      count += 1
    rates.append(size * count / (time.perf_counter() - began))
    tick()
  return {"images_per_batch": size, "images_per_second": sorted(rates)[len(rates) // 2],
          "rates": sorted(rates)}  # fmt: skip
