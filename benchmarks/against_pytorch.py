"""Times the training step and the embedding in turn with PyTorch's, on the same weights and clips.

  python benchmarks/against_pytorch.py                        # or launch/compare_pytorch.sh
  python benchmarks/against_pytorch.py --backbones=resnet50 --clips=32 --output=ratios.json

On a CPU both compute in float32. On a GPU both compute in bfloat16 with float32 parameters, and
PyTorch has its layers in channels-last order, autocast and `torch.compile`. Before anything is
timed, both must give the same features and the same loss. Ratios are PyTorch's seconds over ours,
medians of as many rounds as asked for; above 1 this project is faster. Each has a process of its
own: ours has the settings of `cosam_jax.main`, PyTorch's has PyTorch's defaults.
"""

import argparse
import json
import os
import sys
from typing import Any

import checked_flags
from pytorch_backbones import OSNETS, RESNETS

INSTANCES = 4  # Tracklets of one person in a batch.
DTYPES = ("float32", "bfloat16")
# Both grids are the same at COSAM's stages if 16 divides the frame's sides. Narrower networks would
# have gates without channels.
SIDE, WIDTHS = 16, (0.0625, 8.0)
DEFAULTS: dict[str, tuple[Any, Any]] = {
  "clips": (8, 32), "repeats": (5, 20), "dtype": DTYPES, "compile": (False, True),
  "channels_last": (False, True),
}  # fmt: skip
"""Of flags: on a CPU, and on a GPU."""


def main() -> None:
  """Prints a line for each network and part; with --output, also writes the numbers."""
  options = _options()
  if what := checked_flags.missing({"torch": "torch"}):
    sys.exit(f"error: this compares with PyTorch, and {what}")
  os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch needs memory as well.
  from cosam_jax.runtime import host_memory

  host_memory.settle()  # Must come before JAX starts threads.
  import jax
  import pytorch_rounds
  import torch

  from cosam_jax.commands.benchmark import device

  if jax.device_count() > 1:
    sys.exit(f"error: this compares one device, and there are {jax.device_count()}: name one in "
             "CUDA_VISIBLE_DEVICES")  # fmt: skip
  for name, values in DEFAULTS.items():
    if getattr(options, name) is None:
      setattr(options, name, values[jax.default_backend() == "gpu"])
  options.instances = INSTANCES
  records = [pytorch_rounds.compare(backbone, options) for backbone in options.backbones]
  found = {"device": device.describe(), "torch": torch.__version__, "dtype": options.dtype,
           "clips": options.clips, "frames": options.frames, "image_size": options.image_size,
           "torch_compiled": options.compile, "torch_channels_last": options.channels_last,
           "torch_keeps_memory": options.pytorch_keeps_memory,
           "networks": records}  # fmt: skip
  print(_table(found))
  if options.output:
    options.output.write_text(json.dumps(found, indent=2) + "\n")


def _table(found: dict[str, Any]) -> str:
  about = found["device"]
  height, width = found["image_size"]
  lines = [
    f"{about['kind']}, {about['host']}; {found['dtype']}, {found['clips']} clips of "
    f"{found['frames']} at {height}x{width}",
    f"jax {about['jax']}, torch {found['torch']}"
    + ", channels last" * found["torch_channels_last"]
    + ", torch.compile" * found["torch_compiled"]
    + ", which keeps memory too" * found["torch_keeps_memory"],
    f"{'':22}{'ours':>10}{'PyTorch':>10}{'ratio':>8}  {'range':<14}",
  ]
  for record in found["networks"]:
    for part in ("step", "embed"):
      if part in record:
        times = record[part]
        lines.append(
          f"{record['backbone'] + ' ' + part:22}{times['ours_seconds']:9.4f}s"
          f"{times['pytorch_seconds']:9.4f}s{times['ratio']:8.2f}  "
          f"{min(times['ratios']):.2f} to {max(times['ratios']):.2f}"
        )
  return "\n".join(lines)


def _options() -> argparse.Namespace:
  parser = checked_flags.Parser(__doc__)
  boolean = argparse.BooleanOptionalAction
  backbones = (*RESNETS, *OSNETS)

  def add(name: str, help_text: str, **keywords: Any) -> None:
    if name in DEFAULTS:
      help_text += "; default: {}, on a GPU {}".format(*DEFAULTS[name])
    elif keywords.get("default"):
      help_text += "; default: %(default)s"
    parser.add_argument(f"--{name}", help=help_text, **keywords)

  add("backbones", f"some of {', '.join(backbones)}, with commas between them",
      type=checked_flags.some_of(backbones), default="resnet50,se_resnet50")  # fmt: skip
  add("parts", "step, embed, or both", type=checked_flags.some_of(("step", "embed")),
      default="step,embed")  # fmt: skip
  add("clips", f"clips of a batch, a multiple of {INSTANCES}; {2 * INSTANCES} or more for steps",
      type=checked_flags.whole(INSTANCES, INSTANCES))  # fmt: skip
  add("frames", "frames of a clip, at least 2", type=checked_flags.whole(2), default=4)
  add("image_size", f"height and width of a frame, multiples of {SIDE}", nargs=2,
      type=checked_flags.whole(SIDE, SIDE), default=[256, 128])  # fmt: skip
  add("width", "multiplies channels; from {} to {}".format(*WIDTHS), default=1.0,
      type=checked_flags.real(*WIDTHS))  # fmt: skip
  add("repeats", "rounds that count, at least 1", type=checked_flags.whole())
  add("dtype", "the type that both compute in", choices=DTYPES)
  add("compile", "whether PyTorch has torch.compile", action=boolean)
  add("channels_last", "whether PyTorch's layers have this layout", action=boolean)
  add("pytorch_keeps_memory", "let PyTorch's process keep memory between steps, as ours does on "
      "CPUs", action="store_true")  # fmt: skip
  add("output", "a JSON file for the numbers", type=checked_flags.file_to_write)
  options = parser.parse_args()
  if "step" in options.parts and options.clips == INSTANCES:
    parser.error(f"--clips={INSTANCES} are of one person, and a step's loss compares several: use "
                 f"{2 * INSTANCES} or more, or --parts=embed")  # fmt: skip
  return options


if __name__ == "__main__":
  main()
