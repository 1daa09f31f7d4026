"""The weights and inputs behind the golden files, drawn again by the recipe in golden/README.md."""

import json
import pathlib
import re
import zlib

import numpy as np

from cosam_jax.models import ReidNet

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
SEED = json.loads((GOLDEN / "seed.json").read_text())["seed"]
SHAPES = json.loads((GOLDEN / "state_shapes.json").read_text())


def _rng(name: str) -> np.random.Generator:
  return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode()) + SEED))


def state_shapes(case: str) -> dict[str, tuple[int, ...]]:
  """Every name and shape of a case's state dict, in order."""
  shapes = SHAPES["base"][case.split("_cosam")[0]] | SHAPES["rest"][case]
  return {name: tuple(shape) for name, shape in shapes.items()}


def draw_state(case: str) -> dict[str, np.ndarray]:
  """The state dict of a case, e.g. `resnet50_cosam45_tp_T4`."""
  return {name: _draw(name, shape) for name, shape in state_shapes(case).items()}


def _draw(name: str, shape: tuple[int, ...]) -> np.ndarray:
  if name.endswith("num_batches_tracked"):
    return np.zeros((), np.int64)
  if name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
    value = _rng(name).uniform(0.5, 1.5, shape)
  elif len(shape) <= 1:
    value = 0.1 * _rng(name).standard_normal(shape)
  else:
    value = _rng(name).standard_normal(shape) * np.sqrt(1 / np.prod(shape[1:]))
  return value.astype(np.float32)


def draw_clips(batch: int, frames: int, name: str = "input") -> np.ndarray:
  """The input of a case, channels last: float32[B, T, 256, 128, 3]."""
  clips = _rng(name).standard_normal((batch, frames, 3, 256, 128)).astype(np.float32)
  return clips.transpose(0, 1, 3, 4, 2)


def model_of(case: str, **options) -> ReidNet:
  """The network of a case; 10 classes."""
  backbone, stages, head, frames = re.fullmatch(
    r"(\w+)_cosam(\d+|none)_(tp|ta|rnn)_T(\d+)", case
  ).groups()  # type: ignore[union-attr]
  cosam = () if stages == "none" else tuple(int(stage) for stage in stages)
  return ReidNet(backbone, cosam, head, int(frames), num_classes=10, **options)
