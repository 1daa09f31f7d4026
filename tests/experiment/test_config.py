"""Every experiment's file passes the check; settings that cannot work are refused in a sentence."""

import ast
import json
import pathlib

import pytest
import tiny
from ml_collections import ConfigDict

from cosam_jax.errors import InputError
from cosam_jax.experiment import config as rules
from cosam_jax.experiment import configurations
from cosam_jax.experiment.fields import PRESETS, SCHEMA, describe_fields
from cosam_jax.experiment.synthetic_fields import SYNTHETIC_SCHEMA
from cosam_jax.models.backbones.registry import BACKBONES, backbone_of

FILES = sorted((pathlib.Path(__file__).resolve().parents[2] / "configs").glob("*.py"))


def load(path: pathlib.Path) -> ConfigDict:
  return configurations.read(path)


def mars(**changes) -> ConfigDict:
  """configs/mars.py with some fields changed: `mars(**{"clips.num_frames": 8})`."""
  config = load(FILES[0].with_name("mars.py"))
  for name, value in changes.items():
    group, _, field = name.rpartition(".")
    (config[group] if group else config)[field] = value
  return config


def refusal(config: ConfigDict) -> str:
  with pytest.raises(InputError) as caught:
    rules.check(config)
  sentence = str(caught.value)
  assert "\n" not in sentence
  return sentence


def test_there_is_a_file_for_each_experiment():
  names = {path.stem for path in FILES}
  assert names == {
    "mars", "dukemtmc_vidreid", "ilids_vid", "prid2011", "synthetic", "mars_mini", "mars8",
    "mars_strong", "mars_ap3d",
  }  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_passes_and_names_every_field(path):
  config = load(path)
  rules.check(config)
  wanted = set(SCHEMA) | (set(SYNTHETIC_SCHEMA) if path.stem == "synthetic" else set())
  assert {name for name, _ in rules.flatten(config)} == wanted


def test_every_experiment_is_what_it_was_when_its_file_stated_every_field():
  recorded = json.loads(pathlib.Path(__file__).with_name("configurations.json").read_text())
  # Newer fields have the values that runs of that time had.
  wanted = {name: rules.complete(flat) for name, flat in recorded.items()}
  found = {path.stem: rules.plain(load(path)) for path in FILES}
  assert {name: found[name] for name in wanted} == wanted


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_states_what_its_experiment_decides(path):
  stated = configurations.stated_by(path)
  names = {name for name, _ in rules.flatten(stated)}
  assert (
    {"data.name", "data.dir", "model.backbone", "train.epochs"}
    <= names
    < set(SCHEMA) | set(SYNTHETIC_SCHEMA)
  )
  assert not names & {"data.retry_seconds", "model.remat", "report.best", "train.accumulate"}
  program = ast.parse(path.read_text()).body
  (decides,) = (part for part in program if getattr(part, "name", "") == "get_config")
  assert ast.get_docstring(decides)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_says_how_to_run_it(path):
  text = path.read_text()
  imports = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
  assert imports == ["from ml_collections import ConfigDict"]
  assert f"--config=configs/{path.name}" in text.split('"""')[1]
  assert "--workdir=" in text.split('"""')[1]


# A value of a wrong type for each kind of field.
WRONG_TYPES = {str: 3, int: "3", float: "3.0", bool: 1, tuple: 4}


@pytest.mark.parametrize("name", [*SCHEMA, *SYNTHETIC_SCHEMA])
def test_every_field_refuses_another_type(name):
  config = load(FILES[0].with_name("synthetic.py"))
  field = (SCHEMA | SYNTHETIC_SCHEMA)[name]
  value = WRONG_TYPES[field.kind]
  target = config
  for part in name.split(".")[:-1]:
    target = target[part]
  with target.ignore_type():
    target[name.split(".")[-1]] = value
  assert refusal(config).startswith(f"config.{name} is {value!r}: it must be {field.allowed()}")


