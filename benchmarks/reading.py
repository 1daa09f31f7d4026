"""Training images a second, beside PIL in a PyTorch DataLoader doing the same to the same frames.

  python benchmarks/reading.py --config=configs/mars.py --data_dir=data/mars

Both read the frames of the same batches from the same files, decode, resize, enlarge, crop and flip
with the same odds, normalise, and put a batch together; nothing trains meanwhile. They take turns,
each with a pipeline that is set up anew and whose first batches do not count. Ratios are our images
a second over theirs; above 1 this project is faster. The DataLoader has a worker for each core, or
--workers.
"""

import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator

from cosam_jax.runtime import host_memory

if __name__ == "__main__":
  host_memory.settle()  # As `cosam_jax.main` does, before anything starts threads.

import tqdm
from absl import app, flags
from ml_collections import config_flags
from pil_clips import PilClips

from cosam_jax.commands import config_flags as command_config
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment import configurations

_CONFIG = config_flags.DEFINE_config_file("config", None, "The experiment's file.")
_REPEATS = flags.DEFINE_integer("repeats", 10, "Turns of each.", lower_bound=2)
_SECONDS = flags.DEFINE_float("seconds", 5.0, "Length of a turn.", lower_bound=0.1)
_WORKERS = flags.DEFINE_integer("workers", os.cpu_count(), "Of the DataLoader.", lower_bound=0)
command_config.define_overrides()
flags.mark_flag_as_required("config")
BATCHES = 400
"""More than a turn takes."""
WARM_UP = 6
"""Batches that do not count: what was read ahead while the first was made is not the rate."""


def main(arguments: list[str]) -> None:
  """Prints one line a side, and the ratio."""
  del arguments
  if importlib.util.find_spec("torch") is None:
    sys.exit("error: PyTorch is not installed, and this compares with it: pip install torch")
  # Not above: the DataLoader's workers import this file too.
  from torch.utils.data import DataLoader

  from cosam_jax.data.pipeline import training_batches
  from cosam_jax.experiment.parts import read_tables, training_plan

  values = {name: flags.FLAGS[name].value for name in command_config.CONFIG_FLAGS}
  config = command_config.apply_ablation_flags(_CONFIG.value, values)
  config_rules.check(config)
  config = config_rules.resolve(config)
  plan = training_plan(config, read_tables(config).train)
  size = tuple(config.clips.image_size)

  store = plan.table.frames
  paths = [[store.path(frame) for frame in clip]
           for step in range(BATCHES) for clip in plan.batch(step).frames]  # fmt: skip
  clips = PilClips(paths, size)

  def theirs() -> Iterator:
    # Forked workers would have our settings of the C library; these are as PyTorch makes them.
    spawn = "spawn" if _WORKERS.value else None
    return iter(
      DataLoader(
        clips,
        batch_size=plan.batch_clips,
        num_workers=_WORKERS.value,
        multiprocessing_context=spawn,
      )
    )

  def ours() -> Iterator:
    return training_batches(plan, image_size=size, augment_per=config.clips.augment_per)

  count = plan.batch_clips * plan.num_frames
  rates: dict[str, list[float]] = {"ours": [], "PIL": []}
  for _ in tqdm.trange(_REPEATS.value, leave=False):
    for side, begin in (("ours", ours), ("PIL", theirs)):
      rates[side].append(_rate(begin, count))
  ratios = [mine / other for mine, other in zip(rates["ours"], rates["PIL"], strict=True)]
  cores = os.cpu_count() or 1
  for side, found in rates.items():
    print(f"{side:6}{statistics.median(found) / cores:8.0f} images/s and core, {cores} cores")
  print(f"ratio {statistics.median(ratios):8.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
  print(json.dumps({"batch": count, "workers": _WORKERS.value, "rates": rates}))


def _rate(begin: Callable[[], Iterator], images_per_batch: int) -> float:
  """Images a second, of all cores together."""
  batches = begin()
  for _ in range(WARM_UP):
    next(batches)
  began, done = time.perf_counter(), 0
  while time.perf_counter() - began < _SECONDS.value:
    next(batches)
    done += images_per_batch
  return done / (time.perf_counter() - began)


if __name__ == "__main__":
  app.run(main, flags_parser=lambda given: flags.FLAGS(configurations.with_path(given)))
