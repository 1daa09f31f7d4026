"""State dicts go in and out exactly, under every form of names; every misfit is named."""

import chex
import jax
import numpy as np
import published
import pytest

from cosam_jax.errors import InputError
from cosam_jax.models import ReidNet
from cosam_jax.models.interop import from_torch, to_torch, variable_shapes

CASES = [
  "resnet50_cosam2_tp_T4",
  "se_resnet50_cosam3_tp_T4",
  "resnet50_cosam45_tp_T8",
  "se_resnet50_cosam45_ta_T4",
  "resnet50_cosam5_rnn_T4",
]


def small(backbone="resnet18", **options) -> ReidNet:
  settings = {"num_frames": 3, "image_size": (64, 32), "num_classes": 5, "width": 0.25}
  return ReidNet(backbone, **{**settings, **options})


def drawn(model: ReidNet, seed=0) -> dict:
  rng = np.random.default_rng(seed)
  return jax.tree.map(
    lambda leaf: rng.standard_normal(leaf.shape).astype(np.float32), variable_shapes(model)
  )


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


def _torchvision_resnet18_names() -> list[str]:
  names = []

  def add(conv, norm):
    names.append(f"{conv}.weight")
    leaves = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    names.extend(f"{norm}.{leaf}" for leaf in leaves)

  add("conv1", "bn1")
  for layer in (1, 2, 3, 4):
    for block in (0, 1):
      add(f"layer{layer}.{block}.conv1", f"layer{layer}.{block}.bn1")
      add(f"layer{layer}.{block}.conv2", f"layer{layer}.{block}.bn2")
      if layer > 1 and block == 0:
        add(f"layer{layer}.0.downsample.0", f"layer{layer}.0.downsample.1")
  return names


def test_backbone_names_are_torchvisions_and_cadenes():
  model = ReidNet("resnet18", (), image_size=(64, 32))
  state = to_torch(drawn(model), model, layout="torchvision")
  assert list(state) == _torchvision_resnet18_names()
  for family in ("resnet50", "se_resnet50"):
    model = ReidNet(family, (), image_size=(64, 32))
    found = to_torch(jax.tree.map(lambda x: np.zeros(x.shape), variable_shapes(model)), model,
                     layout="torchvision")  # fmt: skip
    base = published.SHAPES["base"][family]
    wanted = {name.removeprefix("base."): tuple(shape) for name, shape in base.items()}
    if family == "resnet50":
      assert set(map(np.prod, wanted.values())) == {value.size for value in found.values()}
      assert found["layer2.0.downsample.0.weight"].shape == (512, 256, 1, 1)
    else:
      assert {name: value.shape for name, value in found.items()} == wanted


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


def _refusal(state, model, **options) -> str:
  with pytest.raises(InputError) as error:
    from_torch(state, model, **options)
  assert "\n" not in str(error.value)
  return str(error.value)


def test_every_misfit_is_named():
  model = small()
  state = to_torch(drawn(model), model)
  missing = {name: value for name, value in state.items() if "base.5." not in name}
  assert "layer2.0.conv1.weight" in _refusal(missing, model)
  assert "... (25 in all) of the model are missing" in _refusal(missing, model)
  assert "surplus.weight of the weights are not known" in _refusal(
    state | {"surplus.weight": np.zeros(1)}, model
  )
  assert "classifier.bias (7,) for (5,)" in _refusal(
    state | {"classifier.bias": np.zeros(7)}, model
  )
  assert "mean the same tensor" in _refusal(state | {"module.base.0.weight": np.zeros(1)}, model)
  assert "missing" in _refusal({}, model)
  assert "'base.0.weight' has values that are not finite" in _refusal(
    state | {"base.0.weight": np.full_like(state["base.0.weight"], np.nan)}, model
  )
  assert "type" in _refusal(
    state | {"base.1.weight": np.full(state["base.1.weight"].shape, "x")}, model
  )


def test_another_architecture_is_recognised():
  model = small(cosam_stages=(4,))
  other = small("se_resnet50", temporal="rnn", cosam_stages=(4, 5), num_classes=9)
  message = _refusal(to_torch(drawn(other), other), model)
  assert "look like backbone=se_resnet50, cosam_stages=4,5, temporal=rnn, num_classes=9" in message
  assert "model has backbone=resnet18, cosam_stages=4, temporal=tp, num_classes=5" in message
  bare = to_torch(drawn(other), other, layout="torchvision")
  assert "look like backbone=se_resnet50, but" in _refusal(bare, model)
  narrow = small(width=0.5)
  assert "width=0.5, but" in _refusal(to_torch(drawn(narrow), narrow), small())