@pytest.mark.parametrize(
  ("name", "value", "legal"),
  [
    ("model.temporal", "lstm", "one of tp, ta, rnn"),
    ("model.last_stride", 3, "one of 0, 1, 2"),
    ("clips.num_frames", 0, "an integer at least 1"),
    ("clips.image_size", (256, 4), "a tuple of 2 integers at least 8"),
    ("clips.image_size", (256, 128, 3), "a tuple of 2 integers at least 8"),
    ("model.cosam_stages", (4, 6), "integers at least 2 and at most 5"),
    ("model.width", 0.0, "a number greater than 0"),
    ("model.width", -1.0, "a number greater than 0"),
    ("optim.learning_rate", float("nan"), "a number greater than 0"),
    ("optim.clip_norm", float("inf"), "a number at least 0"),
    ("loss.label_smoothing", 1.5, "a number at least 0 and at most 1"),
    ("train.instances", 1, "an integer at least 2"),
    ("train.identities_per_batch", 1, "an integer at least 2"),
    ("data.split", -1, "an integer at least 0"),
    # jax would silently take the lower 32 bits.
    ("seed", 2**32, "an integer at least 0 and at most 4294967295"),
  ],
)
def test_values_outside_their_set(name, value, legal):
  sentence = refusal(mars(**{name: value}))
  assert sentence.startswith(f"config.{name} is {value!r}: it must be ")
  assert legal in sentence


def test_a_close_value_is_suggested():
  assert refusal(mars(**{"model.backbone": "se_resnet_50"})).endswith("did you mean 'se_resnet50'?")


def test_whole_numbers_do_where_numbers_are_asked_for():
  config = mars()
  config.model = ConfigDict({**config.model.to_dict(), "width": 1})
  rules.check(config)


def test_a_misspelt_field():
  config = mars()
  config.model.temporl = "ta"
  assert refusal(config) == "config.model.temporl is not a field; did you mean 'model.temporal'?"


@pytest.mark.parametrize("name", SCHEMA)
def test_every_field_is_asked_for(name):
  config = mars()
  target = config
  for part in name.split(".")[:-1]:
    target = target[part]
  del target[name.split(".")[-1]]
  sentence = refusal(config)
  assert sentence == f"config.{name} is missing: set it to {SCHEMA[name].allowed()}"


def test_the_drawn_set_needs_its_own_fields_and_others_may_keep_them():
  config = load(FILES[0].with_name("synthetic.py"))
  config.data.name = "mars"
  rules.check(config)
  config = mars(**{"data.name": "synthetic"})
  assert refusal(config).startswith("config.synthetic.identities_train is missing")


def test_a_group_that_is_no_group():
  config = ConfigDict({**mars().to_dict(), "data": "mars"})
  assert refusal(config).startswith("config.data is not a field")


@pytest.mark.parametrize(
  ("changes", "words"),
  [
    ({"clips.num_frames": 1}, ["config.clips.num_frames is 1", "at least 2", "cosam_stages"]),
    ({"model.cosam_stages": (4, 4)}, ["config.model.cosam_stages is (4, 4)", "once"]),
    (
      {"model.norms": "fused", "model.backbone": "resnet18"},
      ["config.model.norms is 'fused'", "backbone resnet18 of width 1", "use 'compiler'"],
    ),
    (
      {"model.norms": "fused", "model.backbone": "resnet50", "model.width": 0.02},
      ["config.model.norms is 'fused'", "backbone resnet50 of width 0.02", "multiple of 16"],
    ),
    ({"clips.image_size": (16, 16)}, ["config.clips.image_size is (16, 16)", "1x1", "larger"]),
    ({"train.validate_every_epochs": 5}, ["validate_every_epochs is 5", "at least 2", "test set"]),
    ({"evaluation.checkpoint": "best"}, ["config.evaluation.checkpoint is 'best'", "'last'"]),
    ({"data.split": 1}, ["config.data.split is 1", "mars has 1 split"]),
    ({"data.name": "prid2011", "data.split": 10}, ["split is 10", "from 0 to 9"]),
    ({"data.dir": ""}, ["config.data.dir is empty", "--data_dir"]),
    ({"data.source": "prepared", "data.prepared_dir": ""}, ["prepared_dir is empty"]),
    ({"data.source": "prepared", "data.name": "folder"}, ["no prepared form", "'directory'"]),
    ({"evaluation.rerank_k2": 21}, ["config.evaluation.rerank_k2 is 21", "at most", "20"]),
    ({"evaluation.attributes": "hat"}, ["attributes is 'hat'", "with --attributes_file"]),
    ({"evaluation.distance": "cosine"}, ["config.evaluation.distance is 'cosine'", "sqeuclidean"]),
  ],
)
def test_fields_that_contradict_each_other(changes, words):
  sentence = refusal(mars(**changes))
  for word in words:
    assert word in sentence


