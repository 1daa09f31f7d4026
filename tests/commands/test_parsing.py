"""Parsing ends the process with one sentence, or gives the words that are not flags."""

import pytest
from absl import app, flags

from cosam_jax.commands import config_flags, parsing
from cosam_jax.commands import flags as command_flags
from cosam_jax.commands.mode_help import help_of


@pytest.fixture(autouse=True)
def defined():
  """Our flags, unparsed and with their defaults again afterwards."""
  command_flags.define()
  config_flags.define()
  names = ("config", *config_flags.CONFIG_FLAGS, *command_flags.ROWS)
  before = {name: flags.FLAGS[name].value for name in names}
  yield
  for name, value in before.items():
    flags.FLAGS[name].value = value
    flags.FLAGS[name].present = 0
  flags.FLAGS.unparse_flags()


def test_words_that_are_not_flags_are_left(tmp_path):
  found = parsing.parse(["program", "--mode=compare", "a.json", "--resamples=200", "b.json"])
  assert found == ["program", "a.json", "b.json"]
  assert flags.FLAGS["mode"].value == "compare"
  assert flags.FLAGS["resamples"].value == 200


def test_a_configuration_is_read_by_its_name():
  parsing.parse(["program", "--config=synthetic", "--mode=doctor"])
  assert flags.FLAGS["config"].value.data.name == "synthetic"


@pytest.mark.parametrize(
  ("arguments", "sentence"),
  [
    (
      ["--modes=train"],
      "--modes is not an option: --helpfull lists them all; did you mean '--mode'?",
    ),
    (
      ["--train.epochs=2"],
      "--train.epochs is not an option: --helpfull lists them all; did you mean "
      "'--config.train.epochs'?",
    ),
    (["--sweep=own_cosm"], "--sweep is 'own_cosm': ; did you mean 'own_cosam'?"),
    (["--hosts=slrm"], "--hosts is 'slrm': ; did you mean 'slurm'?"),
    (["--xyzzyx=1"], "--xyzzyx is not an option: --helpfull lists them all"),
    (["--resamples=3"], "--resamples is '3': an integer in the range [100, 1000000]"),
    (["--mode"], "Missing value for flag --mode"),
    (["--config=nowhere.py"], "--config is 'nowhere.py'"),
  ],
)
def test_what_cannot_be_parsed_is_one_sentence_and_status_2(arguments, sentence, capsys):
  with pytest.raises(SystemExit) as ended:
    parsing.parse(["program", *arguments])
  assert ended.value.code == 2
  said = capsys.readouterr()
  (line,) = said.err.splitlines()
  assert line.startswith("error: ")
  assert all(word in line for word in sentence.split(": ")), line
  assert said.out == ""


def test_a_file_that_fails_is_named_with_its_error(tmp_path, capsys):
  (tmp_path / "fails.py").write_text("def get_config():\n  raise LookupError('nobody')\n")
  with pytest.raises(SystemExit) as ended:
    parsing.parse(["program", f"--config={tmp_path / 'fails.py'}"])
  assert ended.value.code == 2
  (line,) = capsys.readouterr().err.splitlines()
  assert f"--config is '{tmp_path / 'fails.py'}', which cannot be used (LookupError:" in line
  assert "it must define get_config()" in line


def test_help_ends_with_status_0(capsys):
  app.define_help_flags()
  with pytest.raises(SystemExit) as ended:
    parsing.parse(["program", "--helpfull"])
  assert ended.value.code == 0
  assert "--resamples:" in capsys.readouterr().out


@pytest.mark.parametrize(("value", "answers"), [("true", True), ("false", False)])
def test_help_may_have_a_value(value, answers, capsys):
  with pytest.raises(SystemExit) as ended:
    parsing.parse(["program", "--mode=export", f"--help={value}", "--xyzzyx"])
  assert ended.value.code == (0 if answers else 2)
  assert (capsys.readouterr().out == help_of("export") + "\n") is answers


def test_help_may_be_asked_for_by_a_letter(capsys):
  with pytest.raises(SystemExit) as ended:
    parsing.parse(["program", "--mode=export", "-h"])
  assert ended.value.code == 0
  assert capsys.readouterr().out == help_of("export") + "\n"
  assert parsing._with_help(["program", "-h", "--", "-h"]) == ["program", "--help", "--", "-h"]


def test_the_version_is_answered_first(capsys):
  with pytest.raises(SystemExit) as ended:
    parsing.parse(["program", "--no_such_flag", "--version"])
  assert ended.value.code == 0
  assert capsys.readouterr().out.startswith("cosam-jax ")
