"""Provokes refusals and examines them: one sentence, and nothing lost."""

import pathlib

import calls
import jax
import numpy as np
import pytest
import tiny

from cosam_jax.errors import InputError
from cosam_jax.experiment import parts as assembly
from cosam_jax.experiment.config import resolve
from cosam_jax.models import to_torch
from cosam_jax.models.interop import variable_shapes


def refused(mode: str, config, workdir: pathlib.Path) -> str:
  """Runs a mode that must refuse; returns its sentence."""
  with pytest.raises(InputError) as caught:
    calls.run(mode, config, workdir)
  sentence = str(caught.value)
  assert "\n" not in sentence
  return sentence


def has(sentence: str, *words: object) -> None:
  """Every one of `words` is in the sentence."""
  for word in words:
    assert str(word) in sentence, sentence


def mars_config(directory: pathlib.Path, **fields):
  """A tiny run on a directory in MARS's layout."""
  return tiny.config(directory, data__name="mars", **fields)


def truncate(path: pathlib.Path) -> None:
  """Leaves the first half of a file."""
  path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def checkpoint_files(workdir: pathlib.Path, step: int) -> dict[str, bytes]:
  """Every file of a checkpoint, by name."""
  folder = workdir / "checkpoints" / str(step)
  return {
    str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()
  }


def write_weights(path: pathlib.Path, config, change=None) -> pathlib.Path:
  """Writes weights of a configuration's network, with the published code's names."""
  model = assembly.build_model(resolve(config), 6)
  shapes = variable_shapes(model)  # Drawing real ones would compile another network.
  variables = jax.tree.map(lambda leaf: np.full(leaf.shape, 0.01, np.float32), shapes)
  weights = to_torch(variables, model)
  if change is not None:
    change(weights)
  np.savez(path, **weights)
  return path
