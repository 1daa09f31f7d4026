"""A run's folder with a checkpoint of drawn weights, made without training, and its report page."""

import json
import pathlib

import jax
import jax.numpy as jnp
import modes
import numpy as np
import tiny

from cosam_jax.experiment import parts as assembly
from cosam_jax.experiment.config import flatten, resolve
from cosam_jax.training import optim, state
from cosam_jax.training.checkpoints import Checkpoints

REPORT = {"report__write": True, "report__worst": 2, "report__best": 1, "report__random": 1}
SCALARS = [
  {"step": 1, "loss": 3.5, "cross_entropy": 3.0, "triplet": 0.5, "learning_rate": 1e-3},
  {"step": 3, "loss": 2.5, "cross_entropy": 2.25, "triplet": 0.25, "learning_rate": 1e-4,
   "clips_per_second": 8.0},
]  # fmt: skip


def report_config(data_dir):
  """The configuration of an evaluation that makes the report page."""
  return tiny.config(data_dir, evaluation__rerank=True, **REPORT)


def evaluate(workdir: pathlib.Path, data_dir) -> pathlib.Path:
  """Calls `write`, adds a log of scalars like training's, then evaluates and embeds."""
  write(workdir, data_dir)
  (workdir / "scalars.jsonl").write_text("".join(json.dumps(row) + "\n" for row in SCALARS))
  config = report_config(data_dir)
  modes.evaluate(config, workdir)
  modes.embed(config, workdir)
  return workdir


def write(
  workdir: pathlib.Path, data_dir, seed: int = 0, test_set: str | None = None, **fields
) -> pathlib.Path:
  """Writes `config.json` and a checkpoint of step 3; its running statistics are drawn too.

  Without the digest of a test set it is as earlier versions wrote it.
  """
  config = resolve(tiny.config(data_dir, seed=seed, **fields))
  flat = {k: list(v) if isinstance(v, tuple) else v for k, v in flatten(config)}
  model = assembly.build_model(config, 6)
  variables = state.init_variables(model, seed)
  rng = np.random.default_rng(seed)
  # Small variances keep a signal alive through a network that was never trained.
  variables["batch_stats"] = jax.tree.map(
    lambda leaf: (
      leaf * rng.uniform(0.02, 0.2, leaf.shape).astype(np.float32)
      + 0.02 * (leaf == 0) * rng.standard_normal(leaf.shape).astype(np.float32)
    ),
    variables["batch_stats"],
  )
  optimizer = optim.make_optimizer(lambda _: 0.0, weight_decay=0.0)
  about = {"config": flat, "num_classes": 6} | ({"test_set": test_set} if test_set else {})
  made = state.create_state(variables, optimizer).replace(step=jnp.int32(3))
  Checkpoints(workdir).save(3, made, about)
  (workdir / "config.json").write_text(json.dumps(flat))
  return workdir
