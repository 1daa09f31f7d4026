"""Facts about networks are compared as far as both sides know them."""

import labelled

from cosam_jax.evaluation.calibrated_network import network_misfit, network_of_embeddings


def test_all_that_both_sides_know_is_compared():
  known = network_of_embeddings(labelled.embeddings(), "cosine", {"model.pool": "ceil", "a.b": 2})
  assert known["vectors_hash"] == "aa"
  assert network_misfit(known, known) is None
  assert network_misfit(known, {}) is None
  assert network_misfit(known, {"a.b": None, "c": 3}) is None
  assert network_misfit(known, {"label": "another name", "weights_hash": "zz"}) is None
  assert network_misfit(known, {"vectors_hash": "bb", "a.b": 3}) == "it has other weights"
  assert network_misfit(known, {"a.b": 3}) == "b is 2 there, and 3 here"
