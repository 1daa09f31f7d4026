"""Modes that need only a run take its configuration from the workdir, and flags override it."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import modes
import pytest
import saved_run as saved
import tiny
from absl import flags
from ml_collections import config_flags

from cosam_jax.commands.registry import COMMANDS, OF_RUN
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment import run_configuration

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def parsed(*arguments):
  """The configuration that a command line gives, the file that it names, and the flags."""
  values = flags.FlagValues()
  holder = config_flags.DEFINE_config_file("config", None, flag_values=values)
  for name in ("workdir", "mode", "embeddings", "input", "tracklets"):
    flags.DEFINE_string(name, None, "", flag_values=values)
  line = run_configuration.with_run(["cosam-jax", *map(str, arguments)], COMMANDS)
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(sys, "argv", line)  # ml_collections looks for fields there.
    values(line)
  if holder.value is None:
    return None, None, values
  return holder.value, config_flags.get_config_filename(values["config"]), values


@pytest.mark.parametrize("mode", OF_RUN)
@pytest.mark.parametrize("separate", [False, True])
def test_the_runs_configuration_is_taken_and_overridden(saved_run, tiny_synthetic, mode, separate):
  run = ["--workdir", saved_run] if separate else [f"--workdir={saved_run}"]
  config, _, _ = parsed(f"--mode={mode}", *run, "--config.report.worst=7")
  config_rules.check(config)
  wanted = tiny.config(tiny_synthetic, report__worst=7)
  assert config_rules.plain(config) == config_rules.plain(config_rules.resolve(wanted))


def test_what_needs_no_configuration_or_has_one_is_left_alone(saved_run, tmp_path):
  run = f"--workdir={saved_run}"
  for arguments in (
    ("--mode=train", run), (run,), ("--mode=embed", run, "--input=a"),
    ("--mode=masks", run, "--tracklets=0"), ("--mode=evaluate", run, "--embeddings=a.npz"),
    ("--mode=evaluate", f"--workdir={tmp_path}"), ("--mode=evaluate",),
    ("--mode=evaluate", run, f"--config={tiny.CONFIG}"), ("--", "--mode=evaluate", run),
  ):  # fmt: skip
    line = ["cosam-jax", *arguments]
    assert run_configuration.with_run(line, COMMANDS) == line
  (tmp_path / "embeddings.npz").write_bytes(b"")
  _, _, values = parsed("--mode=sensitivity", f"--workdir={tmp_path}")
  assert values.embeddings == f"{tmp_path}/embeddings.npz"


def test_without_its_file_the_configuration_is_the_results_or_the_checkpoints(saved_run, tmp_path):
  run = tmp_path / "a:b"  # A name that `--config` must not take apart.
  shutil.copytree(saved_run, run)
  flat = json.loads((run / "config.json").read_text())
  (run / "config.json").unlink()
  config, _, _ = parsed("--mode=evaluate", f"--workdir={run}")
  assert config_rules.plain(config) == flat
  # A run that is older than some fields.
  fewer = {n: v for n, v in flat.items() if n not in ("init.mask_start", "data.follow_links")}
  (run / "config.json").write_text(json.dumps(fewer))
  config, _, _ = parsed("--mode=evaluate", f"--workdir={run}")
  config_rules.check(config)
  assert (config.init.mask_start, config.data.follow_links) == (0.5, False)
  for text in ("{", "[1]", '{"a": 1}', ""):
    (run / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json.* give --config"):
      parsed("--mode=attention", f"--workdir={run}")
  for name, wrong in (("seed", "0"), ("seed.x", 1), ("clips.image_size", [1.5, 2]), ("seed", True)):
    (run / "config.json").write_text(json.dumps(flat | {name: wrong}))
    with pytest.raises(
      InputError, match=f"{name}.*; give --config|invalid at '{name}': give --config"
    ):
      parsed("--mode=attention", f"--workdir={run}")


def test_data_that_are_gone_are_named(saved_run):
  config, name, _ = parsed("--mode=evaluate", f"--workdir={saved_run}")
  config.data.update(name="mars", dir="/no/where")
  with pytest.raises(
    InputError, match=r"read its data from '/no/where', .*place now with --data_dir"
  ):
    run_configuration.check_data(name, config)
  run_configuration.check_data("configs/mars.py", config)
  config.data.update(source="prepared", prepared_dir="/no/prepared")
  with pytest.raises(InputError, match=r"'/no/prepared'.* --config\.data\.prepared_dir"):
    run_configuration.check_data(name, config)


@pytest.mark.parametrize("made", [False, True])
def test_drawn_data_are_not_drawn_anew_in_another_folder(saved_run, tmp_path, monkeypatch, made):
  """Nor into an empty folder."""
  config, name, _ = parsed("--mode=evaluate", f"--workdir={saved_run}")
  assert config.data.name == "synthetic"
  run_configuration.check_data(name, config)
  config.data.dir = "runs/drawn"
  if made:
    (tmp_path / "runs" / "drawn").mkdir(parents=True)
  monkeypatch.chdir(tmp_path)
  with pytest.raises(
    InputError,
    match=rf"from 'runs/drawn', and nothing is there \(seen from {tmp_path}\).* --config of the",
  ):
    run_configuration.check_data(name, config)


@pytest.mark.slow
def test_a_page_is_made_again_from_the_workdir_alone(tiny_synthetic, tmp_path, hasty_compilation):
  """A person types it in another folder, with a field of the configuration."""
  run = saved.write(tmp_path / "run", tiny_synthetic)
  modes.evaluate(saved.report_config(tiny_synthetic), run)
  shutil.rmtree(run / "report")
  name = json.loads((run / "results.json").read_text())["results"][0]["queries"]["name"][1]
  program = [sys.executable, "-m", "cosam_jax.main", "--mode=report", f"--workdir={run}"]
  root = pathlib.Path(run_configuration.__file__).parents[2]
  done = subprocess.run(
    [*program, f"--config.report.queries={name}"], capture_output=True, text=True, timeout=300,
    cwd=tmp_path, env=os.environ | hasty_compilation | {"PYTHONPATH": str(root)}, check=False,
  )  # fmt: skip
  assert done.returncode == 0, done.stderr
  assert any(name in path.name for path in (run / "report" / "rankings").iterdir())
