"""The embedding beside the runtimes that people export networks to, in turn, with the same weights.

  python benchmarks/runtimes.py                               # or launch/compare_runtimes.sh
  python benchmarks/runtimes.py --networks=resnet50:1:256x128 --runtimes=onnxruntime,openvino

Each network is exported as `--mode=export` does it, and each runtime has a process of its own with
as many threads as there are cores. Before anything is timed, all must give the same features.
Ratios are the runtime's seconds over ours, medians of as many rounds as asked for; above 1 this
project is faster. `stablehlo` and `saved_model` are our own exports in their runtimes.
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from cosam_jax.runtime import host_memory

if __name__ == "__main__":
  host_memory.settle()  # Before JAX starts threads.

import jax
import numpy as np
import runtime_sessions
import tqdm
from peer_process import PeerProcess

from cosam_jax.commands.benchmark import device, drawn
from cosam_jax.commands.export.formats import FORMATS
from cosam_jax.experiment.network import Network
from cosam_jax.models import ReidNet
from cosam_jax.models.folded import for_inference
from cosam_jax.training import mesh, steps

SHAPES = ("resnet50:1", "se_resnet50:1", "resnet50:0.5")
NETWORKS = tuple(f"{shape}:{size}" for size in ("256x128", "128x64") for shape in SHAPES)
FORMAT_OF = {"onnxruntime": "onnx", "openvino": "onnx", "stablehlo": "stablehlo",
             "saved_model": "saved_model"}  # fmt: skip
WARM_UP, AGREEMENT, COSAM_STAGES, IDENTITIES = 2, 1e-4, (4, 5), 625


def main() -> None:
  """Prints a line for each network and runtime, and writes the numbers if asked to."""
  options = _options()
  runtimes = options.runtimes.split(",")
  if unknown := set(runtimes) - set(FORMAT_OF):
    sys.exit(f"error: --runtimes names {', '.join(unknown)}: use some of {', '.join(FORMAT_OF)}")
  about = device.describe()
  threads = len(os.sched_getaffinity(0))
  print(f"{about['kind']}, {about['host']}; float32, {options.clips} clips of {options.frames}, "
        f"{threads} threads")  # fmt: skip
  print(", ".join(f"{name} {runtime_sessions.version(name)}" for name in runtimes))
  print(f"{'':24}{'ours':>9}" + "".join(f"{name:>13}{'ratio':>7}  {'':<12}" for name in runtimes))
  found = []
  for name in options.networks.split(","):
    record = _compare(name, runtimes, threads, options)
    found.append(record)
    line = f"{name:24}{record['ours']['seconds']:8.3f}s"
    for runtime in runtimes:
      its = record[runtime]
      spread = f"{min(its['ratios']):.2f}..{max(its['ratios']):.2f}"
      line += f"{its['seconds']:12.3f}s{its['ratio']:7.2f}  {spread:<12}"
    print(line.rstrip(), flush=True)
  if options.output:
    content = {"device": about, "threads": threads, "networks": found}
    pathlib.Path(options.output).write_text(json.dumps(content, indent=2) + "\n")


def _compare(
  name: str, runtimes: list[str], threads: int, options: argparse.Namespace
) -> dict[str, Any]:
  """Times one network in each runtime."""
  backbone, width, size = name.split(":")
  height, wide = map(int, size.split("x"))
  model = ReidNet(
    backbone, COSAM_STAGES, num_frames=options.frames, image_size=(height, wide),
    num_classes=IDENTITIES, width=float(width),
  )  # fmt: skip
  shape = (options.clips, options.frames, height, wide, 3)
  clips = np.random.default_rng(0).standard_normal(shape, np.float32)
  variables = drawn.variables(lambda: model.init(jax.random.key(0), clips[:1]))
  network = Network(model, variables, {}, name)
  with contextlib.ExitStack() as stack:
    folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
    written: dict[str, str] = {}
    for kind in dict.fromkeys(FORMAT_OF[runtime] for runtime in runtimes):
      file, write = FORMATS[kind]
      write(network, "clips", folder / file)
      written[kind] = str(folder / file)
    peers = {
      runtime: stack.enter_context(
        PeerProcess(f"runtime_sessions:{runtime}", (written[FORMAT_OF[runtime]], clips, threads))
      )
      for runtime in runtimes
    }
    ours = _ours(model, variables, clips)
    wanted = np.asarray(ours())
    for runtime, peer in peers.items():
      error = float(np.abs(peer.call("embed")[1] - wanted).max() / np.abs(wanted).max())
      if not error < AGREEMENT:
        sys.exit(f"error: {name}, {runtime}: features differ by {error:.1e} of the largest")
    return {"network": name} | _in_turn(ours, peers, options.repeats, name)


def _ours(model: ReidNet, variables: Any, clips: np.ndarray) -> Callable[[], np.ndarray]:
  """Our embedding of clips in the host's memory, as a call without arguments."""
  where = mesh.make_mesh()
  weights = mesh.put_everywhere(where, for_inference(model, variables))
  forward = steps.jit_forward(model, where)
  return lambda: np.asarray(forward(weights, *mesh.put_batch(where, clips), None).features)


def _in_turn(
  ours: Callable[[], np.ndarray], peers: dict[str, PeerProcess], repeats: int, name: str
) -> dict[str, Any]:
  """Seconds of a call on each side, taking turns."""

  def mine() -> float:
    began = time.perf_counter()
    ours()
    return time.perf_counter() - began

  def of(peer: PeerProcess) -> Callable[[], float]:
    return lambda: peer.call("embed")[0]

  sides = {"ours": mine} | {runtime: of(peer) for runtime, peer in peers.items()}
  times: dict[str, list[float]] = {side: [] for side in sides}
  for turn in tqdm.trange(WARM_UP + repeats, desc=name, leave=False, disable=None):
    for side, seconds in sides.items():
      taken = seconds()
      if turn >= WARM_UP:
        times[side].append(taken)
  record: dict[str, Any] = {}
  for side, seconds_taken in times.items():
    ratios = [its / our for our, its in zip(times["ours"], seconds_taken, strict=True)]
    record[side] = {
      "seconds": statistics.median(seconds_taken),
      "ratio": statistics.median(ratios),
      "ratios": ratios,
    }
  return record


def _options() -> argparse.Namespace:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--networks", default=",".join(NETWORKS), help="backbone:width:HxW, ...")
  parser.add_argument("--runtimes", default="onnxruntime,openvino", help=", ".join(FORMAT_OF))
  parser.add_argument("--clips", type=int, default=8)
  parser.add_argument("--frames", type=int, default=4)
  parser.add_argument("--repeats", type=int, default=9)
  parser.add_argument("--output", help="a JSON file for the numbers")
  return parser.parse_args()


if __name__ == "__main__":
  main()
