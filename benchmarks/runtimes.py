"""The embedding beside the runtimes that people export networks to, in turn, with the same weights.

  python benchmarks/runtimes.py                               # or launch/compare_runtimes.sh
  python benchmarks/runtimes.py --networks=resnet50:1:256x128 --runtimes=onnxruntime,openvino

Each network is exported as `--mode=export` does it, and each runtime has a process of its own with
as many threads as there are cores. Before anything is timed, all must give the same features.
Ratios are the runtime's seconds over ours, medians of as many rounds as asked for; above 1 this
project is faster. `stablehlo` and `saved_model` are our own exports in their runtimes.
"""

import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

import checked_flags

if TYPE_CHECKING:
  import argparse

SHAPES = ("resnet50:1", "se_resnet50:1", "resnet50:0.5")
NETWORKS = tuple(f"{shape}:{size}" for size in ("256x128", "128x64") for shape in SHAPES)
NEEDED: dict[str, dict[str, str]] = {
  "onnxruntime": {"onnxruntime": "onnxruntime", "jax2onnx": "jax2onnx"},
  "openvino": {"openvino": "openvino", "jax2onnx": "jax2onnx"},
  "stablehlo": {},
  "saved_model": {"tensorflow": "tensorflow"},
}
"""Of each runtime: the modules, and the packages that have them."""


def main() -> None:
  """Prints a line for each network and runtime, and writes the numbers if asked to."""
  options = _options()
  needed: dict[str, str] = {}
  for runtime in options.runtimes:
    needed |= NEEDED[runtime]
  if what := checked_flags.missing(needed):
    names = " and ".join(options.runtimes)
    sys.exit(f"error: this compares with {names}, and {what}")
  from cosam_jax.errors import InputError
  from cosam_jax.runtime import host_memory

  host_memory.settle()  # Before JAX starts threads.
  try:
    _measure(options)
  except InputError as error:
    sys.exit(f"error: {error}")


def _measure(options: "argparse.Namespace") -> None:
  from cosam_jax.models.backbones.registry import BACKBONES

  for name, (backbone, *_) in options.networks.items():
    if backbone not in BACKBONES:
      sys.exit(f"error: --networks has {name}, and there is no backbone {backbone}: use one of "
               f"{', '.join(BACKBONES)}")  # fmt: skip
  import runtime_rounds
  import runtime_sessions

  from cosam_jax.commands.benchmark import device

  about = device.describe()
  runtimes = options.runtimes
  threads = len(os.sched_getaffinity(0))
  print(f"{about['kind']}, {about['host']}; float32, {options.clips} clips of {options.frames}, "
        f"{threads} threads")  # fmt: skip
  print(", ".join(f"{name} {runtime_sessions.version(name)}" for name in runtimes))
  print(f"{'':24}{'ours':>9}" + "".join(f"{name:>13}{'ratio':>7}  {'':<12}" for name in runtimes))
  found = []
  for name, sizes in options.networks.items():
    record = {"network": name} | runtime_rounds.compare(sizes, threads, options)
    found.append(record)
    line = f"{name:24}{record['ours']['seconds']:8.3f}s"
    for runtime in runtimes:
      its = record[runtime]
      spread = f"{min(its['ratios']):.2f}..{max(its['ratios']):.2f}"
      line += f"{its['seconds']:12.3f}s{its['ratio']:7.2f}  {spread:<12}"
    print(line.rstrip(), flush=True)
  if options.output:
    content = {"device": about, "threads": threads, "networks": found}
    options.output.write_text(json.dumps(content, indent=2) + "\n")


def _networks(text: str) -> dict[str, tuple[str, float, tuple[int, int]]]:
  """A type of flags: each network's text -> its backbone, width and image size (H, W)."""
  found = {}
  for name in text.split(","):
    parts = re.fullmatch(r"(\w+):(\d*\.?\d+):(\d+)x(\d+)", name)
    if parts is None:
      raise checked_flags.refused(
        f"{name!r} is not a backbone, a width, and a frame's size, such as {NETWORKS[0]}"
      )
    width, height, wide = float(parts[2]), int(parts[3]), int(parts[4])
    if not 0 < width <= 8 or not 8 <= min(height, wide) <= max(height, wide) <= 4096:
      raise checked_flags.refused(
        f"{name!r}: widths are above 0, up to 8, and sides from 8 to 4096"
      )
    found[name] = parts[1], width, (height, wide)
  return found


def _options() -> "argparse.Namespace":
  parser = checked_flags.Parser(__doc__)

  def add(name: str, help_text: str, **keywords: Any) -> None:
    default = "; default: %(default)s" if "default" in keywords else ""
    parser.add_argument(f"--{name}", help=help_text + default, **keywords)

  add("networks", "backbone:width:HxW, with commas between several; backbones are those of "
      "--config.model.backbone", type=_networks, default=",".join(NETWORKS))  # fmt: skip
  add("runtimes", f"some of {', '.join(NEEDED)}, with commas between them",
      type=checked_flags.some_of(NEEDED), default="onnxruntime,openvino")  # fmt: skip
  add("clips", "clips of a batch, at least 1", type=checked_flags.whole(), default=8)
  add("frames", "frames of a clip, at least 2", type=checked_flags.whole(2), default=4)
  add("repeats", "rounds that count, at least 1", type=checked_flags.whole(), default=9)
  add("output", "a JSON file for the numbers", type=checked_flags.file_to_write)
  return parser.parse_args()


if __name__ == "__main__":
  main()
