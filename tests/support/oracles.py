"""Slow, obvious loops that compute the expected values. They share no code with the package."""

import numpy as np


def squared_distances(queries, gallery):
  """float64[Q, G], one pair at a time."""
  queries, gallery = np.asarray(queries, np.float64), np.asarray(gallery, np.float64)
  return np.array([[sum((q - g) ** 2) for g in gallery] for q in queries])


def ranking_metrics(distance, query_ids, gallery_ids, query_cameras, gallery_cameras, max_rank):
  """CMC, mAP and mINP by walking down each query's sorted list.

  Returns a dict: cmc [max_rank], mean_average_precision, mean_inverse_negative_penalty, and
  average_precision [Q] with nan for queries that do not count.
  """
  curves, precisions, penalties = [], [], []
  for q in range(len(query_ids)):
    entries = sorted((distance[q][g], g) for g in range(len(gallery_ids)))  # Ties: gallery order.
    place, hits, found_at, total = 0, 0, None, 0.0
    for _, g in entries:
      if gallery_ids[g] == -1:
        continue
      if gallery_ids[g] == query_ids[q] and gallery_cameras[g] == query_cameras[q]:
        continue
      place += 1
      if gallery_ids[g] == query_ids[q]:
        hits += 1
        total += hits / place
        found_at = place if found_at is None else found_at
        last = place
    if hits == 0:
      precisions.append(float("nan"))
      continue
    precisions.append(total / hits)
    penalties.append(hits / last)
    curves.append([1.0 if found_at <= rank + 1 else 0.0 for rank in range(max_rank)])
  return {
    "cmc": np.mean(curves, axis=0) if curves else None,
    "mean_average_precision": np.nanmean(precisions) if curves else None,
    "mean_inverse_negative_penalty": np.mean(penalties) if curves else None,
    "average_precision": np.array(precisions),
  }


def k_reciprocal(queries, gallery, k1, k2, lambda_value):
  """k-reciprocal re-ranking with Python sets and full matrices, float64."""
  features = np.concatenate([queries, gallery]).astype(np.float64)
  everyone = range(len(features))
  distance = np.array([[np.sum((a - b) ** 2) for b in features] for a in features])
  scaled = distance / distance.max(axis=1, keepdims=True)
  order = [sorted(everyone, key=lambda j, i=i: (distance[i, j], j)) for i in everyone]

  def reciprocal(i, k):
    return {j for j in order[i][: k + 1] if i in order[j][: k + 1]}

  weights = np.zeros_like(scaled)
  for i in everyone:
    own = reciprocal(i, k1)
    members = set(own)
    for candidate in own:
      half = reciprocal(candidate, round(k1 / 2))
      if len(half & own) > 2 / 3 * len(half):
        members |= half
    for j in members:
      weights[i, j] = np.exp(-scaled[i, j])
    weights[i] /= max(weights[i].sum(), 1e-300)
  if k2 > 1:
    weights = np.array([np.mean([weights[j] for j in order[i][:k2]], axis=0) for i in everyone])

  result = np.zeros((len(queries), len(gallery)))
  for q in range(len(queries)):
    for g in range(len(gallery)):
      other = len(queries) + g
      smaller = np.minimum(weights[q], weights[other]).sum()
      jaccard = 1 - smaller / (2 - smaller)
      result[q, g] = (1 - lambda_value) * jaccard + lambda_value * scaled[q, other]
  return result
