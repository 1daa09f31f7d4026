"""`--sweep`: which runs the flags ask for, and what the dry run says of them."""

import re

import calls
import pytest
import tiny

from cosam_jax.commands.sweep.plan import plan
from cosam_jax.errors import InputError

HINT = "note: without --attributes_file the rows of the attributes' table are trained"


def listed(out):
  """The names of the runs that a dry run lists."""
  return re.findall(r"^# (\S+)$", out, re.MULTILINE)


def dry(tmp_path, **flags):
  config = tiny.config("data", data__name="mars")
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
