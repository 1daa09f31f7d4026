"""Each temporal head against a loop over clips and frames, with and without frames that count."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cosam_jax.models import temporal

B, T = 3, 4
FEATURES = np.random.default_rng(0).standard_normal((B, T, 2, 3, 5)).astype(np.float32)
VECTORS = np.random.default_rng(1).standard_normal((B, T, 6)).astype(np.float32)
VALID = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1]], bool)


def drawn(head, seed=2):
  """Parameters of a head, normal and not small."""
  rng = np.random.default_rng(seed)
  shapes = jax.eval_shape(lambda: head.init(jax.random.key(0), FEATURES, VECTORS))
  return jax.tree.map(lambda leaf: 0.3 * rng.standard_normal(leaf.shape).astype(np.float32), shapes)


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


def counted(valid):
  """For each clip, the frames that count."""
  return [[t for t in range(T) if valid is None or valid[b, t]] for b in range(B)]


def softmax_over(scores, frames):
  odds = np.exp([scores[t] - max(scores[t] for t in frames) for t in frames])
  weights = np.zeros(T)
  weights[frames] = odds / odds.sum()
  return weights


@pytest.mark.parametrize("valid", [None, VALID])
def test_tp_is_the_mean_of_the_frames_that_count(valid):
  found, weights = temporal.TemporalPooling().apply({}, FEATURES, VECTORS, valid)
  wanted = [np.mean([VECTORS[b, t] for t in frames], 0) for b, frames in enumerate(counted(valid))]
  np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
  assert weights is None


@pytest.mark.parametrize("valid", [None, VALID])
def test_ap_weighs_vectors_by_a_linear_score(valid):
  head = temporal.AttentionPooling()
  variables = drawn(head)
  kernel, bias = variables["params"]["score"]["kernel"], variables["params"]["score"]["bias"]
  found, weights = head.apply(variables, FEATURES, VECTORS, valid)
  for b, frames in enumerate(counted(valid)):
    wanted = softmax_over([VECTORS[b, t] @ kernel[:, 0] + bias[0] for t in range(T)], frames)
    np.testing.assert_allclose(weights[b], wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[b], wanted @ VECTORS[b], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("valid", [None, VALID])
@pytest.mark.parametrize("relu", [True, False])
def test_ta_scores_the_whole_map_of_a_frame_and_its_neighbours(valid, relu):
  head = temporal.TemporalAttention(score_relu=relu)
  variables = drawn(head)
  conv, along = variables["params"]["conv"], variables["params"]["tconv"]
  found, weights = head.apply(variables, FEATURES, VECTORS, valid)
  for b, frames in enumerate(counted(valid)):
    hidden = np.zeros((T, temporal.ATTENTION_SIZE))
    for t in frames:
      sums = np.einsum("hwc,hwck->k", FEATURES[b, t], conv["kernel"]) + conv["bias"]
      hidden[t] = np.maximum(sums, 0)
    scores = np.zeros(T)
    for t in range(T):
      scores[t] = along["bias"][0] + sum(
        hidden[t + i - 1] @ along["kernel"][i, :, 0] for i in range(3) if 0 <= t + i - 1 < T
      )
    scores = np.maximum(scores, 0) if relu else scores
    wanted = softmax_over(scores, frames)
    np.testing.assert_allclose(weights[b], wanted, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found[b], wanted @ VECTORS[b], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("valid", [None, VALID])
def test_rnn_is_the_mean_of_an_lstms_outputs_and_skips_frames_that_do_not_count(valid):
  head = temporal.TemporalRnn()
  variables = drawn(head)
  p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64) / 3, variables["params"])
  found, weights = head.apply({"params": p}, FEATURES, VECTORS, valid)
  assert weights is None
  for b, frames in enumerate(counted(valid)):
    hidden = cell = np.zeros(temporal.LSTM_SIZE)
    outputs = []
    for t in frames:
      gates = VECTORS[b, t] @ p["input_kernel"] + p["input_bias"]
      gates = gates + hidden @ p["hidden_kernel"] + p["hidden_bias"]
      i, f, g, o = np.split(gates, 4)
      cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
      hidden = sigmoid(o) * np.tanh(cell)
      outputs.append(hidden)
    np.testing.assert_allclose(found[b], np.mean(outputs, 0), rtol=1e-3, atol=1e-4)


def test_a_mean_by_weights_or_over_the_frames_that_count():
  weights = np.random.default_rng(3).random((B, T)).astype(np.float32)
  wanted = [sum(weights[b, t] * VECTORS[b, t] for t in range(T)) for b in range(B)]
  found = temporal.weighted_mean(jnp.asarray(VECTORS), jnp.asarray(weights), None)
  chex.assert_shape(found, (B, 6))
  np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
  found = temporal.weighted_mean(jnp.asarray(VECTORS), None, jnp.asarray(VALID))
  wanted = [VECTORS[b][VALID[b]].mean(0) for b in range(B)]
  np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
