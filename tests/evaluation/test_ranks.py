"""Places of matches in sorted lists, compiled and not, also of queries with many matches."""

import chex
import numpy as np
from ranked import assert_equals_oracle, labels

from cosam_jax.evaluation import ranks
from cosam_jax.evaluation.retrieval import evaluate_rankings


def test_many_matches_of_one_query():
  rng = np.random.default_rng(0)
  who = labels(rng, 6, 120, identities=3)
  distance = rng.random((6, 120))
  assert max(map(len, ranks.Labels.checked(*_order(who)).matches())) > ranks.MATCHES_AT_A_TIME * 2
  assert_equals_oracle(evaluate_rankings(distance, **who), distance, who, max_rank=50)


def _order(who):
  return who["query_ids"], who["gallery_ids"], who["query_cameras"], who["gallery_cameras"]


class Places(chex.TestCase):
  """The pure function, compiled and not."""

  @chex.variants(with_jit=True, without_jit=True)
  def test_match_positions(self):
    distance = np.array([[5, 1, 5, 0, 5], [1, 2, 3, 4, 5]], np.float32)
    arguments = (
      distance,
      np.array([1, 2], np.int32),
      np.array([0, 0], np.int32),
      np.array([2, 1, 1, 1, 1], np.int32),
      np.array([1, 0, 1, 1, 1], np.int32),
    )
    matches = np.zeros((2, ranks.MATCHES_AT_A_TIME), np.int32)
    matches[0, :3] = [2, 3, 4]
    positions = self.variant(ranks.match_positions.__wrapped__)(*arguments, matches, np.int32(3))
    np.testing.assert_array_equal(positions[0, :3], [2, 0, 3])  # Entry 1 is not shown.
    assert int(positions[1, 0]) == 0
