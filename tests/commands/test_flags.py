"""Flags given together: every kind of refusal with its sentence, and calls that are fine."""

import re

import pytest
from absl import flags

from cosam_jax.commands.config_flags import illegal_value
from cosam_jax.commands.flags import ROWS, NumberParser, check, define
from cosam_jax.commands.registry import COMMANDS, MODES
from cosam_jax.errors import InputError
from cosam_jax.experiment import configurations
from cosam_jax.experiment.config import free_on_resume
from cosam_jax.experiment.fields import FIELDS
from cosam_jax.training.same_run import check_same

MISSING = "--config is missing: give a file"
# (mode, given flags, words) -> the sentence, or the command's name.
REFUSED = [
  ("train", "config workdir", ["a", "b"], "'a' is not a flag: every option begins with --"),
  ("train", "config workdir embeddings", [], "--embeddings is for --mode=evaluate and "
   "--mode=sensitivity and --mode=calibrate and --mode=link, and the mode is train"),
  ("doctor", "config point", [], "--point is for --mode=masks, and the mode is doctor"),
  ("evaluate", "config workdir input", [],
   "--input is for --mode=embed and --mode=masks and --mode=link and --mode=export, and the mode "
   "is evaluate"),
  ("train", "config workdir seeds", [], "--seeds belongs to --sweep, which is missing: give one of "
   "positions, temporal, num_frames, frame_selection, attributes, state_of_the_art, all, "
   "own_cosam, own_positions, own_temporal, own_num_frames, own_frame_selection, own_masks, "
   "own_recipe"),
  ("evaluate", "config workdir sweep", [],
   "--sweep trains and evaluates: leave out --mode=evaluate"),
  ("embed", "config workdir boxes", [], "--boxes is about --input: give that too"),
  ("embed", "workdir input boxes_format", [], "--boxes_format is about --boxes: give that too"),
  ("masks", "config workdir output", [],
   "--output is about --input, --tracklets, --point, --frame_stride or --most_frames: give one of "
   "them"),
  ("sensitivity", "config embeddings", [],
   "--mode=sensitivity reads no configuration: leave --config out"),
  ("compare", "protocol", ["a", "b"], "--protocol is not for --mode=compare: leave it out"),
  ("search", "query gallery temporal", [],
   "--temporal changes a configuration: give --config too, or leave it out"),
  ("evaluate", "embeddings temporal", [],
   "--temporal changes a configuration: give --config too, or leave it out"),
  ("embed", "input workdir protocol", [],
   "--protocol changes a configuration: give --config too, or leave it out"),
  *(("calibrate", f"embeddings calibration {flag}", [],
     f"--{flag} is not read with --calibration: leave one of them out")
    for flag in ("fmr", "fpir", "prior", "comparisons", "allow_test_people")),
  ("evaluate", "embeddings weights", [],
   "--weights is not read with --embeddings: leave one of them out"),
  ("train", "workdir", [], MISSING),
  ("benchmark", "workdir", [], MISSING),
  ("prepare", "", [], MISSING),
  ("train", "config", [], "--workdir is missing: give a directory for checkpoints and results"),
  ("train", "config sweep", [], "--workdir is missing: give a directory for the sweep's runs"),
  ("masks", "point", [], "--workdir is missing: give the run whose network is to be used"),
  ("export", "", [], "--workdir is missing: give the run whose network is to be used"),
  ("publish", "workdir", [], "--licence is missing: give the licence of the weights, such as "
   "apache-2.0"),
  ("evaluate", "workdir config push", [], "--push is for --mode=publish, and the mode is evaluate"),
  ("tables", "", [], "--workdir is missing: give the directory of a sweep"),
  ("sensitivity", "", [], "--embeddings is missing: give a file that --mode=embed wrote"),
  ("search", "query", [], "--gallery is missing: --mode=search needs --query and --gallery, each "
   "embeddings.npz, a .npy file, a folder of tracklets or a video"),
]  # fmt: skip
ACCEPTED = [
  ("calibrate", "embeddings calibration rank resamples", [], "calibrate"),
  ("train", "config workdir change_optim temporal", [], "train"),
  ("train", "config workdir sweep seeds change_optim", [], "sweep"),
  ("evaluate", "embeddings protocol", [], "evaluate"),
  ("evaluate", "config workdir weights", [], "evaluate"),
  ("embed", "config workdir weights people", [], "embed"),
  ("embed", "input workdir boxes boxes_format camera", [], "embed"),
  ("masks", "workdir tracklets output", [], "masks"),
  ("masks", "workdir frame_stride output", [], "masks"),
  ("compare", "resamples", ["a", "b"], "compare"),
  ("search", "query gallery top", [], "search"),
  ("search", "query gallery weights", [], "search"),
  ("embed", "workdir input weights", [], "embed"),
  ("publish", "workdir licence push weights", [], "publish"),
]


