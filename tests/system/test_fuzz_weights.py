"""Damaged weights, embeddings and configurations; see `test_fuzz`."""

import copy
import functools
import io
import os
import pathlib
import random
import zipfile

import jax
import numpy as np
import pytest
import tiny
from evaluation_embeddings import made
from fuzzing import SEED, mutated, outcome, tally

from cosam_jax.evaluation.embeddings import read_embeddings, write_embeddings
from cosam_jax.experiment import parts as assembly
from cosam_jax.experiment.config import check, plain, resolve
from cosam_jax.models import from_torch, to_torch
from cosam_jax.models.interop import variable_shapes
from cosam_jax.models.weight_files import read_weights

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def rezipped(data: bytes, rng: random.Random) -> bytes:
  """Changes one member of a zip archive, and writes the right checksum."""
  stream = io.BytesIO()
  with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
    victim = rng.choice(old.namelist())
    for info in old.infolist():
      content = old.read(info)
      name = info.filename
      if name == victim:
        content = mutated(content, rng)
        name = name if rng.random() < 0.9 else "../" + name
      new.writestr(name, content)
  return stream.getvalue()


def test_weight_files_are_read_or_refused(tmp_path, monkeypatch):
  """Changed members of a zip get a right checksum, so that they pass the first check."""
  monkeypatch.chdir(tmp_path)  # Nothing may be written anywhere.
  data = pathlib.Path(__file__).parents[1] / "models" / "data"
  names = ("checkpoint.pth.tar", "checkpoint_zip.pth.tar", "legacy.pth", "tensors.safetensors",
           "zip.pth")  # fmt: skip
  originals = [(data / name).read_bytes() for name in names]
  stream = io.BytesIO()
  np.savez(stream, a=np.ones((3, 4), np.float32), b=np.arange(2))
  originals.append(stream.getvalue())
  rng, outcomes = random.Random(SEED), []
  for _ in range(2500):
    original = rng.choice(originals)
    zipped = original.startswith(b"PK") and rng.random() < 0.8
    pathlib.Path("weights").write_bytes((rezipped if zipped else mutated)(original, rng))

    def read():
      for array in read_weights("weights").values():
        assert isinstance(array, np.ndarray)
        array.sum()  # Reads all of it: a stride past the end would show.

    outcomes.append(outcome(read))
  tally(outcomes, least=50)
  assert os.listdir() == ["weights"]


def test_state_dicts_are_converted_or_refused(tiny_synthetic, hasty_compilation):
  """State dicts with names, shapes, types and values that our networks do not have."""
  del hasty_compilation
  model = assembly.build_model(resolve(tiny.config(tiny_synthetic)), 6)
  shapes = variable_shapes(model)
  variables = jax.tree.map(lambda leaf: np.full(leaf.shape, 0.01, np.float32), shapes)
  good = to_torch(variables, model)
  rng, outcomes = random.Random(SEED), []
  for _ in range(100):
    weights = dict(good)
    for _ in range(rng.choice((1, 1, 3))):
      name = rng.choice(list(weights))
      value = weights.pop(name)
      kind = rng.randrange(7)
      if kind == 0:
        weights[mutated(name.encode(), rng).decode("utf-8", "replace")] = value
      elif kind == 1:
        weights[name] = np.resize(value, (*value.shape, 2))
      elif kind == 2:
        weights[name] = np.resize(value, [n + rng.randrange(-1, 2) for n in value.shape])
      elif kind == 3:
        weights[name] = np.where(rng.random() < 0.5, np.nan, np.inf) * np.ones_like(value)
      elif kind == 4:
        weights[name] = value.astype(rng.choice(("float16", "float64", "int8", "complex64", "U3")))
      elif kind == 5:
        weights[f"module.{name}"] = value
    outcomes.append(outcome(lambda weights=weights: from_torch(weights, model)))
  tally(outcomes, least=5)


def test_embeddings_are_read_or_refused(tmp_path):
  path = tmp_path / "e.npz"
  write_embeddings(path, made())
  original, rng, outcomes = path.read_bytes(), random.Random(SEED), []
  for _ in range(400):
    path.write_bytes((rezipped if rng.random() < 0.8 else mutated)(original, rng))
    outcomes.append(outcome(lambda: read_embeddings(path)))
  tally(outcomes, least=10)


VALUES = (
  float("inf"), float("nan"), -0.0, 10**30, 10**400, 2**63, -(2**63) - 1, 2**31, -1, 0, 1e308,
  5e-324, "", "\ud800", "x" * 100_000, "\0", "\u0661", (), (2**70,), (float("nan"), 1), (0,) * 1000,
  None, True,
)  # fmt: skip


def test_configuration_values_are_used_or_refused(tiny_synthetic):
  """Every field with every value that a command line could give it."""
  config, outcomes = tiny.config(tiny_synthetic), []
  for name in plain(config):
    *groups, field = name.split(".")
    for value in VALUES:
      changed = copy.deepcopy(config)
      group = functools.reduce(getattr, groups, changed)
      try:
        group[field] = value
      except (TypeError, ValueError, OverflowError):
        continue  # The flag itself refuses another type.

      def read(changed=changed):
        check(changed)
        resolve(changed)

      outcomes.append(outcome(read))
  tally(outcomes, least=50)
