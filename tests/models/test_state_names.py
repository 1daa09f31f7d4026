"""Names of tensors: from our variables, from files of several programs, and back to files."""

import pytest

from cosam_jax.models import state_names
from cosam_jax.models.backbones.registry import backbone_of
from cosam_jax.models.backbones.resnet import ResNet


@pytest.mark.parametrize(
  ("path", "plain"),
  [
    ("params/stem/conv/kernel", "conv1.weight"),
    ("batch_stats/stage2/block0/norm1/mean", "layer1.0.bn1.running_mean"),
    ("params/stage5/block2/shortcut_conv/kernel", "layer4.2.downsample.0.weight"),
    ("params/cosam4/summary/kernel", "cosam4.spatial_mask_summary.0.weight"),
    ("params/cosam4/channel_expand/bias", "cosam4.channelwise_attention.2.bias"),
    ("params/neck_norm/scale", "neck.weight"),
    ("params/pool_grid/exponent", "pool.p"),
    ("params/head/tconv/kernel", "head.attention_tconv.weight"),
    ("params/head/input_kernel", "head.lstm.weight_ih_l0"),
    ("params/classifier/kernel", "classifier.weight"),
  ],
)
def test_the_plain_name_of_a_variable(path, plain):
  assert state_names.of_variable(tuple(path.split("/")), ResNet) == plain


@pytest.mark.parametrize(
  ("key", "plain"),
  [
    ("module.base.0.weight", "conv1.weight"),
    ("base.7.2.conv3.weight", "layer4.2.conv3.weight"),
    ("layer0.bn1.bias", "bn1.bias"),
    ("base._orig_mod.layer1.0.conv1.weight", "layer1.0.conv1.weight"),
    ("module.aggregation.attention_conv.weight", "head.attention_conv.weight"),
    ("classifier.bias", "classifier.bias"),
    ("nobody.knows.this", "nobody.knows.this"),
  ],
)
def test_the_plain_name_of_a_key(key, plain):
  assert state_names.of_file(key) == plain


@pytest.mark.parametrize("first", [1, 2])
def test_the_published_code_numbers_cosam_from_the_first_stage_that_it_counts(first):
  key = "attention_modules.attention_modules.2.dim_reduction.0.weight"
  plain = f"cosam{2 + first}.dim_reduction.0.weight"
  assert state_names.of_file(key, first_cosam=first) == plain
  backbone = backbone_of("resnet50")
  assert state_names.to_file(plain, backbone, published=True, first_cosam=first) == key


def test_names_in_published_files_and_in_the_familys_own():
  def names(plain, backbone):
    return [
      state_names.to_file(plain, backbone_of(backbone), published=published, first_cosam=2)
      for published in (True, False)
    ]

  assert names("layer2.0.conv1.weight", "resnet50") == [
    "base.5.0.conv1.weight", "layer2.0.conv1.weight",
  ]  # fmt: skip
  assert names("conv1.weight", "se_resnet50") == ["base.layer0.conv1.weight", "layer0.conv1.weight"]
  assert names("head.lstm.bias_ih_l0", "resnet50") == ["aggregation.lstm.bias_ih_l0"] * 2
  assert names("neck.weight", "resnet50") == ["neck.weight"] * 2


def test_parts_come_in_pytorchs_order():
  names = [
    "conv1.weight", "bn1.weight", "bn1.bias", "layer1.0.conv1.weight", "layer1.0.bn1.running_var",
    "layer1.1.conv1.weight", "layer2.0.conv1.weight", "cosam4.dim_reduction.0.weight",
    "cosam4.spatial_mask_summary.3.weight", "cosam5.dim_reduction.0.weight", "head.score.weight",
    "neck.weight", "classifier.weight", "classifier.bias",
  ]  # fmt: skip
  mixed = names[::-1]
  mixed.sort(key=lambda name: state_names.order(name, ResNet))
  assert mixed == names


def test_what_belongs_to_what():
  behind = {"cosam4.a": True, "head.b": True, "neck.weight": True, "layer1.0.a": False,
            "headless.a": False, "cosam.a": False}  # fmt: skip
  assert {name: state_names.is_behind_backbone(name) for name in behind} == behind
  ours = {"fc.weight": True, "last_linear.bias": True, "fc.1.weight": True, "fc.7.weight": False,
          "layer3.0.x": True,
          "transformer.x": False}  # fmt: skip
  assert {name: state_names.is_plain(name) for name in ours} == ours
  assert state_names.is_foreign_classifier("fc.weight")
  assert not state_names.is_foreign_classifier("classifier.weight")
  parts = {"stem": True, "stage5": True, "stages": False, "head": False, "frame_layers": True}
  assert {part: state_names.is_of_backbone(part) for part in parts} == parts


@pytest.mark.parametrize(
  ("names", "found"),
  [
    ({}, {}),
    ({"classifier.weight": (625, 2048)}, {
      "cosam_stages": "none", "temporal": "tp", "num_classes": "625",
    }),
    ({"cosam5.x": (1,), "cosam2.x": (1,), "head.lstm.weight_ih_l0": (2048, 64)}, {
      "cosam_stages": "2,5", "temporal": "rnn",
    }),
    ({"head.score.weight": (1, 64)}, {"cosam_stages": "none", "temporal": "ap"}),
    ({"head.attention_conv.weight": (256, 64, 2, 1)}, {"cosam_stages": "none", "temporal": "ta"}),
  ],
)  # fmt: skip
def test_settings_that_names_and_shapes_show(names, found):
  assert state_names.architecture(names) == found
