"""A command line as a call, or one sentence with all that is wrong with it."""

import json
import re
import subprocess
import sys

import layouts
import pytest
from answers import MARS, ROOT

PROGRAM = """
import json, sys
from absl import flags
from cosam_jax.commands import flags as command_flags
from cosam_jax.commands import parsing
from cosam_jax.commands.call_of_line import call_of
from cosam_jax.errors import InputError

command_flags.define_all("cosam-jax")
words = parsing.parse(["cosam-jax", *sys.argv[1:]])[1:]
sys.argv = ["cosam-jax", *sys.argv[1:]]
try:
  call = call_of(words)
except InputError as error:
  print(json.dumps({"error": str(error)}))
else:
  config = call.config
  print(json.dumps({"mode": call.mode, "workdir": str(call.workdir), "words": list(call.words),
                    "overrides": list(call.overrides),
                    "epochs": None if config is None else config.train.epochs}))
"""


def called(*arguments: str) -> dict:
  """What `call_of` makes of a command line, in a process of its own."""
  done = subprocess.run(
    [sys.executable, "-c", PROGRAM, *arguments],
    capture_output=True, text=True, check=True, cwd=ROOT,
  )  # fmt: skip
  return json.loads(done.stdout)


def test_a_call_has_mode_workdir_and_the_changed_configuration():
  call = called(MARS, "--workdir=w", "--config.train.epochs=7", "--mode=benchmark")
  assert (call["mode"], call["workdir"], call["epochs"]) == ("benchmark", "w", 7)


def test_words_behind_the_flags_are_the_calls():
  call = called("--mode=compare", "a", "b")
  assert (call["mode"], call["words"], call["epochs"]) == ("compare", ["a", "b"], None)


@pytest.mark.parametrize(
  ("arguments", "sentence"),
  [
    ([MARS], "--workdir is missing: give a directory for checkpoints and results"),
    (
      [MARS, "--num_frames=1"],
      "config.clips.num_frames is 1: .*; and --workdir is missing: give a directory",
    ),
    (["--mode=evaluate", "--workdir=docs"], "--config is missing.* and docs is not one: if its"),
    (
      ["--mode=masks", "--workdir=docs/no/run"],
      f"^--workdir is 'docs/no/run', and nothing is there .seen from {ROOT}.: give the folder of a "
      "run, or --config, .*too$",
    ),
    (["--mode=report", "--workdir=doc"], "nothing is there.*; did you mean 'docs'"),
    (["--mode=report", "--workdir=LICENSE"], "'LICENSE', which is not a folder: give the folder"),
    (["--workdir=w"], "^--config is missing"),
  ],
)
def test_what_is_wrong_is_said_at_once(arguments, sentence):
  error = called(*arguments)["error"]
  assert re.search(sentence, error), error
  assert "\n" not in error


def test_a_training_that_goes_on_may_have_been_asked_for_fewer_epochs(tmp_path):
  """A warm-up beyond the end is refused before a training begins, and not when it goes on."""
  layouts.mars(tmp_path / "data")
  line = [
    MARS,
    f"--data_dir={tmp_path / 'data'}",
    f"--workdir={tmp_path / 'run'}",
    "--config.init.weights=",
    "--config.train.epochs=8",
    "--config.optim.warmup_epochs=9",
  ]
  assert "optim.warmup_epochs is 9" in called(*line)["error"]
  (tmp_path / "run" / "best" / "4").mkdir(parents=True)
  assert called(*line)["epochs"] == 8