@pytest.mark.parametrize(
  ("options", "guess"),
  [
    ({"num_frames": 5}, "num_frames=5 at this image size"),
    ({"image_size": (96, 48)}, "image_size=(96, 48) at this num_frames"),
  ],
)
def test_cosam_weights_of_another_clip_say_which(options, guess):
  other = small(**options)
  message = _refusal(to_torch(drawn(other), other), small())
  rows, columns = other.grid_size(4)
  positions = (other.num_frames - 1) * rows * columns
  assert f"after stage 4 belong to (num_frames-1)*h*w = {positions}" in message
  assert guess in message
  assert "the model with num_frames=3 and image_size=(64, 32) has 16" in message


def test_named_parts_may_differ():
  model, other = small(num_classes=5), small(num_classes=9)
  state = to_torch(drawn(other), other) | {"extra.bias": np.zeros(1)}
  initial = drawn(model, 3)
  found = from_torch(
    state, model, allow_missing=["classifier"], allow_unused=["extra"], init=initial
  )
  chex.assert_trees_all_equal(found["params"]["classifier"], initial["params"]["classifier"])
  chex.assert_trees_all_equal(found["params"]["cosam4"], drawn(other)["params"]["cosam4"])


def test_tensors_and_other_types():
  model = small(cosam_stages=())
  state = {name: value.astype(np.float16) for name, value in to_torch(drawn(model), model).items()}
  half = from_torch(state, model)
  assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(half))
  torch = pytest.importorskip("torch")
  tensors = {name: torch.from_numpy(np.array(v)).bfloat16() for name, v in state.items()}
  found = from_torch(tensors, model)
  chex.assert_trees_all_close(found, half, rtol=0.01)


def test_layouts_have_names():
  model = small()
  with pytest.raises(InputError, match="published or torchvision"):
    to_torch(drawn(model), model, layout="keras")  # type: ignore[arg-type]


PREFIXES = (
  "module.", "_orig_mod.", "model.", "module._orig_mod.", "module.module.", "net.backbone.",
  "student.", "a.b.c.d.",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["resnet18", "se_resnet50"])
def test_a_beginning_that_all_names_share_is_taken_off(caplog, backbone):
  model = small(backbone, cosam_stages=(4,), temporal="ta")
  variables = drawn(model)
  whole = to_torch(variables, model)
  bare = to_torch(variables, model, layout="torchvision")
  for prefix in PREFIXES:
    for state in (whole, bare):
      caplog.clear()
      longer = {prefix + name: value for name, value in state.items()}
      chex.assert_trees_all_equal(
        from_torch(longer, model, init=variables), from_torch(state, model, init=variables)
      )
      said = f"is taken off the beginning of all {len(state)} names"
      assert (said in caplog.text) == (prefix not in ("module.", "module._orig_mod."))
  inside = {name.replace("base.", "base._orig_mod."): value for name, value in whole.items()}
  chex.assert_trees_all_equal(from_torch(inside, model), variables)


def test_a_beginning_of_the_backbone_alone_is_taken_off(caplog):
  model = small()
  theirs, initial = drawn(model, 1), drawn(model, 2)
  bare = to_torch(theirs, model, layout="torchvision")
  wanted = from_torch(bare, model, init=initial)
  state = {f"backbone.{name}": value for name, value in bare.items()}
  state |= {"heads.bnneck.weight": np.zeros(3), "loss.centers": np.zeros(3)}
  chex.assert_trees_all_equal(from_torch(state, model, init=initial), wanted)
  assert f"taken off the beginning of {len(bare)} of {len(state)} names" in caplog.text
  assert "left out: heads, loss" in caplog.text
  caplog.clear()
  pairs = ((f"module.encoder_{which}.{name}", value + (which == "k"))
           for which in "kq" for name, value in bare.items())  # fmt: skip
  state = dict(pairs) | {"module.queue": np.zeros((2, 3)), "module.encoder_q.fc.0.weight": bare}
  chex.assert_trees_all_equal(from_torch(state, model, init=initial), wanted)
  assert "'module.encoder_k.' is a copy of the same network and left out" in caplog.text
  with pytest.raises(InputError, match=r"2 networks, whose names begin with 'one\.', 'two\.'"):
    from_torch({f"{which}.{name}": 0 for which in ("one", "two") for name in bare}, model)


def test_what_does_not_fit_is_said_with_the_beginning():
  model, other = small(), small(num_classes=9)
  state = {f"model.{name}": value for name, value in to_torch(drawn(other), other).items()}
  message = _refusal(state, model)
  assert "model.classifier.bias (9,) for (5,)" in message
  assert "('model.' is taken off the beginning of all" in message
