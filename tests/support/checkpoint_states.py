"""States of training with values in every part, and folders of their checkpoints."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import optax

from cosam_jax.training.mesh import make_mesh
from cosam_jax.training.optim import make_optimizer
from cosam_jax.training.state import create_state

OPTIMIZER = make_optimizer(optax.constant_schedule(0.1), weight_decay=0.1)


def state_of(seed=0, size=3, **extra):
  """A state with values in every part, moments included."""
  rng = np.random.default_rng(seed)
  params = {"conv": {"kernel": rng.standard_normal((size, 2)), "bias": np.float64([1 / 3, -0.0])}}
  params = jax.tree.map(jnp.float32, params | extra)
  made = create_state({"params": params, "batch_stats": {"norm": {"mean": jnp.ones(2)}}}, OPTIMIZER)
  moments = jax.tree.map(
    lambda leaf: leaf + jnp.asarray(rng.integers(1, 9), leaf.dtype), made.opt_state
  )
  return made.replace(step=jnp.int32(seed), opt_state=moments)


def shapes():
  return jax.eval_shape(state_of)


def restored(checkpoints, step, like=None):
  return checkpoints.restore(step, shapes() if like is None else like, make_mesh())


def folders(directory):
  return sorted(entry.name for entry in pathlib.Path(directory).iterdir())


def flip(path, position):
  """Flips one bit."""
  content = bytearray(path.read_bytes())
  content[position] ^= 0x10
  path.write_bytes(content)


def files_of(checkpoint):
  return sorted(file for file in checkpoint.rglob("*") if file.is_file() and file.stat().st_size)
