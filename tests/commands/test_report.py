"""`--mode=report`: it holds the run's folder, and needs the run's results."""

import shutil

import calls
import pytest
import saved_run as saved

from cosam_jax.errors import InputError


def test_a_run_that_somebody_else_writes_to_gets_no_page(saved_run, tiny_synthetic, tmp_path):
  """`tests/experiment/test_page_report.py` looks at pages."""
  run = shutil.copytree(saved_run, tmp_path / "run")
  config = saved.report_config(tiny_synthetic)
  with (
    calls.call("train", workdir=run).holding_workdir(),
    pytest.raises(InputError, match=r"is held by process .* and --mode=report would write there"),
  ):
    calls.run("report", config, run)
  with pytest.raises(InputError, match=rf"{run} has no results\.json: train or evaluate"):
    calls.run("report", config, run)
  assert not (run / "report").exists()
