"""State dicts go in and out exactly, under every form of names; every layout has a name."""

import chex
import jax
import numpy as np
import published
import pytest
from drawn_networks import drawn, small

from cosam_jax.errors import InputError
from cosam_jax.models.interop import from_torch, to_torch, variable_shapes

CASES = [
  "resnet50_cosam2_tp_T4",
  "se_resnet50_cosam3_tp_T4",
  "resnet50_cosam45_tp_T8",
  "se_resnet50_cosam45_ta_T4",
  "resnet50_cosam5_rnn_T4",
]


def assert_same_state(found, wanted):
  assert list(found) == list(wanted)
  for name, value in wanted.items():
    assert found[name].dtype == value.dtype, name
    np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_published_state_dicts_go_through_exactly(case):
  """Names, order and shapes are the published network's; values come back bit for bit."""
  state, model = published.draw_state(case), published.model_of(case)
  variables = from_torch(state, model)
  chex.assert_trees_all_equal_shapes_and_dtypes(variables, variable_shapes(model))
  assert_same_state(to_torch(variables, model), state)


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50", "se_resnet50"])
@pytest.mark.parametrize("temporal", ["tp", "ta", "rnn"])
def test_variables_go_through_exactly(backbone, temporal):
  model = small(backbone, temporal=temporal, cosam_stages=(2, 5), neck=temporal == "tp")
  variables = drawn(model)
  state = to_torch(variables, model)
  chex.assert_trees_all_equal(from_torch(state, model), variables)
  parallel = {f"module.{name}": value for name, value in state.items()}
  chex.assert_trees_all_equal(from_torch(parallel, model), variables)


@pytest.mark.parametrize(
  ("backbone", "classifier"), [("resnet18", "fc"), ("se_resnet50", "last_linear")]
)
def test_backbones_alone_fill_the_backbone_and_nothing_else(backbone, classifier):
  model = small(backbone)
  theirs, initial = drawn(model, 1), drawn(model, 2)
  state = to_torch(theirs, model, layout="torchvision")
  state |= {f"{classifier}.weight": np.zeros((1000, 7)), f"{classifier}.bias": np.zeros(1000)}
  found = from_torch(state, model, init=initial)
  for kind in ("params", "batch_stats"):
    for part, leaves in found[kind].items():
      source = theirs if part.startswith("st") else initial
      chex.assert_trees_all_equal(leaves, source[kind][part])


@pytest.mark.slow
def test_what_is_missing_is_drawn_as_init_would():
  model = small(cosam_stages=(5,))
  state = to_torch(drawn(model), model, layout="torchvision")
  clips = np.zeros((1, 3, 64, 32, 3), np.float32)
  parts = ("cosam5", "classifier")
  init = jax.jit(
    lambda key: {part: model.init(key, clips)["params"][part] for part in parts}
  )(jax.random.key(0))  # fmt: skip
  found = from_torch(state, model)
  chex.assert_trees_all_close({part: found["params"][part] for part in parts}, init)


def test_named_parts_may_differ():
  model, other = small(num_classes=5), small(num_classes=9)
  state = to_torch(drawn(other), other) | {"extra.bias": np.zeros(1)}
  initial = drawn(model, 3)
  found = from_torch(
    state, model, allow_missing=["classifier"], allow_unused=["extra"], init=initial
  )
  chex.assert_trees_all_equal(found["params"]["classifier"], initial["params"]["classifier"])
  chex.assert_trees_all_equal(found["params"]["cosam4"], drawn(other)["params"]["cosam4"])


def test_tensors_and_other_types(torch):
  model = small(cosam_stages=())
  state = {name: value.astype(np.float16) for name, value in to_torch(drawn(model), model).items()}
  half = from_torch(state, model)
  assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(half))
  tensors = {name: torch.from_numpy(np.array(v)).bfloat16() for name, v in state.items()}
  found = from_torch(tensors, model)
  chex.assert_trees_all_close(found, half, rtol=0.01)


def test_layouts_have_names():
  model = small()
  with pytest.raises(InputError, match="published or torchvision"):
    to_torch(drawn(model), model, layout="keras")  # type: ignore[arg-type]
