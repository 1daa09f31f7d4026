"""Training images a second, beside decoders in a PyTorch DataLoader doing the same to the frames.

  python benchmarks/reading.py --config=configs/mars.py --data_dir=data/mars
  python benchmarks/reading.py --config=configs/mars.py --data_dir=data/mars --frame_size=1080,1920

Both read the frames of the same batches from the same files, decode, resize, enlarge, crop and flip
with the same odds, normalise, and put a batch together; nothing trains meanwhile. They take turns,
each with a pipeline that is set up anew and whose first batches do not count. Ratios are our images
a second over theirs; above 1 this project is faster. The DataLoader has a worker for each core, or
--workers. Its decoders are PIL, simplejpeg and torchvision, as far as they are installed:

  pip install torch                       # always needed; up to 8 GB on Linux
  pip install simplejpeg torchvision      # PIL is there

PIL and simplejpeg decode a large JPEG at the smallest eighth of its size that will do, ours at the
smallest half, quarter or eighth; torchvision decodes whole frames. With --frame_size the frames are
enlarged beforehand, 64 of them in turn under all names.
"""

import contextlib
import dataclasses
import functools
import itertools
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from cosam_jax.runtime import host_memory

if __name__ == "__main__":
  host_memory.settle()  # Before anything starts threads, as in `cosam_jax.main`.

import checked_flags
import loader_clips
import tqdm
from absl import app, flags
from ml_collections import config_flags
from PIL import Image

from cosam_jax.commands import config_flags as command_config
from cosam_jax.commands import parsing
from cosam_jax.commands.flags import NumberParser
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.runtime.refusals import status_of

_CONFIG = config_flags.DEFINE_config_file(
  "config", None,
  "The experiment's file, or its name, such as mars. Fields are set as in cosam_jax.main, which "
  "lists them: with --config.group.field=value, and config.data.dir with --data_dir.",
)  # fmt: skip
_REPEATS = flags.DEFINE_integer("repeats", 10, "Turns of each side.", lower_bound=2)
_SECONDS = flags.DEFINE(
  NumberParser(0.1), "seconds", 5.0, "Seconds of a turn.", serializer=flags.ArgumentSerializer()
)
_WORKERS = flags.DEFINE_integer(
  "workers", os.cpu_count(),
  "Processes of the DataLoader; 0: none of its own. The default is the number of cores.",
  lower_bound=0,
)  # fmt: skip
_DECODERS = flags.DEFINE_list(
  "decoders", loader_clips.installed(),
  f"Of the DataLoader, each a side of its own: some of {', '.join(loader_clips.DECODERS)}, with "
  "commas between them. The default is those that are installed.",
)  # fmt: skip
_FRAME_SIZE = flags.DEFINE_list(
  "frame_size", [], "H,W in pixels of enlarged frames, such as 1080,1920; none: as they are."
)
command_config.define_overrides()
BATCHES = 400
"""The batches that the DataLoader is given; it repeats them if a turn takes more."""
DIFFERENT = 64
"""Enlarged frames; more would only fill the disk."""
WARM_UP = 6
"""First batches that do not count, since some were read ahead while the first was made."""


def main(arguments: list[str]) -> int:
  """Prints one line for each side, and the ratio; returns the exit status."""
  del arguments
  return status_of(_measure)


def _check() -> None:
  """Refuses, before anything is read, what is misspelt or not installed."""
  decoders, size = _DECODERS.value, _FRAME_SIZE.value
  if _CONFIG.value is None:
    raise InputError("--config is missing: give an experiment's file or name, such as mars")
  if unknown := [name for name in decoders if name not in loader_clips.DECODERS]:
    raise InputError(f"--decoders has {', '.join(map(repr, unknown))}: use some of "
                     f"{', '.join(loader_clips.DECODERS)}")  # fmt: skip
  if size and not (len(size) == 2 and all(side.isdecimal() and int(side) > 0 for side in size)):
    raise InputError(f"--frame_size is {','.join(size)!r}: give a height and a width in pixels, "
                     "such as 1080,1920")  # fmt: skip
  needed = {"torch": "torch"} | {name: loader_clips.PACKAGES[name] for name in decoders}
  if what := checked_flags.missing(needed):
    raise InputError(f"this compares with PyTorch's DataLoader, and {what}")


