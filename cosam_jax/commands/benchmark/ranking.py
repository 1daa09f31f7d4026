"""Metrics and re-ranking at the scale of MARS: 1,980 queries, 9,330 gallery tracklets.

The identities and cameras are those of the real index if the configuration's directory has it;
otherwise they are drawn, as many as in the index. The vectors are always drawn, around a centre for
each identity.
"""

import pathlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from cosam_jax.data import load_dataset
from cosam_jax.data.sets.registry import DATASETS
from cosam_jax.evaluation.rerank import k_reciprocal_distance
from cosam_jax.evaluation.retrieval import evaluate_features, evaluate_rankings

CAMERAS = 6  # As in MARS.


def at_mars_scale(
  config: ConfigDict, width: int, tick: Callable[[], None] = lambda: None
) -> dict[str, Any]:
  """Times ranking by features, re-ranking, and ranking by the re-ranked distances, once each.

  Each is warmed up on a few rows first, so that compilation is not timed.

  Args:
    config: a (resolved) configuration.
    width: D, the size of the vectors.
    tick: called after each.

  Returns:
    The seconds by name, the sizes, and the origin of identities and cameras.
  """
  labels, structure = _labels(config)
  rng = np.random.default_rng(config.seed)
  identities = np.concatenate([labels["query_ids"], labels["gallery_ids"]])
  known, of = np.unique(identities, return_inverse=True)
  centres = rng.standard_normal((len(known), width), np.float32)
  vectors = centres[of] + 1.5 * rng.standard_normal((len(of), width), np.float32)
  count = len(labels["query_ids"])
  queries, gallery = vectors[:count], vectors[count:]
  evaluation = config.evaluation

  def rerank(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    return k_reciprocal_distance(
      queries, gallery, evaluation.rerank_k1, evaluation.rerank_k2, evaluation.rerank_lambda
    )

  evaluate_features(queries, gallery, distance=evaluation.distance, **labels)
  began = time.perf_counter()
  ranked = evaluate_features(queries, gallery, distance=evaluation.distance, **labels)
  ranking = time.perf_counter() - began
  tick()
  began = time.perf_counter()
  distance = rerank(queries, gallery)
  reranking = time.perf_counter() - began
  tick()
  began = time.perf_counter()
  evaluate_rankings(distance, **labels)
  again = time.perf_counter() - began
  tick()
  return {
    "structure": structure,
    "queries": count,
    "gallery": len(gallery),
    "width": width,
    "ranking_seconds": ranking,
    "reranking_seconds": reranking,
    "ranking_by_distances_seconds": again,
    "mAP_of_the_drawn_vectors": float(ranked.mean_average_precision),
  }


def _labels(config: ConfigDict) -> tuple[dict[str, Any], str]:
  if config.data.name == "mars" and (pathlib.Path(config.data.dir) / "info").is_dir():
    tables = load_dataset("mars", config.data.dir, check_files=False)
    return {
      "query_ids": tables.query.identities,
      "gallery_ids": tables.gallery.identities,
      "query_cameras": tables.query.cameras,
      "gallery_cameras": tables.gallery.cameras,
    }, f"the index in {config.data.dir}"
  rng = np.random.default_rng(config.seed)
  counts = DATASETS["mars"].expected

  def draw(tracklets: int) -> np.ndarray:
    return rng.integers(0, counts["query"].identities, tracklets)

  return {
    "query_ids": draw(counts["query"].tracklets),
    "gallery_ids": draw(counts["gallery"].tracklets),
    "query_cameras": rng.integers(0, CAMERAS, counts["query"].tracklets),
    "gallery_cameras": rng.integers(0, CAMERAS, counts["gallery"].tracklets),
  }, "drawn"
