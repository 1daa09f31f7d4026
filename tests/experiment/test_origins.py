"""Files inherit the fields that they do not state, and each value can be traced to its origin."""

import json

import pytest
from command_lines import parsed

from cosam_jax.errors import InputError
from cosam_jax.experiment import configurations, run_configuration
from cosam_jax.experiment.config import check, flatten, plain
from cosam_jax.experiment.fields import FIELDS, SCHEMA
from cosam_jax.experiment.origins import describe_config, origins

PARTIAL = """
from ml_collections import ConfigDict

def get_config(epochs="6"):
  config = ConfigDict()
  config.preset = "poster"
  config.data = ConfigDict({"name": "ilids_vid", "dir": "~/videos"})
  config.train = ConfigDict({"epochs": int(epochs)})
  return config
"""


@pytest.fixture
def partial(tmp_path):
  path = tmp_path / "partial.py"
  path.write_text(PARTIAL)
  return path


def test_a_file_inherits_what_it_does_not_state(partial):
  config, _ = parsed(f"--config={partial}")
  check(config)
  stated = {"preset": "poster", "data.name": "ilids_vid", "data.dir": "~/videos", "train.epochs": 6}
  assert dict(flatten(config)) == {name: field.default for name, field in SCHEMA.items()} | stated


def test_the_files_argument_and_every_field_can_be_given(partial):
  changes = {"optim.clip_norm": 2.5, "model.cosam_stages": (3,), "report.write": False, "seed": 9}
  given = [f"--config.{name}={value}" for name, value in changes.items()]
  config, _ = parsed(f"--config={partial}:12", *given)
  check(config)
  values = dict(flatten(config))
  assert {name: values[name] for name in changes} == changes
  assert values["train.epochs"] == 12


def test_any_field_of_any_kind_can_be_overridden(partial):
  others = {int: 1, float: 0.5, bool: True, tuple: (8, 9), str: "x"}
  given = {name: others[field.kind] for name, field in SCHEMA.items()}
  config, _ = parsed(f"--config={partial}", *(f"--config.{k}={v}" for k, v in given.items()))
  assert dict(flatten(config)) == given


def test_a_file_that_states_every_field_is_taken_as_it_is(tmp_path):
  flat = {name: field.default for name, field in FIELDS.items()}
  flat |= {"data.name": "synthetic", "seed": 5, "model.width": 1}
  lines = "".join(f"  config[{n.split('.')[0]!r}] = ConfigDict()\n" for n in flat if "." in n)
  lines += "".join(f"  config.{name} = {value!r}\n" for name, value in flat.items())
  lines = "".join(dict.fromkeys(lines.splitlines(keepends=True)))
  text = (
    f"from ml_collections import ConfigDict\ndef get_config():\n  config = ConfigDict()\n{lines}"
  )
  (tmp_path / "full.py").write_text(text + "  return config\n")
  config, _ = parsed(f"--config={tmp_path}/full.py")
  assert dict(flatten(config)) == flat
  assert type(config.model.width) is int


def test_the_origin_of_a_value_is_the_last_that_says_something(partial, monkeypatch, tmp_path):
  monkeypatch.setenv("HOME", str(tmp_path))
  line = (f"--config={partial}", "--config.seed=3", "--noconfig.report.write")
  config, place = parsed(*line)
  found = origins(config, place, [*line, "--", "--config.a=1"], {"model.temporal": "--temporal"})
  assert set(found) == {name for name, _ in flatten(config)}
  assert found["train.epochs"] == found["data.name"] == found["preset"] == str(partial)
  assert found["optim.clip_norm"] == found["data.split"] == "default"
  assert (found["seed"], found["report.write"]) == ("--config.seed", "--config.report.write")
  assert (found["model.temporal"], found["model.summary"]) == ("--temporal", "preset poster")
  lines = [line.split() for line in describe_config(config, found).splitlines()]
  assert [line[0] for line in lines] == list(SCHEMA)
  assert ["model.summary", "'one_layer'", "preset", "poster"] in lines
  assert ["data.dir", f"'{tmp_path}/videos'", str(partial)] in lines
  assert ["train.epochs", "6", str(partial)] in lines
  assert ["train.instances", "4", "default"] in lines


def test_the_origin_of_a_runs_configuration_is_the_run(tmp_path):
  saved = {name: field.default for name, field in SCHEMA.items() if name != "init.mask_start"}
  (tmp_path / "config.json").write_text(json.dumps(saved))
  place = f"{run_configuration.__file__}:run:{tmp_path}"
  config, named = parsed(f"--config={place}")
  assert named == place
  found = origins(config, place)
  assert found["seed"] == f"the run in {tmp_path}"
  assert found["init.mask_start"] == "default"
  assert plain(config)["init.mask_start"] == 0.5
  with pytest.raises(InputError, match="no configuration of a run"):
    origins(config, f"{run_configuration.__file__}:run:{tmp_path}/none")


def test_files_may_look_themselves_up(tmp_path):
  """Dataclasses do so, by the module's name."""
  (tmp_path / "own.py").write_text(
    "from __future__ import annotations\nimport dataclasses\n"
    "from ml_collections import ConfigDict\n@dataclasses.dataclass\nclass A:\n  b: int | None = 3\n"
    "def get_config():\n  return ConfigDict({'seed': A().b})\n"
  )
  assert configurations.read(tmp_path / "own.py").seed == 3
  (tmp_path / "other.py").write_text("def get_config():\n  return {'seed': 1}\n")
  assert configurations.read(tmp_path / "other.py") == {"seed": 1}
