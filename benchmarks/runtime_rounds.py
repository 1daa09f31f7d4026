"""The rounds of `runtimes`: our embedding in this process, each runtime's in another, by turns."""

import argparse
import contextlib
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import tqdm
from peer_process import PeerProcess

from cosam_jax.commands.benchmark import drawn
from cosam_jax.commands.export.formats import FORMATS
from cosam_jax.experiment.network import Network
from cosam_jax.models import ReidNet
from cosam_jax.models.folded import for_inference
from cosam_jax.training import mesh, steps

FORMAT_OF = {"onnxruntime": "onnx", "openvino": "onnx", "stablehlo": "stablehlo",
             "saved_model": "saved_model"}  # fmt: skip
WARM_UP, AGREEMENT, COSAM_STAGES, IDENTITIES = 2, 1e-4, (4, 5), 625


def compare(
  sizes: tuple[str, float, tuple[int, int]], threads: int, options: argparse.Namespace
) -> dict[str, Any]:
  """Times one network in each runtime.

  Args:
    sizes: its backbone, width and image size (H, W).
    threads: of each runtime.
    options: the command line's, see `runtimes`.

  Returns:
    For `ours` and each runtime its seconds and ratios.
  """
  backbone, width, image_size = sizes
  name = f"{backbone}, width {width:g}, {image_size[0]}x{image_size[1]}"
  model = ReidNet(
    backbone, COSAM_STAGES, num_frames=options.frames, image_size=image_size,
    num_classes=IDENTITIES, width=width,
  )  # fmt: skip
  shape = (options.clips, options.frames, *image_size, 3)
  clips = np.random.default_rng(0).standard_normal(shape, np.float32)
  variables = drawn.variables(lambda: model.init(jax.random.key(0), clips[:1]))
  network = Network(model, variables, {}, name)
  with contextlib.ExitStack() as stack:
    folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
    written: dict[str, str] = {}
    for kind in dict.fromkeys(FORMAT_OF[runtime] for runtime in options.runtimes):
      file, write = FORMATS[kind]
      write(network, "clips", folder / file)
      written[kind] = str(folder / file)
    peers = {
      runtime: stack.enter_context(
        PeerProcess(f"runtime_sessions:{runtime}", (written[FORMAT_OF[runtime]], clips, threads))
      )
      for runtime in options.runtimes
    }
    ours = _ours(model, variables, clips)
    wanted = np.asarray(ours())
    for runtime, peer in peers.items():
      error = float(np.abs(peer.call("embed")[1] - wanted).max() / np.abs(wanted).max())
      if not error < AGREEMENT:
        sys.exit(f"error: {name}, {runtime}: features differ by {error:.1e} of the largest")
    return _in_turn(ours, peers, options.repeats, name)


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
