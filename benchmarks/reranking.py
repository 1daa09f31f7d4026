"""Re-ranking at the scale of MARS: time and peak memory, also compared with other people's code.

  python benchmarks/reranking.py
  python benchmarks/reranking.py --other=re_ranking.py

`--other` names a file with `re_ranking(q_g_dist, q_q_dist, g_g_dist, k1, k2, lambda_value)` on
Euclidean distances, as the published NumPy code and its many copies define it. Both are run in
turn, each time in a process of its own, and must agree. Our time includes compilation, and both
times include the distances.
"""

import argparse
import pathlib
import resource
import runpy
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

QUERIES, GALLERY, PEOPLE = 1980, 9330, 625
K1, K2, LAMBDA = 20, 6, 0.3


def draw(dimensions: int) -> tuple[np.ndarray, np.ndarray]:
  """Vectors around one centre for each person, with as many people as MARS has."""
  rng = np.random.default_rng(0)
  centres = rng.standard_normal((PEOPLE, dimensions))
  people = rng.integers(0, PEOPLE, QUERIES + GALLERY)
  vectors = centres[people] + 0.8 * rng.standard_normal((len(people), dimensions))
  return np.split(vectors.astype(np.float32), [QUERIES])


def ours(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
  """The distances of this project."""
  from cosam_jax.evaluation.rerank import k_reciprocal_distance

  return k_reciprocal_distance(queries, gallery, K1, K2, LAMBDA)


def other(path: str, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
  """The distances of the function in a file."""

  def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))

  function = runpy.run_path(path)["re_ranking"]
  parts = (queries, gallery), (queries, queries), (gallery, gallery)
  return function(*(distances(*pair) for pair in parts), K1, K2, LAMBDA)


def main() -> None:
  """Prints a line for each measurement, then the medians."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--dimensions", type=int, default=128)
  parser.add_argument("--rounds", type=int, default=3)
  parser.add_argument("--other")
  parser.add_argument(
    "--one", help="measure only ours or other, in this process; default: all, in turn"
  )
  parser.add_argument("--save", help="file for the distances of the process of --one")
  options = parser.parse_args()
  if options.one:
    queries, gallery = draw(options.dimensions)
    began = time.perf_counter()
    one = options.one == "ours"
    found = ours(queries, gallery) if one else other(options.other, queries, gallery)
    seconds = time.perf_counter() - began
    np.save(options.save, np.asarray(found, np.float32))
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
    return
  names = ["ours", "other"] if options.other else ["ours"]
  measured: dict[str, list[list[float]]] = {name: [] for name in names}
  with tempfile.TemporaryDirectory() as folder:
    for _ in range(options.rounds):
      for name in names:
        arguments = [f"--one={name}", f"--save={folder}/{name}.npy", *sys.argv[1:]]
        run = subprocess.run(
          [sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True
        )
        measured[name].append([float(word) for word in run.stdout.split()[-2:]])
        print(f"{name:<6} {measured[name][-1][0]:6.1f} s, {measured[name][-1][1]:.2f} GiB")
    if options.other:
      both = [np.load(f"{folder}/{name}.npy") for name in names]
      print(f"largest difference {np.abs(both[0] - both[1]).max():.1e}")
  for name, rows in measured.items():
    print(f"{name}: median {statistics.median(row[0] for row in rows):.1f} s, "
          f"most memory {max(row[1] for row in rows):.2f} GiB")  # fmt: skip
  if options.other:
    ratios = [b[0] / a[0] for a, b in zip(measured["ours"], measured["other"])]
    print(f"other / ours, pair by pair: {', '.join(f'{ratio:.1f}' for ratio in ratios)}")


if __name__ == "__main__":
  main()
