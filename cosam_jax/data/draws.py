"""Random choices that depend on their seed alone, on every platform and numpy version."""

import numpy as np


def shuffled(count: int, *address: int) -> np.ndarray:
  """Returns int64[count], a permutation of 0 .. count - 1 that is a function of `address`.

  numpy promises the raw stream of a bit generator for ever, but not that of
  `Generator.permutation`; a published split must not change with a library.
  """
  entropy = [int(part) % 2**64 for part in address]
  raw = np.random.PCG64(np.random.SeedSequence(entropy)).random_raw(count)
  return np.argsort(raw, kind="stable").astype(np.int64)
