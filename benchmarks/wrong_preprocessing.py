"""What a wrong preprocessing does to a foreign network's vectors, and whether the warning sees it.

  python benchmarks/wrong_preprocessing.py --model=model.onnx --data_dir=data/mars

For a network that takes RGB from 0 to 1 with a mean and a deviation. Embeds two frames of each of
40 queries as `model.json` says, and in wrong ways. Prints the spread of the vectors, and their mean
cosine with the right ones.
"""

import argparse
import dataclasses
import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def ways(right):
  """Name -> the preprocessing; the first one is the right one."""
  mean, deviation = np.array(right.mean), np.array(right.deviation)

  def other(**items):
    plain = {name: tuple(x) if isinstance(x, np.ndarray) else x for name, x in items.items()}
    return dataclasses.replace(right, **plain)

  nothing = {"mean": np.zeros(3), "deviation": np.ones(3)}
  return {
    "right": right,
    "colours swapped": other(channels="BGR"),
    "mean and deviation 0.5": other(mean=np.full(3, 0.5), deviation=np.full(3, 0.5)),
    "0 to 1, nothing subtracted": other(**nothing),
    "0 to 255, nothing subtracted": other(range=255, **nothing),
    "255 times too small": other(deviation=255 * deviation),
    "255 times too small, mean of 0 to 255": other(mean=255 * mean, deviation=255 * deviation),
  }


def main() -> None:
  """Prints a line for each way."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--model", required=True)
  parser.add_argument("--data_dir", required=True)
  options = parser.parse_args()

  import cosam_jax
  from cosam_jax.data import load_dataset
  from cosam_jax.evaluation.vector_spread import ALIKE, spread

  table = load_dataset("mars", options.data_dir, check_files=False).query
  rows = np.random.default_rng(0).choice(len(table), 40, replace=False)
  tracklets = [[table.frames.name(int(i)) for i in table.frame_ids(int(row))[:2]] for row in rows]
  embedder = cosam_jax.Embedder.from_checkpoint(options.model)
  model = embedder.network.model
  right = None
  for name, how in ways(model.preprocessing).items():
    model.preprocessing = how
    vectors = embedder.embed_many(tracklets, progress=False)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    right = unit if right is None else right
    seen = "warned of" if spread(vectors) < ALIKE else ""
    cosine = (unit * right).sum(axis=1).mean()
    print(f"{name:<38}{100 * spread(vectors):7.2f}%{cosine:7.2f}  {seen}".rstrip(), flush=True)


if __name__ == "__main__":
  main()
