"""`--mode=benchmark` from a configuration to its table and `benchmark.json`."""

import json
import pathlib
from typing import Any

import jax
import tqdm
from ml_collections import ConfigDict

from cosam_jax.commands.benchmark import cosam_layer, device, network, products, ranking, reading
from cosam_jax.commands.benchmark.options import Options, measurements_of, options_of
from cosam_jax.commands.benchmark.table import render
from cosam_jax.commands.call import Call
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.foreign_refusals import refuse_foreign
from cosam_jax.experiment.parts import build_model
from cosam_jax.runtime.json_files import check_ours, read_json
from cosam_jax.runtime.whole_files import whole_file


def run(call: Call) -> None:
  """Runs the mode."""
  with call.holding_workdir():
    measure(call.run_config, call.folder, options_of(call.flags))


def measure(config: ConfigDict, workdir: pathlib.Path, options: Options) -> dict[str, Any]:
  """Measures the chosen parts, prints the table and writes `benchmark.json` into the workdir.

  Only the input part needs data and TensorFlow.

  Args:
    config: the configuration.
    workdir: the folder.
    options: the parts, and the number of measurements.

  Returns:
    The content of the file.

  Raises:
    InputError: parts were chosen, and none of them can be measured here.
  """
  config_rules.check(config)
  refuse_foreign(config, "measured")
  config = config_rules.resolve(config)
  place = workdir / "benchmark.json"
  check_ours(place, ("device", "config", "parts"))
  # A program kept from an earlier run would not show the time of compilation.
  jax.config.update("jax_enable_compilation_cache", False)
  dtype = config.model.dtype
  about = device.describe()
  record: dict[str, Any] = {
    "device": about,
    "memory": device.memory_of_host(),
    "config": dict(config_rules.flatten(config)),
    "published_peak": device.published_peak(about["kind"], dtype),
    "peak": device.measured_peak(dtype, options.repeats),
    "parts": {},
  }
  # The parts that fill the memory come last, since a device reports only its peak so far.
  measurements = {
    "embed": lambda tick: network.embedding(config, options.repeats, tick),
    "step": lambda tick: network.training_step(config, options.repeats, tick),
    "metrics": lambda tick: ranking.at_mars_scale(config, _width(config), tick),
    "input": lambda tick: reading.images(config, options.repeats, tick),
    "products": lambda tick: products.products(config, options, tick),
    "cosam": lambda tick: cosam_layer.layers(config, options, tick),
  }
  for part, measured in measurements.items():
    if part in options.parts:
      with _Progress(part, options) as bar:
        record["parts"][part] = measured(bar.measured)
  _check_measured(record["parts"])
  workdir.mkdir(parents=True, exist_ok=True)
  if place.exists() and (what := _lost(read_json(place, "benchmark", "measure again"), record)):
    print(f"{place} is replaced; the earlier one had {what}\n")
  with whole_file(place) as file:
    file.write((json.dumps(record, indent=2) + "\n").encode())
  print(render(record))
  return record


class _Progress(tqdm.tqdm):
  """The bar of a part, with what is done until its first measurement."""

  def __init__(self, part: str, options: Options):
    super().__init__(
      desc=f"{part}, {'reading ahead' if part == 'input' else 'compiling'}",
      total=measurements_of(part, options),
      bar_format="{desc} |{bar:30}| {n_fmt}/{total_fmt} measurements",
      leave=False,
      disable=None,
    )
    self._part = part

  def measured(self) -> None:
    """Counts a measurement."""
    self.set_description_str(self._part, refresh=False)
    self.update()


def _check_measured(parts: dict[str, Any]) -> None:
  """Refuses to end well if every chosen part was left out."""
  reasons = {
    part: found["left_out"]
    for part, found in parts.items()
    if isinstance(found, dict) and "left_out" in found
  }
  if parts and len(reasons) == len(parts):
    why = "; ".join(f"{part}: {reason}" for part, reason in reasons.items())
    raise InputError(f"--benchmark_parts={','.join(parts)}: nothing was measured ({why})")


def _lost(before: dict[str, Any], now: dict[str, Any]) -> str:
  """The parts and values that only an earlier measurement has, in words; may be empty."""
  flat = json.loads(json.dumps(now["config"]))
  try:
    parts = [f"part {name}" for name in before["parts"] if name not in now["parts"]]
    other = [f"{name} {value!r}" for name, value in before["config"].items()
             if flat.get(name) != value]  # fmt: skip
    device = before["device"]["kind"]
  except (AttributeError, KeyError, TypeError):
    return "other entries than this program writes"
  devices = [] if device == now["device"]["kind"] else [f"device {device}"]
  return ", ".join([*parts, *other, *devices])


def _width(config: ConfigDict) -> int:
  """D of the configuration's vectors."""
  return build_model(config, num_classes=2).settings.channels(5)
