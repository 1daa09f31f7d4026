"""The real MARS identity and camera structure, at full size: right, and in bounded memory."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.io

import oracles
from cosam_jax.evaluation.retrieval import evaluate_features, evaluate_rankings


@pytest.fixture(scope="module")
def who(shared):
  """Labels of the official index: queries taken out of the gallery, junk dropped."""
  folder = shared / "data" / "mars_info"
  tracks = scipy.io.loadmat(folder / "tracks_test_info.mat")["track_test_info"]
  queries = scipy.io.loadmat(folder / "query_IDX.mat")["query_IDX"].ravel() - 1
  identities, cameras = tracks[:, 2].astype(int), tracks[:, 3].astype(int)
  kept = (identities != -1) & ~np.isin(np.arange(len(tracks)), queries)
  return {
    "query_ids": identities[queries],
    "gallery_ids": identities[kept],
    "query_cameras": cameras[queries],
    "gallery_cameras": cameras[kept],
  }


def test_ranking_a_given_matrix(who):
  rng = np.random.default_rng(0)
  distance = rng.integers(0, 5000, (1980, 9330)).astype(np.float32)  # Many are equal.
  found = evaluate_rankings(distance, **who)
  assert (found.num_valid_queries, len(found.valid)) == (1840, 1980)
  rows = rng.choice(1980, 25, replace=False)
  some = who | {key: who[key][rows] for key in ("query_ids", "query_cameras")}
  wanted = oracles.ranking_metrics(distance[rows], *some.values(), 50)
  np.testing.assert_allclose(found.average_precision[rows], wanted["average_precision"])


@pytest.mark.slow
def test_ranking_features(who):
  rng = np.random.default_rng(1)
  queries = rng.standard_normal((1980, 2048), dtype=np.float32)
  gallery = rng.standard_normal((9330, 2048), dtype=np.float32)
  found = evaluate_features(queries, gallery, **who)
  assert found.num_valid_queries == 1840
  rows = rng.choice(1980, 5, replace=False)
  distance = oracles.squared_distances(queries[rows], gallery)
  some = who | {key: who[key][rows] for key in ("query_ids", "query_cameras")}
  wanted = oracles.ranking_metrics(distance, *some.values(), 50)
  np.testing.assert_allclose(found.average_precision[rows], wanted["average_precision"], rtol=1e-5)


PEAK = r"""
status = pathlib.Path("/proc/self/status").read_text()
print(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
"""
BEGIN = """
import pathlib, re
import numpy as np
rng = np.random.default_rng(0)
"""
RANK = (
  BEGIN
  + """
from cosam_jax.evaluation.retrieval import evaluate_features
queries, gallery = rng.standard_normal((20000, 8)), rng.standard_normal((9330, 8))
who = {"query_ids": np.arange(20000) % 9330, "gallery_ids": np.arange(9330)}
who |= {"query_cameras": np.zeros(20000, int), "gallery_cameras": np.ones(9330, int)}
evaluate_features(queries, gallery, **who)
"""
)
RERANK = (
  BEGIN
  + """
from cosam_jax.evaluation.rerank import k_reciprocal_distance
centres = rng.standard_normal((625, 128))
vectors = centres[rng.integers(0, 625, 11310)] + 0.8 * rng.standard_normal((11310, 128))
k_reciprocal_distance(vectors[:1980], vectors[1980:])
"""
)


def peak(program):
  """The most memory that a process took, in gigabytes."""
  if sys.platform != "linux":
    pytest.skip("reads the peak from Linux's /proc")
  run = subprocess.run(
    [sys.executable, "-c", program + PEAK], check=True, capture_output=True, text=True
  )
  return float(run.stdout) / 1e6


def test_reranking_of_all_of_mars_fits_in_memory():
  assert peak(RERANK) < 1.5


@pytest.mark.slow
def test_memory_of_ranking_is_bounded_by_the_block():
  assert peak(RANK) < 0.6  # The matrix of all distances alone would be 0.75.
