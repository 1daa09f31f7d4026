"""Configurations that come with the package, from a checkout and from a wheel."""

import configparser
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest
from absl import flags
from ml_collections import config_flags

import cosam_jax
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment import configurations
from cosam_jax.experiment.synthetic_fields import SYNTHETIC_SCHEMA

ROOT = pathlib.Path(__file__).resolve().parents[2]
OURS = (
  "dukemtmc_vidreid", "ilids_vid", "mars", "mars8", "mars_ap3d", "mars_mini", "mars_strong",
  "prid2011", "synthetic",
)  # fmt: skip


def test_a_name_is_one_of_our_files_and_a_path_is_a_path(tmp_path, monkeypatch):
  assert configurations.names() == OURS
  assert configurations.find("mars") == str(ROOT / "configs" / "mars.py")
  assert configurations.find("mars:text") == str(ROOT / "configs" / "mars.py") + ":text"
  monkeypatch.chdir(tmp_path)
  own = tmp_path / "mars"
  own.mkdir()  # A folder is no configuration.
  assert configurations.find("mars") == str(ROOT / "configs" / "mars.py")
  own.rmdir()
  own.write_text("def get_config(): ...\n")
  assert configurations.find("mars") == "mars"
  monkeypatch.setenv("HOME", str(tmp_path))
  (tmp_path / "my.py").write_text("")
  assert configurations.find("~/my.py") == str(tmp_path / "my.py")


