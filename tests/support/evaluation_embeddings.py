"""Made-up embeddings, small enough to be ranked by hand."""

import numpy as np

from cosam_jax.evaluation.embeddings import Embeddings, Origin

RANKED = {
  "evaluation.gallery": "reference", "evaluation.frames": 0,
  "evaluation.distance": "sqeuclidean", "evaluation.rerank": True, "evaluation.rerank_k1": 3,
  "evaluation.rerank_k2": 2, "evaluation.rerank_lambda": 0.3,
}  # fmt: skip


def made(**changes) -> Embeddings:
  """Ten tracklets of three people by two cameras, two clips each; 0 and 1 are the queries."""
  rng = np.random.default_rng(0)
  clips = rng.standard_normal((20, 4)).astype(np.float32)
  content = {
    "origin": Origin("mars", num_frames=2, config={"seed": 3, "clips.image_size": [8, 4]}),
    "vectors": clips.reshape(10, 2, 4).mean(axis=1),
    "identities": [1, 2, 1, 1, 2, 2, 3, 3, 0, 0],
    "cameras": [1, 1, 2, 1, 2, 1, 1, 2, 1, 2],
    "names": [f"t{i}" for i in range(10)],
    "lengths": [3, 4, 3, 4, 3, 4, 3, 4, 3, 4],
    "query_rows": [0, 1],
    "reference_rows": np.arange(2, 10),
    "official_rows": np.arange(10)[::-1],
    "clip_vectors": clips,
    "clip_owners": np.repeat(np.arange(10), 2),
  }
  return Embeddings(**(content | changes))
