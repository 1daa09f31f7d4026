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
import importlib.util
import json
import os
import pathlib
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from cosam_jax.runtime import host_memory

if __name__ == "__main__":
  host_memory.settle()  # Must come before JAX starts threads.

import jax
import jax.numpy as jnp
import numpy as np
import tqdm
from peer_process import PeerProcess

from cosam_jax.commands.benchmark import clock, device, drawn
from cosam_jax.models import ReidNet, to_torch
from cosam_jax.models.folded import for_inference
from cosam_jax.training import mesh, optim, state, steps

COSAM_STAGES, IDENTITIES = (4, 5), 625
LEARNING_RATE, WEIGHT_DECAY = 1e-4, 5e-4
WARM_UP = 3  # The first call compiles, and memory settles in the next ones.
INSTANCES = 4  # Tracklets of one person in a batch.
AGREEMENT = {"float32": 2e-3, "bfloat16": 6e-2}  # Relative, of features and of the first loss.


def main() -> None:
  """Prints a line for each network and part; with --output, also writes the numbers."""
  os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch needs memory as well.
  options = _options()
  if jax.device_count() > 1:
    sys.exit(f"error: this compares one device, and there are {jax.device_count()}: name one in "
             "CUDA_VISIBLE_DEVICES")  # fmt: skip
  if importlib.util.find_spec("torch") is None:
    sys.exit("error: PyTorch is not installed, and this compares with it: pip install torch")
  import torch

  records = [_compare(backbone, options) for backbone in options.backbones.split(",")]
  found = {"device": device.describe(), "torch": torch.__version__, "dtype": options.dtype,
           "clips": options.clips, "frames": options.frames, "image_size": options.image_size,
           "torch_compiled": options.compile, "torch_channels_last": options.channels_last,
           "torch_keeps_memory": options.pytorch_keeps_memory,
           "networks": records}  # fmt: skip
  print(_table(found))
  if options.output:
    pathlib.Path(options.output).write_text(json.dumps(found, indent=2) + "\n")


def _compare(backbone: str, options: argparse.Namespace) -> dict[str, Any]:
  """Times both on one network."""
  model = ReidNet(
    backbone, COSAM_STAGES, num_frames=options.frames, image_size=tuple(options.image_size),
    num_classes=IDENTITIES, width=options.width, dtype=jnp.dtype(options.dtype),
  )  # fmt: skip
  rng = np.random.default_rng(0)
  shape = (options.clips, options.frames, *options.image_size, 3)
  clips = rng.standard_normal(shape, np.float32)
  labels = (np.arange(options.clips) // INSTANCES).astype(np.int32)
  variables = drawn.variables(lambda: model.init(jax.random.key(0), clips[:1]))
  network = (backbone, COSAM_STAGES, options.frames, tuple(options.image_size), IDENTITIES,
             options.width)  # fmt: skip
  keywords = {
    "bfloat16": options.dtype == "bfloat16",
    "compiled": options.compile,
    "channels_last": options.channels_last,
    "learning_rate": LEARNING_RATE,
    "weight_decay": WEIGHT_DECAY,
  }
  record: dict[str, Any] = {"backbone": backbone, "width": options.width}
  made_of = (network, (to_torch(variables, model), clips, labels), keywords)
  with PeerProcess("pytorch_network:runner", made_of, options.pytorch_keeps_memory) as theirs:
    embed, step = _ours(model, variables, clips, labels)
    # Steps change PyTorch's weights, so they come last.
    for part, ours in {"embed": embed, "step": step}.items():
      if part not in options.parts.split(","):
        continue
      mine, its = np.asarray(ours()), theirs.call(part)[1]
      error = float(np.abs(mine - its).max() / np.abs(its).max())
      if not error < AGREEMENT[options.dtype]:
        sys.exit(f"error: {backbone}, {part}: the two differ by {error:.1e} of the largest number")
      timing = _alternate(ours, theirs, part, options.repeats, f"{backbone} {part}")
      record[part] = {"difference": error} | timing
  return record


def _ours(
  model: ReidNet, variables: Any, clips: np.ndarray, labels: np.ndarray
) -> tuple[Callable[[], jax.Array], Callable[[], jax.Array]]:
  """Our embedding and training step as calls without arguments; they return features and loss."""
  where = mesh.make_mesh()
  optimizer = optim.make_optimizer(lambda _: LEARNING_RATE, weight_decay=WEIGHT_DECAY)
  placed = mesh.put_batch(where, clips, labels)
  weights = mesh.put_everywhere(where, for_inference(model, variables))
  current = mesh.put_everywhere(where, state.create_state(variables, optimizer))
  forward = steps.jit_forward(model, where)
  train = steps.jit_train_step(model, steps.Objective(), optimizer, where)

  def step() -> jax.Array:
    nonlocal current
    current, metrics = train(current, *placed, None)
    return metrics["loss"]

  return lambda: forward(weights, placed[0], None).features, step


def _alternate(
  ours: Callable[[], Any], theirs: PeerProcess, part: str, repeats: int, name: str
) -> dict[str, Any]:
  """Seconds of a call on each side, in turns; short calls are timed several at a time."""

  def seconds_of_ours(calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
      jax.block_until_ready(ours())
    return time.perf_counter() - began

  sides = {"ours": seconds_of_ours, "pytorch": lambda calls: theirs.call(part, calls)[0]}
  calls = {}
  for side, seconds_of in sides.items():
    for _ in range(WARM_UP):
      once = seconds_of(1)
    calls[side] = max(1, round(clock.LEAST_SECONDS / once))
  times: dict[str, list[float]] = {side: [] for side in sides}
  for _ in tqdm.trange(repeats, desc=name, leave=False):
    for side, seconds_of in sides.items():
      times[side].append(seconds_of(calls[side]) / calls[side])
  ratios = [other / mine for mine, other in zip(times["ours"], times["pytorch"], strict=True)]
  return {
    "ours_seconds": statistics.median(times["ours"]),
    "pytorch_seconds": statistics.median(times["pytorch"]),
    "ratio": statistics.median(ratios),
    "ratios": ratios,
  }


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
  on_gpu = jax.default_backend() == "gpu"
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  boolean = argparse.BooleanOptionalAction
  parser.add_argument("--backbones", default="resnet50,se_resnet50")
  parser.add_argument("--parts", default="step,embed", help="step, embed, or both")
  parser.add_argument("--clips", type=int, default=32 if on_gpu else 8, help="a multiple of 4")
  parser.add_argument("--frames", type=int, default=4)
  parser.add_argument("--image_size", type=int, nargs=2, default=[256, 128])
  parser.add_argument("--width", type=float, default=1.0, help="multiplies channels")
  parser.add_argument("--repeats", type=int, default=20 if on_gpu else 5)
  parser.add_argument(
    "--dtype", choices=list(AGREEMENT), default="bfloat16" if on_gpu else "float32"
  )
  parser.add_argument("--compile", action=boolean, default=on_gpu, help="torch.compile")
  parser.add_argument("--channels_last", action=boolean, default=on_gpu, help="PyTorch's layout")
  parser.add_argument(
    "--pytorch_keeps_memory", action="store_true",
    help="let PyTorch's process keep memory between steps, as ours does on CPUs",
  )  # fmt: skip
  parser.add_argument("--output", help="a JSON file for the numbers")
  return parser.parse_args()


if __name__ == "__main__":
  main()