@pytest.mark.parametrize(("mode", "given", "words", "sentence"), REFUSED)
def test_what_does_not_go_together_is_one_sentence(mode, given, words, sentence):
  with pytest.raises(InputError) as raised:
    check(mode, set(given.split()), words, MISSING)
  assert str(raised.value) == sentence


@pytest.mark.parametrize(("mode", "given", "words", "name"), ACCEPTED)
def test_what_goes_together_names_the_command(mode, given, words, name):
  assert check(mode, set(given.split()), words, MISSING) == name


NUMBERS = {name: row for name, row in ROWS.items() if row.kind in ("whole", "number")}


@pytest.mark.parametrize("above", ["1", "1" + "0" * 21, "9" * 400, "9" * 5000])
def test_every_number_has_a_largest_value(above):
  """Larger ones are refused in a sentence, whatever their length."""
  assert [name for name, row in NUMBERS.items() if row.most is None or row.least is None] == []
  define()
  for name, row in NUMBERS.items():
    value = f"{int(row.most) + 1}" if above == "1" else above
    with pytest.raises(flags.IllegalFlagValueError) as refused:
      flags.FLAGS[name].parse(value)
    said = illegal_value(str(refused.value))
    assert said.startswith(f"--{name} is '{value[:100]}")
    assert said.endswith(f"in the range [{row.least}, {row.most}]")
    assert len(said) < 700
    flags.FLAGS[name].parse(str(row.most))
    flags.FLAGS[name].unparse()


@pytest.mark.parametrize("value", ["nan", "-nan", "inf", "-inf", "1e999"])
def test_numbers_are_finite(value):
  define()
  names = [name for name, row in ROWS.items() if row.kind == "number"]
  assert {"least_chance", "stitch_gap", "threshold", "memory", "box_margin"} <= set(names)
  for name in names:
    row = ROWS[name]
    with pytest.raises(flags.IllegalFlagValueError) as refused:
      flags.FLAGS[name].parse(value)
    said = illegal_value(str(refused.value))
    assert said == (
      f"--{name} is '{value}': it must be a number in the range [{row.least}, {row.most}]"
    )
    flags.FLAGS[name].unparse()
  bare = NumberParser()
  assert bare.parse("-1e300") == -1e300
  with pytest.raises(ValueError, match="is not a number"):
    bare.parse(value)


def test_every_mode_can_be_asked_for_with_what_it_needs():
  for mode in MODES:
    config = {"config"} - {COMMANDS[mode].config == "none" and "config"}
    assert check(mode, {*COMMANDS[mode].needs, *config}, [], MISSING) == mode


def test_what_follows_a_mode_and_what_it_takes_from_a_run_exist():
  for name, command in COMMANDS.items():
    assert set(command.following.values()) <= set(MODES), name
    assert set(command.files) <= set(command.flags), name
    assert command.of_run in ("", "run", "results"), name
  assert {name for name, command in COMMANDS.items() if command.continues} == {"train", "sweep"}


def test_a_configuration_that_fails_says_its_own_sentence(monkeypatch):
  monkeypatch.setattr("sys.argv", ["cosam-jax", "--config=configs/mars8.py:other"])
  said = illegal_value(
    "flag --config=/somewhere.py:configs/mars8.py:other: Error whilst parsing config file:\n"
    "Traceback (most recent call last):\n  File 'somewhere.py', line 1, in get_config\n"
    "ValueError: 'other' is none of strong, osnet"
  )
  assert said == (
    "--config is 'configs/mars8.py:other', whose get_config failed: "
    "ValueError: 'other' is none of strong, osnet"
  )


def test_the_help_of_change_optim_lists_the_fields_that_it_lets_change():
  """They are found by changing each field of a run, without the flag and with it."""
  config = configurations.read(configurations.folder() / "mars.py")
  config.optim.schedule = "cosine"

  def may_change(name, change_optim):
    try:
      check_same({name: 0}, {name: 1}, free_on_resume(config, change_optim), "here")
    except InputError:
      return False
    return True

  wanted = {name for name in FIELDS if may_change(name, True) and not may_change(name, False)}
  assert {"optim.weight_decay", "optim.frozen", "train.epochs"} < wanted
  assert {*re.findall(r"\b\w+\.\w+", ROWS["change_optim"].help)} == wanted
