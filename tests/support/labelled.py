"""Labelled vectors of drawn people, and slow loops over all pairs of them."""

import itertools

import numpy as np

from cosam_jax.evaluation.embeddings import Embeddings, Origin

NONE = np.zeros(0, np.int64)


def drawn(people=12, tracklets=5, cameras=3, spread=0.8, seed=0, width=6):
  """(vectors float32[n, D], people int[n], cameras int[n]) in a mixed order."""
  rng = np.random.default_rng(seed)
  centres = rng.standard_normal((people, width))
  who = np.repeat(np.arange(people), tracklets)
  vectors = centres[who] + spread * rng.standard_normal((len(who), width))
  seen = rng.integers(0, cameras, len(who))
  order = rng.permutation(len(who))
  # Numbers of people and cameras need not begin at zero.
  return vectors[order].astype(np.float32), 3 * who[order] + 7, seen[order] + 1


def distance(first, second, kind="sqeuclidean"):
  """The definition, for two vectors."""
  first, second = first.astype(np.float64), second.astype(np.float64)
  if kind == "cosine":
    lengths = np.linalg.norm(first) * np.linalg.norm(second)
    return 1 - (first @ second / lengths if lengths > 0 else 0.0)
  return ((first - second) ** 2).sum()


def pairs(vectors, people, cameras, kind="sqeuclidean", compared="other_cameras"):
  """Every comparison: (i, j, distance, whether it is mated)."""
  found = []
  for i, j in itertools.combinations(range(len(vectors)), 2):
    if compared == "other_cameras" and (cameras[i] == cameras[j] or -1 in (cameras[i], cameras[j])):
      continue
    far = distance(vectors[i], vectors[j], kind)
    found.append((i, j, far, bool(people[i] == people[j])))
  return found


def embeddings(drawing=None, config=None, queries=(), **origin) -> Embeddings:
  """The drawing as a file of embeddings would hold it."""
  vectors, people, cameras = drawn() if drawing is None else drawing
  facts = {"dataset": "mars", "people": "held_out", "learned": False, "vectors_hash": "aa",
           "checkpoint": "step 3", "checkpoint_hash": "bb", "config": config or {}}  # fmt: skip
  count, width = vectors.shape
  return Embeddings(
    origin=Origin(**(facts | origin)),
    vectors=vectors, identities=people, cameras=cameras, names=[f"t{i}" for i in range(count)],
    lengths=np.full(count, 5), query_rows=np.array(queries, np.int64), reference_rows=NONE,
    official_rows=NONE, clip_vectors=np.zeros((0, width), np.float32), clip_owners=NONE,
  )  # fmt: skip
