"""Masks of an untrained network on a drawn set: numbers in the results, pictures, refusals."""

import json
import shutil

import jax
import modes
import numpy as np
import pytest
import tiny
from PIL import Image

from cosam_jax.errors import InputError
from cosam_jax.experiment.mask_report import BEFORE, MaskReport
from cosam_jax.experiment.run import Run
from cosam_jax.reports.results import write_results
from cosam_jax.training import mesh, state

pytestmark = pytest.mark.usefixtures("hasty_compilation")
RESULT = {
  "label": "",
  "card": {"dataset": "synthetic"},
  "metrics": {"mAP": 0.5},
  "cmc": [],
  "queries": {},
}


@pytest.fixture(scope="module")
def reported(tiny_synthetic, tmp_path_factory):
  """(run, report, variables) after writing both results; nothing was trained in between."""
  run = Run(tiny.config(tiny_synthetic), tmp_path_factory.mktemp("masks"))
  variables = jax.device_put(state.init_variables(run.model, 0), mesh.replicated(run.mesh))
  report = MaskReport(run)
  for name, label in ((BEFORE, "before training"), ("results.json", "after training")):
    path = run.workdir / name
    write_results(path, [RESULT], {"step": 0, "config": run.flat})
    report.write(variables, label, path)
  return run, report, variables


def test_results_hold_the_numbers(reported, tiny_synthetic):
  run, _, _ = reported
  content = json.loads((run.workdir / "results.json").read_text())
  assert content["run"]["step"] == 0
  assert content["results"][0]["metrics"]["mAP"] == {"fraction": 0.5, "percent": 50.0}
  masks = content["run"]["masks"]
  assert list(masks) == ["before training", "after training"]
  assert masks["before training"] == masks["after training"]
  assert masks == json.loads((run.workdir / "masks" / "masks.json").read_text())
  # Every frame of the test folder, without the junk's: its figure's area, one file at a time.
  areas = [
    (np.asarray(Image.open(path)) > 0).mean()
    for path in (tiny_synthetic / "masks" / "bbox_test").glob("*/*.png")
    if path.parent.name != "00-1"
  ]
  part = masks["after training"]
  assert part["frames"] == part["of_frames"] == len(areas)
  (record,) = part["stages"].values()
  assert list(part["stages"]) == ["5"]
  assert record["frames"] == len(areas)
  assert record["uniform_share"] == pytest.approx(np.mean(areas), abs=1e-9)
  assert 0 <= record["min"] <= record["mean"] <= record["max"] <= 1
  assert 0 < record["share_on_figure"] < 1


def test_a_strip_for_each_clip_and_an_overview(reported):
  run, _, _ = reported
  names = {path.name for path in (run.workdir / "masks").glob("*.png")}
  assert len(names) == 7
  assert "overview.png" in names
  people = {name[3:7] for name in names - {"overview.png"}}
  assert len(people) == 4
  assert "0000" not in people


def test_numbers_of_other_data_do_not_stand_beside(reported, capsys):
  run, report, variables = reported
  path = run.workdir / BEFORE
  kept = path.read_text()
  path.write_text(kept.replace(str(run.config.data.dir), "elsewhere"))
  try:
    assert list(report.show(variables, "step 3")) == ["step 3"]
  finally:
    path.write_text(kept)
  assert list(report.show(variables, "step 3")) == ["before training", "step 3"]
  out = capsys.readouterr().out
  assert out.count("COSAM 5 step 3") == 2
  assert out.count("COSAM 5 before training") == 1
  assert "overview.png" in out


def test_a_figure_that_is_gone_is_named(reported, monkeypatch, tiny_synthetic, tmp_path):
  _, report, variables = reported
  copy = tmp_path / "masks"
  shutil.copytree(tiny_synthetic / "masks", copy)
  gone = max(path for path in copy.glob("bbox_test/0*/*.png") if "00-1" not in path.parts)
  gone.unlink()

  def elsewhere(frame):
    return copy.joinpath(*str(frame).split("/")[-3:]).with_suffix(".png")

  monkeypatch.setattr("cosam_jax.experiment.mask_report.figure_mask_path", elsewhere)
  with pytest.raises(InputError, match=rf"{gone.name} cannot be read.*delete"):
    report.measure(variables)


def test_without_cosam_there_is_nothing_to_report(tiny_synthetic, tmp_path):
  config = tiny.config(tiny_synthetic, model__cosam_stages=())
  MaskReport(Run(config, tmp_path)).write({}, "after training", tmp_path / "results.json")
  assert list(tmp_path.iterdir()) == []
  with pytest.raises(InputError, match=r"cosam_stages is empty.*name stages"):
    modes.masks(config, tmp_path)