def test_the_drawn_tracklets_lengths_are_in_order():
  config = load(FILES[0].with_name("synthetic.py"))
  config.synthetic.frames = (24, 12)
  assert refusal(config).startswith("config.synthetic.frames is (24, 12)")


def test_one_frame_does_without_cosam():
  rules.check(mars(**{"clips.num_frames": 1, "model.cosam_stages": ()}))


def test_tiny_frames_do_without_cosam():
  rules.check(mars(**{"clips.image_size": (16, 16), "model.cosam_stages": ()}))


# The two sides of the fidelity table: the published code's first.
SIDES = {
  "clips.sequential_start": ("published", "all"),
  "model.ncc": ("unbiased", "population"),
  "model.summary": ("two_layers", "one_layer"),
  "model.channel_gate": ("residual", "multiply"),
  "loss.cross_entropy": ("smoothed", "plain"),
}


@pytest.mark.parametrize(("preset", "side"), [("published_code", 0), ("poster", 1)])
def test_a_preset_decides_all_fields_with_two_sides(preset, side):
  config = mars()
  config.preset = preset
  before = dict(rules.flatten(config))
  resolved = dict(rules.flatten(rules.resolve(config)))
  assert {name for name, value in before.items() if value == "preset"} == set(SIDES)
  for name, sides in SIDES.items():
    assert resolved[name] == sides[side]
  unchanged = set(before) - set(SIDES)
  assert {name: resolved[name] for name in unchanged} == {name: before[name] for name in unchanged}
  assert dict(rules.flatten(config)) == before, "the given configuration is not altered"


def test_a_field_that_is_set_beats_the_preset():
  config = mars(**{"model.summary": "order_free"})
  config.preset = "poster"
  resolved = rules.resolve(config)
  assert resolved.model.summary == "order_free"
  assert resolved.model.ncc == "population"


def test_presets_and_fields_that_take_them_are_the_same():
  taking = {name for name, field in SCHEMA.items() if field.legal and "preset" in field.legal}
  for preset, values in PRESETS.items():
    assert set(values) == taking, preset
    for name, value in values.items():
      assert SCHEMA[name].accepts(value)


def test_help_tells_every_field_its_meaning_and_its_legal_values():
  lines = describe_fields().splitlines()
  known = SCHEMA | SYNTHETIC_SCHEMA
  assert len(lines) == len(known)
  for line, (name, field) in zip(lines, known.items()):
    assert line.strip().startswith(f"--config.{name}: ")
    assert line.endswith(f"({field.allowed()})")
    assert len(field.help) > 8


def test_the_home_directory_stands_for_a_tilde_in_every_path(tmp_path, monkeypatch):
  monkeypatch.setenv("HOME", str(tmp_path))
  given = tiny.config("~/data", data__prepared_dir="~/prepared", init__weights="~/w.npz",
                      evaluation__attributes_file="~/a.csv")  # fmt: skip
  paths = {"data.dir": "data", "data.prepared_dir": "prepared", "init.weights": "w.npz",
           "evaluation.attributes_file": "a.csv"}  # fmt: skip
  expected = {name: f"{tmp_path}/{path}" for name, path in paths.items()}
  assert set(rules.PATHS) == set(expected)
  assert expected.items() <= rules.plain(rules.resolve(given)).items()
  assert expected.items() <= rules.plain(rules.with_home(given)).items()
  given.init.weights = "imagenet"
  assert rules.resolve(given).init.weights == "imagenet"
  given.data.dir = "~nobody2/x"
  with pytest.raises(InputError, match="there is no user 'nobody2'"):
    rules.check(given)


@pytest.mark.parametrize("side", [16, 17, 24, 63, 64, 96])
@pytest.mark.parametrize("backbone", list(BACKBONES))
def test_the_sides_that_need_no_backbone_are_judged_as_it_would(backbone, side):
  for stride in (1, 2):
    height, width = backbone_of(backbone).grid_size((side, side), 5, stride)
    assert height * width >= 4 or side < rules._ALWAYS_ENOUGH
    assert height * width == 1 or side > rules._NEVER_ENOUGH
