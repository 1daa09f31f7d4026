"""Speed and memory of exact search in a gallery that need not fit in memory.

  python benchmarks/search.py --rows=1000000 --directory=/tmp/search

Draws the gallery into a .npy file once (1,000,000 x 2,048 float32 are 8.2 GB on disk) and searches
it. Every query is a gallery row with a little noise, so each must find its row.
"""

import argparse
import pathlib
import resource
import sys
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def draw(path: pathlib.Path, rows: int, dimensions: int) -> None:
  """Writes a gallery of normal vectors in blocks, whole or not at all."""
  partial = path.with_suffix(".partial")
  gallery = np.lib.format.open_memmap(partial, "w+", np.float32, (rows, dimensions))
  for first in range(0, rows, 10_000):
    count = min(10_000, rows - first)
    rng = np.random.default_rng(first)
    gallery[first : first + count] = rng.standard_normal((count, dimensions), np.float32)
  gallery.flush()
  partial.rename(path)


def main() -> None:
  """Prints one line of figures."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--rows", type=int, default=1_000_000)
  parser.add_argument("--dimensions", type=int, default=2048)
  parser.add_argument("--queries", type=int, default=100)
  parser.add_argument("--k", type=int, default=10)
  parser.add_argument("--backend", default="device", help="device or faiss")
  parser.add_argument("--directory", type=pathlib.Path, default=pathlib.Path("/tmp/search"))
  options = parser.parse_args()
  options.directory.mkdir(parents=True, exist_ok=True)
  path = options.directory / f"{options.rows}x{options.dimensions}.npy"
  if not path.exists():
    draw(path, options.rows, options.dimensions)

  import jax

  from cosam_jax.evaluation.search import VectorFile, nearest

  gallery = VectorFile(path)
  rng = np.random.default_rng(1)
  wanted = np.sort(rng.choice(options.rows, options.queries, replace=False))
  noise = rng.standard_normal((options.queries, options.dimensions), np.float32)
  queries = gallery[wanted] + 0.1 * noise
  start = time.perf_counter()
  found = nearest(queries, gallery, options.k, backend=options.backend)
  seconds = time.perf_counter() - start
  assert (found.rows[:, 0] == wanted).all()
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
  print(
    f"{options.backend} ({jax.devices()[0].device_kind}): {options.queries} queries, "
    f"{options.rows:,} x {options.dimensions} gallery, k {options.k}: {seconds:.1f} s, "
    f"{options.rows / seconds:,.0f} rows/s, {options.rows * options.queries / seconds:.3g} "
    f"distances/s, peak memory {peak:.2f} GiB"
  )


if __name__ == "__main__":
  main()
