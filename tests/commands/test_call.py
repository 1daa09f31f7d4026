"""A call: the values in it, and the folder that it holds meanwhile."""

import os
import pathlib

import calls
import pytest
import tiny

from cosam_jax.commands.registry import ALWAYS, COMMANDS
from cosam_jax.errors import InputError


def test_paths_and_what_was_not_given(tmp_path):
  call = calls.call("embed", workdir=tmp_path, input="a/b", output="")
  assert call.path("input") == pathlib.Path("a/b")
  assert call.path("output") is call.path("boxes") is None
  assert call.folder == tmp_path
  with pytest.raises(AssertionError, match="embed"):
    _ = call.run_config
  with pytest.raises(AssertionError, match="doctor"):
    _ = calls.call("doctor").folder


def test_weights_of_the_command_line_are_those_of_the_configuration(tmp_path):
  config = tiny.config("data")
  call = calls.call("evaluate", config, tmp_path, weights="model.onnx")
  assert call.run_config.init.weights == "model.onnx"
  assert config.init.weights != "model.onnx"  # The given one stays as it is.
  assert calls.call("evaluate", config, tmp_path).run_config is config
  for mode in ("evaluate", "embed"):
    assert COMMANDS[mode].flags["weights"] == ALWAYS
  (tmp_path / "checkpoints" / "3").mkdir(parents=True)
  with pytest.raises(InputError, match=r"^--weights is .model\.onnx., and .* has checkpoints"):
    _ = call.run_config


def test_a_workdir_is_held_while_it_is_used_and_no_longer(tmp_path):
  first, second = (calls.call(mode, workdir=tmp_path) for mode in ("train", "evaluate"))
  with first.holding_workdir() as holder:
    holder.check()
    with pytest.raises(InputError) as raised, second.holding_workdir():
      pass
    said = str(raised.value)
    assert said.startswith(f"{tmp_path} is held by process {os.getpid()} on ")
    assert "(--mode=train, since " in said
    assert "and --mode=evaluate would write there" in said
  with second.holding_workdir():
    pass


@pytest.mark.parametrize(("output", "held"), [(None, True), ("run/out", True), ("out", False)])
def test_a_run_is_held_by_who_writes_into_it(tmp_path, output, held):
  run = tmp_path / "run"
  run.mkdir()
  call = calls.call("masks", workdir=run, output=output and str(tmp_path / output))
  with call.holding_output():
    assert (run / ".holder").exists() == held
  with calls.call("evaluate").holding_place_of(str(run / "embeddings.npz")):
    assert (run / ".holder").exists()
