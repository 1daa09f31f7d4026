"""The rounds of `against_pytorch`: ours in this process and PyTorch's in another, by turns."""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tqdm
from peer_process import PeerProcess

from cosam_jax.commands.benchmark import clock, drawn
from cosam_jax.models import ReidNet, to_torch
from cosam_jax.models.folded import for_inference
from cosam_jax.training import mesh, optim, state, steps

COSAM_STAGES, IDENTITIES = (4, 5), 625
LEARNING_RATE, WEIGHT_DECAY = 1e-4, 5e-4
WARM_UP = 3  # The first call compiles, and memory settles in the next ones.
AGREEMENT = {"float32": 2e-3, "bfloat16": 6e-2}  # Relative, of features and of the first loss.


def compare(backbone: str, options: argparse.Namespace) -> dict[str, Any]:
  """Times both on one network.

  Args:
    backbone: one of `pytorch_backbones`.
    options: the command line's, see `against_pytorch`.

  Returns:
    `backbone`, `width`, and for each part the seconds and ratios, and how far the two differ.
  """
  model = ReidNet(
    backbone, COSAM_STAGES, num_frames=options.frames, image_size=tuple(options.image_size),
    num_classes=IDENTITIES, width=options.width, dtype=jnp.dtype(options.dtype),
  )  # fmt: skip
  rng = np.random.default_rng(0)
  shape = (options.clips, options.frames, *options.image_size, 3)
  clips = rng.standard_normal(shape, np.float32)
  labels = (np.arange(options.clips) // options.instances).astype(np.int32)
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
      if part not in options.parts:
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
