"""The flags that set fields of the configuration, and those that name paths."""

import pytest
from absl import flags
from ml_collections import ConfigDict

from cosam_jax.commands import config_flags
from cosam_jax.commands import flags as command_flags
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as rules
from cosam_jax.experiment import configurations
from cosam_jax.experiment.synthetic_fields import SYNTHETIC_SCHEMA


def mars() -> ConfigDict:
  return configurations.read(configurations.folder() / "mars.py")


FLAGS = {
  "backbone": ("resnet18", "model.backbone", "resnet18"),
  "cosam": ("none", "model.cosam_stages", ()),
  "temporal": ("rnn", "model.temporal", "rnn"),
  "num_frames": ("8", "clips.num_frames", 8),
  "frame_selection": ("evenly", "clips.selection", "evenly"),
  "dataset": ("folder", "data.name", "folder"),
  "data_dir": ("elsewhere", "data.dir", "elsewhere"),
  "attribute": ("hat,backpack=no", "evaluation.attributes", "hat,backpack=no"),
  "attributes_file": ("a.mat", "evaluation.attributes_file", "a.mat"),
}


def test_the_ablations_flags_override_the_file():
  assert set(FLAGS) == set(config_flags.ABLATION_FLAGS)
  config = mars()
  config.evaluation.attributes_file = "b.csv"  # An attribute alone would be refused.
  before, unset = config.copy_and_resolve_references(), dict.fromkeys(FLAGS)
  assert config_flags.apply_ablation_flags(config, unset) == config
  for name, (text, field, value) in FLAGS.items():
    changed = config_flags.apply_ablation_flags(config, {**unset, name: text})
    rules.check(changed)
    wanted = dict(rules.flatten(config)) | {field: value}
    assert dict(rules.flatten(changed)) == wanted
  both = config_flags.apply_ablation_flags(config, {**unset, "cosam": "5", "temporal": "ta"})
  assert (both.model.cosam_stages, both.model.temporal) == ((5,), "ta")
  assert config == before


def test_a_protocols_name_sets_gallery_and_frames():
  config = config_flags.apply_ablation_flags(mars(), {"protocol": "official_4f"})
  assert (config.evaluation.gallery, config.evaluation.frames) == ("official", 4)
  again = config_flags.apply_ablation_flags(config, {"protocol": "reference"})
  assert again == mars()
  with pytest.raises(InputError, match="protocol is 'all'; use reference, official"):
    config_flags.apply_ablation_flags(mars(), {"protocol": "all"})


@pytest.mark.parametrize(
  ("name", "text", "sentence"),
  [
    (
      "num_frames",
      "four",
      "--num_frames is 'four': it must be an integer at least 1 and at most 1024",
    ),
    ("cosam", "4;5", "--cosam is '4;5': list stages among 2, 3, 4 and 5 (such as 4,5), or none"),
  ],
)
def test_flags_that_cannot_be_read(name, text, sentence):
  with pytest.raises(InputError) as caught:
    config_flags.apply_ablation_flags(mars(), {name: text})
  assert str(caught.value) == sentence


def test_flags_outside_their_set_are_refused_by_the_check():
  config = config_flags.apply_ablation_flags(mars(), {"temporal": "tb"})
  with pytest.raises(InputError, match=r"config\.model\.temporal is 'tb': it must be one of tp"):
    rules.check(config)


@pytest.mark.parametrize(
  ("text", "stages"),
  [("4,5", (4, 5)), ("none", ()), ("None", ()), (" 2 , 5 ", (2, 5)), ("3", (3,))],
)
def test_stages(text, stages):
  assert config_flags.parse_stages(text) == stages


@pytest.mark.parametrize("text", ["", "45", "4,", ",4", "6", "4 5", "all", "1,2", "(4,5)"])
def test_stages_that_are_none(text):
  with pytest.raises(InputError, match="--cosam is"):
    config_flags.parse_stages(text)


def test_every_flag_that_names_a_path_takes_a_tilde(tmp_path, monkeypatch):
  command_flags.define()
  config_flags.define()
  monkeypatch.setenv("HOME", str(tmp_path))
  paths = ("workdir", "data_dir", "attributes_file", "embeddings", "input", "output", "boxes",
           "query", "gallery", "compiled_programs")  # fmt: skip
  for name in paths:
    assert flags.FLAGS[name].parser.parse("~/a/~") == f"{tmp_path}/a/~", name
    assert flags.FLAGS[name].parser.parse("a/~") == "a/~"
    with pytest.raises(ValueError, match="no user 'nobody2'"):
      flags.FLAGS[name].parser.parse("~nobody2")


@pytest.mark.parametrize("by_flag", [True, False])
def test_another_data_set_brings_its_fields(by_flag):
  config, flag = mars(), {"dataset": "synthetic"} if by_flag else {}
  config.data.name = "mars" if by_flag else "synthetic"  # As --config.data.name sets it.
  config = config_flags.apply_ablation_flags(config, flag)
  rules.check(config)
  assert config.synthetic.to_dict() == {
    name.removeprefix("synthetic."): field.default for name, field in SYNTHETIC_SCHEMA.items()
  }
  assert "synthetic" not in config_flags.apply_ablation_flags(mars(), {"dataset": "folder"})
