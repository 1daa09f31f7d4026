"""A run's folder with a checkpoint of drawn weights, made without training."""

import json
import pathlib

import jax
import numpy as np
import tiny

from cosam_jax import assembly
from cosam_jax.config import flatten, resolve
from cosam_jax.training import optim, state
from cosam_jax.training.checkpoints import Checkpoints


def write(workdir: pathlib.Path, data_dir, seed: int = 0, **fields) -> pathlib.Path:
  """Writes `config.json` and a checkpoint of step 3 with running statistics that say something."""
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
  about = {"config": flat, "num_classes": 6}
  Checkpoints(workdir).save(3, state.create_state(variables, optimizer), about)
  (workdir / "config.json").write_text(json.dumps(flat))
  return workdir
