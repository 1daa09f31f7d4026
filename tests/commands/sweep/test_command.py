"""`--sweep`: which runs the flags ask for, and what the dry run says of them."""

import re

import calls
import layouts
import pytest
import tiny
from pretended_sweep import finish

from cosam_jax.commands.sweep.plan import configuration, plan
from cosam_jax.errors import InputError

HINT = "note: without --attributes_file the rows of the attributes' table are trained"


def listed(out):
  """The names of the runs that a dry run lists."""
  return re.findall(r"^# (\S+)$", out, re.MULTILINE)


def dry(tmp_path, **flags):
  config = tiny.config(layouts.mars(tmp_path / "mars", with_frames=False), data__name="mars")
  calls.run("sweep", config, tmp_path / "sweep", dry_run=True, **flags)


def test_a_dry_run_lists_the_runs_of_the_seeds_and_starts_none(tmp_path, capsys):
  dry(tmp_path, sweep="temporal", seeds="0,3")
  names = listed(capsys.readouterr().out)
  assert len(names) == len(set(names))
  plain = [name for name in names if not name.endswith("_seed3")]
  assert sorted(names) == sorted([*plain, *(f"{name}_seed3" for name in plain)])
  assert not (tmp_path / "sweep").exists()


def test_one_row_is_that_rows_runs(tmp_path, capsys):
  dry(tmp_path, sweep="positions", sweep_row="resnet50_none_tp")
  assert listed(capsys.readouterr().out) == ["resnet50_none_tp"]
  with pytest.raises(InputError, match="--sweep_row is 99"):
    dry(tmp_path, sweep="positions", sweep_row="99")
  with pytest.raises(InputError, match="--seeds is 'a'"):
    dry(tmp_path, sweep="positions", seeds="a")


@pytest.mark.parametrize(
  ("sweep", "hint"), [("attributes", True), ("all", True), ("positions", False)]
)
def test_tables_of_attributes_need_their_file(tmp_path, capsys, sweep, hint):
  dry(tmp_path, sweep=sweep)
  assert (HINT in capsys.readouterr().out) is hint


def test_a_warm_up_longer_than_the_runs_is_refused_unless_they_have_begun(tmp_path, capsys):
  config = tiny.config("data", optim__warmup_epochs=9)
  with pytest.raises(InputError, match=r"warmup_epochs is 9, but config\.train\.epochs is 4"):
    calls.run("sweep", config, tmp_path, sweep="positions", dry_run=True)
  begun = tmp_path / plan(config, "positions")[0].name
  begun.mkdir()
  (begun / "config.json").write_text("{}")
  calls.run("sweep", config, tmp_path, sweep="positions", dry_run=True)
  assert f"# {begun.name}" in capsys.readouterr().out


@pytest.mark.parametrize("dry_run", [False, True])
def test_missing_data_and_weights_are_refused_before_the_list_and_the_runs(
  tmp_path, capsys, dry_run
):
  config = tiny.config("/no/data", data__name="mars", init__weights="/no/w.npz")
  flags = {"sweep": "positions", "sweep_row": "resnet50_none_tp", "dry_run": dry_run}
  config.model.backbone = "resnet50"  # Weights of another network's backbone would not be read.

  def refusal():
    with pytest.raises(InputError) as refused:
      calls.run("sweep", config, tmp_path / "sweep", **flags)
    return str(refused.value)

  assert "data directory /no/data does not exist" in refusal()
  assert "; and weights file /no/w.npz does not exist" in refusal()
  assert not (tmp_path / "sweep").exists()
  # A run that has begun has its weights.
  (tmp_path / "sweep" / "resnet50_none_tp" / "checkpoints" / "3").mkdir(parents=True)
  assert refusal().startswith("data directory /no/data")
  assert "/no/w.npz" not in refusal()
  assert capsys.readouterr().out == ""


def test_a_sweep_that_is_done_needs_neither(tmp_path, capsys):
  config = tiny.config("/no/data", data__name="mars", model__backbone="resnet50")
  (job,) = plan(config, "positions", only="resnet50_none_tp")
  finish(tmp_path / job.name, configuration(config, job))
  calls.run("sweep", config, tmp_path, sweep="positions", sweep_row=job.name)
  assert "done before" in capsys.readouterr().out