def test_what_is_no_program_is_looked_at_before_it_is_run(tmp_path):
  """Pipes, folders, a gigabyte, UTF-16 and other bytes are refused; declared Latin-1 is read."""
  os.mkfifo(tmp_path / "pipe.py")
  (tmp_path / "folder.py").mkdir()
  with open(tmp_path / "large.py", "wb") as file:
    file.truncate(1 << 30)
  (tmp_path / "text.py").write_bytes("get_config = 'ü'".encode("utf-16"))
  (tmp_path / "bytes.py").write_bytes(b"a = '\xff'")
  for name, said in (("pipe", "named pipe"), ("folder", "folder"), ("large", "1,073,741,824 bytes"),
                     ("text", "not text in UTF-8"), ("bytes", "not text in UTF-8")):  # fmt: skip
    with pytest.raises(InputError, match=f"--config is .*{name}.py.*{said}"):
      configurations.find(f"{tmp_path}/{name}.py")
  (tmp_path / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\na = '\xff'")
  assert configurations.find(f"{tmp_path}/latin.py")


@pytest.mark.parametrize(
  ("given", "close"),
  [("mras", "mars"), ("configs/synthetics.py", "synthetic"), ("prid", "prid2011")],
)
def test_a_misspelt_name_gets_a_suggestion(given, close, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(InputError, match=r"there is no such file.*mars_mini.*did you mean") as caught:
    configurations.find(given)
  assert str(caught.value).endswith(f"did you mean '{close}'?")


def test_the_command_line_has_a_path_for_the_name():
  mars = str(ROOT / "configs" / "mars.py")
  for given in (["--config=mars"], ["--config", "mars"], ["-config=mars"]):
    changed = configurations.with_path(["program", *given, "--workdir=a", "--", "--config=x"])
    assert " ".join(changed).replace("=", " ").split()[2] == f"{configurations.HERE}:{mars}"
    assert changed[-3:] == ["--workdir=a", "--", "--config=x"]
    assert configurations.given_in(["program", *given]) == "mars"


def test_the_package_is_all_of_its_folders_and_the_configurations():
  setup = configparser.ConfigParser()
  setup.read(ROOT / "setup.cfg")
  listed = set(setup["options"]["packages"].split())
  folders = {path.parent.relative_to(ROOT) for path in (ROOT / "cosam_jax").rglob("__init__.py")}
  assert listed == {".".join(folder.parts) for folder in folders} | {"cosam_jax.configs"}
  assert setup["options"]["package_dir"].split() == ["cosam_jax.configs", "=", "configs"]


def test_a_wheel_has_them_and_finds_them_anywhere(tmp_path):
  build = (
    "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
  )
  checkout = tmp_path / "checkout"  # Building leaves folders where it is done.
  checkout.mkdir()
  for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "configs", "cosam_jax"):
    (checkout / name).symlink_to(ROOT / name)
  subprocess.run(
    [sys.executable, "-c", build, tmp_path], cwd=checkout, check=True, capture_output=True
  )
  (wheel,) = tmp_path.glob("*.whl")
  with zipfile.ZipFile(wheel) as archive:
    archive.extractall(tmp_path / "installed")
  assert cosam_jax.__version__ in wheel.name
  installed = tmp_path / "installed" / "cosam_jax"
  assert {path.stem for path in (installed / "configs").glob("*.py")} == set(OURS)
  sources = {path.relative_to(ROOT / "cosam_jax") for path in (ROOT / "cosam_jax").rglob("*.py")}
  assert sources <= {path.relative_to(installed) for path in installed.rglob("*.py")}
  empty = tmp_path / "empty"
  empty.mkdir()
  code = (
    "from cosam_jax.experiment import configurations as c, config; "
    "print(c.find('synthetic')); print(c.values_of(c.find('mars'))['model.backbone'])"
  )
  done = subprocess.run(
    [sys.executable, "-c", code], cwd=empty, check=True, capture_output=True, text=True,
    env=os.environ | {"PYTHONPATH": str(tmp_path / "installed")}, timeout=120,
  )  # fmt: skip
  assert done.stdout.split() == [str(installed / "configs" / "synthetic.py"), "se_resnet50"]


def test_the_package_lists_its_embedder():
  assert {"Embedder", "__version__"} <= set(dir(cosam_jax))


def test_help_has_the_defaults_of_the_configuration_that_is_given(tmp_path, capsys):
  whose, values = configurations.defaults(None)
  assert (whose, values["train.epochs"], values["synthetic.cameras"]) == ("mars", 800, 3)
  assert values == {**values, **configurations.values_of(configurations.find("mars"))}
  whose, values = configurations.defaults("synthetic")
  assert (whose, values["data.name"]) == ("synthetic", "synthetic")
  (tmp_path / "broken.py").write_text("def get_config(:\n")
  assert configurations.defaults(str(tmp_path / "broken.py"))[0] == "mars"
  assert "warning: --config=" in capsys.readouterr().err


@pytest.mark.parametrize(
  "line", ["--dataset=synthetic", "--dataset synthetic", "--config.data.name=synthetic"]
)
def test_the_fields_of_the_data_set_that_a_flag_names_can_be_set(line, monkeypatch):
  given = ["cosam-jax", "--config=mars", *line.split(), "--config.synthetic.seed=3"]
  arguments = configurations.with_path(given)
  values = flags.FlagValues()
  config = config_flags.DEFINE_config_file("config", None, flag_values=values)
  flags.DEFINE_string("dataset", None, "", flag_values=values)
  monkeypatch.setattr(sys, "argv", arguments)  # ml_collections looks for fields there.
  values(arguments)
  assert config.value.synthetic.seed == 3
  assert config.value.synthetic.cameras == SYNTHETIC_SCHEMA["synthetic.cameras"].default


@pytest.mark.parametrize("choice", ["strong", "osnet", "osnet,strong"])
def test_the_small_benchmarks_recipes_are_those_of_the_large_ones(choice):
  """What mars8 says of a recipe is what that recipe's own file says, but for size and length."""
  small = dict(config_rules.flatten(configurations.read(ROOT / "configs" / "mars8.py", choice)))
  name = "mars_strong" if "strong" in choice else "mars"
  large = dict(config_rules.flatten(configurations.read(ROOT / "configs" / f"{name}.py")))
  differing = {field for field in large if small[field] != large[field]}
  own = {
    "clips.image_size", "data.dir", "data.validation_identities", "evaluation.gallery",
    "evaluation.rerank", "init.weights", "model.backbone", "model.last_stride", "model.pool",
    "model.stride_in", "model.width", "optim.decay_every_epochs", "optim.learning_rate",
    "optim.milestones", "optim.schedule", "train.checkpoint_every_epochs", "train.epochs",
  }  # fmt: skip
  assert differing <= own
  config_rules.check(configurations.read(ROOT / "configs" / "mars8.py", choice))
