"""Folded weights give the outputs of the weights that they come from."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from cosam_jax.models import ReidNet
from cosam_jax.models.folded import fold, for_inference

NETWORKS = {
  "basic blocks": {
    "backbone": "resnet18",
    "temporal": "rnn",
    "summary": "position_free",
    "descriptors": "below",
  },
  "bottlenecks": {"backbone": "resnet50", "temporal": "tp", "channel_gate": "multiply"},
  "gated blocks": {"backbone": "se_resnet50", "temporal": "ta"},
  "a neck": {"backbone": "resnet18", "neck": True, "summary": "order_free"},
  "one layer": {"backbone": "resnet18", "summary": "one_layer", "cost_volume": "explicit"},
  "no COSAM": {"backbone": "resnet34", "cosam_stages": ()},
}


def drawn(tree, rng):
  """Every array drawn; variances and scales around one, so that values keep their size."""

  def draw(path, like):
    if path[-1] in ("var", "scale"):
      return rng.uniform(0.5, 1.5, like.shape).astype(np.float32)
    spread = 1 / np.sqrt(np.prod(like.shape[:-1])) if path[-1] == "kernel" else 0.1
    return (spread * rng.standard_normal(like.shape)).astype(np.float32)

  flat = traverse_util.flatten_dict(tree)
  return traverse_util.unflatten_dict({path: draw(path, flat[path]) for path in flat})


def network(**settings):
  model = ReidNet(**{
    "width": 0.25, "num_frames": 3, "image_size": (64, 32), "num_classes": 5, **settings
  })  # fmt: skip
  clips = np.random.default_rng(1).standard_normal((2, 3, 64, 32, 3)).astype(np.float32)
  shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), clips))
  return model, drawn(shapes, np.random.default_rng(2)), clips


@pytest.mark.parametrize("case", NETWORKS)
def test_outputs_are_the_same(case, hasty_compilation):
  model, variables, clips = network(**NETWORKS[case])
  valid = np.array([[True, True, False], [True, True, True]])
  forward = jax.jit(lambda variables: model.apply(variables, clips, valid, train=False))
  wanted = forward(variables)
  assert np.asarray(wanted.features).std() > 1e-2  # Drawn biases reach the end.
  found = forward(fold(variables, model.settings))
  chex.assert_trees_all_close(found, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted.features).max())


def test_of_a_norm_only_the_shift_is_left():
  model, variables, _ = network(backbone="resnet18", neck=True)
  before = {path[-2] for path in traverse_util.flatten_dict(variables["batch_stats"])}
  assert before == {"norm", "norm1", "norm2", "shortcut_norm", "reduce_norm", "summary_norm",
                    "neck_norm"}  # fmt: skip
  folded = fold(variables, model.settings)
  left = {path[:-1] for path in traverse_util.flatten_dict(folded["batch_stats"])}
  assert left == {("neck_norm",)}  # It follows the mean over frames, which is no layer.
  params = traverse_util.flatten_dict(folded["params"])
  assert [path for path in params if path[-1] == "scale"] == [("neck_norm", "scale")]


def test_a_convolution_and_its_norm_by_a_loop():
  """One block's first kernel and shift, channel by channel."""
  model, variables, _ = network(backbone="resnet18", cosam_stages=())
  block = variables["params"]["stage3"]["block0"]
  statistics = variables["batch_stats"]["stage3"]["block0"]["norm1"]
  found = fold(variables, model.settings)["params"]["stage3"]["block0"]
  for channel in range(block["conv1"]["kernel"].shape[-1]):
    gain = block["norm1"]["scale"][channel] / (statistics["var"][channel] + 1e-5) ** 0.5
    kernel = block["conv1"]["kernel"][..., channel] * gain
    np.testing.assert_allclose(found["conv1"]["kernel"][..., channel], kernel, rtol=1e-6)
    shift = block["norm1"]["bias"][channel] - statistics["mean"][channel] * gain
    np.testing.assert_allclose(found["norm1"]["shift"][channel], shift, rtol=1e-5, atol=1e-7)


def test_the_given_weights_stay_as_they_are():
  model, variables, _ = network(backbone="resnet18")
  before = jax.tree.map(np.copy, variables)
  fold(variables, model.settings)
  chex.assert_trees_all_equal(variables, before)


def test_rounded_networks_are_not_folded():
  """In bfloat16 a folded kernel would be rounded at another place than the norm's result."""
  model, variables, _ = network(backbone="resnet18", dtype=jnp.bfloat16)
  assert for_inference(model, variables) is variables
  model = model.clone(dtype=jnp.float32)
  chex.assert_trees_all_equal(for_inference(model, variables), fold(variables, model.settings))
