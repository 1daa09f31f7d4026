"""Short hashes that say whether two results come from the same weights and settings."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

LENGTH = 16
"""Number of hexadecimal digits that are kept of a SHA-256: 64 bits."""


def weights_hash(variables: Mapping[str, Any]) -> str:
  """A hash of every array's name, type, shape and bytes: the same weights have the same hash.

  Args:
    variables: a tree of arrays, such as `{"params": ..., "batch_stats": ...}`.

  Returns:
    `LENGTH` hexadecimal digits.
  """
  digest = hashlib.sha256()
  leaves = jax.tree_util.tree_flatten_with_path(dict(variables))[0]
  for name, leaf in sorted((jax.tree_util.keystr(path), leaf) for path, leaf in leaves):
    array = np.ascontiguousarray(leaf)
    digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
    digest.update(array.data)
  return digest.hexdigest()[:LENGTH]


def vectors_hash(variables: Mapping[str, Any]) -> str:
  """The `weights_hash` of all weights but the classifier's, on which no vector depends.

  So a file of weights without a classifier has one hash, whatever number of classes is added.
  """
  params = {name: part for name, part in variables["params"].items() if name != "classifier"}
  return weights_hash({**variables, "params": params})


def rows_hash(vectors: np.ndarray, identities: np.ndarray) -> str:
  """A hash of labelled vectors, which does not depend on their order.

  Args:
    vectors: float32[n, D].
    identities: int64[n].

  Returns:
    `LENGTH` hexadecimal digits.
  """
  rows = sorted(who.tobytes() + row.tobytes() for who, row in zip(identities, vectors, strict=True))
  return hashlib.sha256(b"".join(rows)).hexdigest()[:LENGTH]


def config_hash(flat: Mapping[str, Any], counts: Callable[[str, Any], bool]) -> str:
  """A hash of a flat configuration, without the fields that do not change vectors.

  Args:
    flat: dotted name -> plain value.
    counts: whether a field, by its dotted name and its value, is part of the hash.

  Returns:
    `LENGTH` hexadecimal digits.
  """
  kept = {name: value for name, value in flat.items() if counts(name, value)}
  text = json.dumps(kept, sort_keys=True, default=list)
  return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