def _parsed(given: list[str]) -> list[str]:
  """Parses the command line; `--help` shows this script's own flags."""
  if {"--help", "-help", "-h", "-?"} & set(given):
    print(__doc__ + flags.FLAGS.main_module_help())
    sys.exit(0)
  return parsing.parse(given)


def _measure() -> None:
  _check()
  # Not above: the DataLoader's workers import this file too.
  from cosam_jax.experiment.parts import read_tables, training_plan

  values = {name: flags.FLAGS[name].value for name in command_config.CONFIG_FLAGS}
  config = command_config.apply_ablation_flags(_CONFIG.value, values)
  config_rules.check(config)
  config = config_rules.resolve(config)
  plan = training_plan(config, read_tables(config).train)
  size = tuple(config.clips.image_size)
  with contextlib.ExitStack() as stack:
    if _FRAME_SIZE.value:
      folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
      plan = _enlarged(plan, folder, tuple(map(int, _FRAME_SIZE.value)))
    _compare(plan, size, config.clips.augment_per)


def _enlarged(plan: Any, folder: pathlib.Path, size: tuple[int, int]) -> Any:
  """The same plan over frames of another size: links to a few files that are enlarged once."""
  store = plan.table.frames
  spans = zip(plan.table.starts.tolist(), plan.table.lengths.tolist(), strict=True)
  used = [frame for start, length in spans for frame in range(start, start + length)]
  for i, frame in enumerate(used[:DIFFERENT]):
    image = Image.open(store.path(frame)).convert("RGB").resize(size[::-1])
    image.save(folder / f"{i}.jpg", quality=90)
  for i, frame in enumerate(used):
    link = folder / "frames" / store.relative(frame)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(folder / f"{i % min(len(used), DIFFERENT)}.jpg")
  frames = dataclasses.replace(store, root=folder / "frames", follow_links=True)
  return dataclasses.replace(plan, table=dataclasses.replace(plan.table, frames=frames))


def _compare(plan: Any, size: tuple[int, int], augment_per: str) -> None:
  """Times all sides in turn, and prints a line for each."""
  from torch.utils.data import DataLoader

  from cosam_jax.data.augmentation import Augmentation
  from cosam_jax.data.pipeline import training_batches

  store = plan.table.frames
  paths = [[store.path(frame) for frame in clip]
           for step in range(BATCHES) for clip in plan.batch(step).frames]  # fmt: skip

  def theirs(decoder: str) -> Iterator:
    clips = loader_clips.LoaderClips(paths, size, decoder)
    # Forked workers would have our settings of the C library; these are as PyTorch makes them.
    spawn = "spawn" if _WORKERS.value else None
    ends = range(0, len(paths), plan.batch_clips)
    # Over and over: a fast machine reads more than these batches in the time given.
    order = itertools.cycle([range(i, i + plan.batch_clips) for i in ends])
    loader = DataLoader(
      clips, batch_sampler=order, num_workers=_WORKERS.value, multiprocessing_context=spawn
    )
    return iter(loader)

  def ours() -> Iterator:
    return training_batches(plan, image_size=size, augmentation=Augmentation(augment_per))

  count = plan.batch_clips * plan.num_frames
  sides: dict[str, Callable[[], Iterator]] = {"ours": ours}
  sides |= {name: functools.partial(theirs, name) for name in _DECODERS.value}
  rates: dict[str, list[float]] = {side: [] for side in sides}
  for _ in tqdm.trange(_REPEATS.value, leave=False):
    for side, begin in sides.items():
      rates[side].append(_rate(begin, count))
  cores = os.cpu_count() or 1
  print(f"images/s and core, {cores} cores; ratio: ours over theirs")
  for side, found in rates.items():
    ratios = [mine / other for mine, other in zip(rates["ours"], found, strict=True)]
    beside = f"{statistics.median(ratios):8.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    print(f"{side:12}{statistics.median(found) / cores:8.0f}{'' if side == 'ours' else beside}")
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
  app.run(main, flags_parser=_parsed)
