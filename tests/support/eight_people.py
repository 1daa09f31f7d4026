"""Pictures of eight people, and what an evaluation finds whatever they are called."""

import itertools

import layouts
import numpy as np

from cosam_jax.evaluation.protocol import Settings, evaluate_tables, evaluation_of

PEOPLE = 8


def draw(root):
  """Writes two pictures of each of eight people under each of two cameras, all different."""
  for i, camera, part in itertools.product(range(PEOPLE), (1, 2), "ab"):
    layouts.image(
      root / f"{i}_{camera}_{part}.jpg", color=(20 * i, 90 * camera, 7 * ord(part) % 255)
    )


def numbers(tables, seed=0):
  """Evaluates vectors that depend on tracklets' names alone, not on the names of people."""
  evaluation = evaluation_of(tables)
  seeds = [[seed, *map(ord, name)] for name in evaluation.table.names]
  vectors = np.stack([np.random.default_rng(one).standard_normal(6) for one in seeds])
  (result,) = evaluate_tables(vectors, evaluation, Settings())
  return result
