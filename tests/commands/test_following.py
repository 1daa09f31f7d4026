"""The commands that may follow one that ended well work as they are printed."""

import os
import subprocess

import pytest
import tiny

from cosam_jax.commands.following import following
from cosam_jax.commands.registry import COMMANDS
from cosam_jax.commands.train import _twice
from cosam_jax.experiment import configurations
from cosam_jax.experiment.fields import MOST_EPOCHS
from cosam_jax.runtime import command_line


def mars(**changes):
  config = configurations.read(configurations.folder() / "mars.py")
  config.update_from_flattened_dict(changes)
  return config


def test_after_training_one_can_go_on_or_evaluate():
  given = ["--config=mars", "--workdir=w", "--config.train.epochs=3", "--change_optim"]
  again = {"config.train.epochs": "6", "change_optim": "true"}
  assert following("train", given, {"train": again}) == {
    "go on, to twice as many epochs": [
      "--config=mars", "--workdir=w", "--config.train.epochs=6", "--change_optim=true"
    ],
    "evaluate again": [
      "--config=mars", "--workdir=w", "--config.train.epochs=3", "--mode=evaluate"
    ],
  }  # fmt: skip


def test_after_an_evaluation_its_page_can_be_made_again():
  given = ["--mode", "evaluate", "--workdir=w", "--config.report.queries=b"]
  found = following("evaluate", given, {"report": {"config.report.queries": "a"}})
  assert list(found.values()) == [["--workdir=w", "--mode=report", "--config.report.queries=a"]]
  assert following("evaluate", given, {"report": None}) == {}


def test_nothing_follows_a_call_without_a_command_line_or_a_mode_that_ends_there():
  assert following("train", None) == {}
  assert following("doctor", ["--mode=doctor"]) == {}
  assert COMMANDS["doctor"].following == {}


@pytest.mark.parametrize(
  ("changes", "epochs", "wanted"),
  [
    ({}, 16, {"config.train.epochs": "32"}),
    ({}, MOST_EPOCHS, {"config.train.epochs": str(MOST_EPOCHS)}),
    # A cosine ends with the last epoch, so that another number of epochs makes another rate.
    ({"optim.schedule": "cosine"}, 5, {"config.train.epochs": "10", "change_optim": "true"}),
  ],
)
def test_a_run_goes_on_to_twice_its_epochs(changes, epochs, wanted):
  assert _twice(mars(**changes), epochs) == wanted


def test_the_printed_command_works_in_a_shell_that_has_not_activated_anything(
  tmp_path, monkeypatch
):
  """A shell whose PATH has no Python asks for the command's configuration alone."""
  monkeypatch.setenv("PATH", str(tmp_path))
  given = [f"--config={tiny.CONFIG}", "--workdir=run", "--temporal=ta"]
  steps = following("train", given, {"train": {"config.train.epochs": "12"}})
  printed = command_line.next_steps(steps)
  command = printed.partition("evaluate again:")[0].partition(":\n")[2].strip()
  found = subprocess.run(
    ["/bin/sh", "-c", f"{command} --print_config"],
    env=os.environ | {"PYTHONPATH": str(tiny.ROOT)},
    capture_output=True,
    text=True,
    timeout=120,
    check=False,
  )
  assert found.returncode == 0, found.stderr
  lines = {line.split()[0]: line.split()[1] for line in found.stdout.splitlines()}
  assert lines["train.epochs"] == "12"
  assert lines["model.temporal"] == "'ta'"
