"""Masks of an untrained network on a drawn set: numbers in the results, pictures, refusals."""

import functools
import json
import shutil

import jax
import modes
import numpy as np
import pytest
import tiny
from PIL import Image

from cosam_jax.data.packing import read_image
from cosam_jax.data.resizing import pixels_for_network
from cosam_jax.errors import InputError
from cosam_jax.evaluation.protocol import evaluation_of
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


def masks_and_figures(run, variables, data_dir):
  """Each test frame's mask float[h, w], and the part of each cell that the figure covers."""
  prepare, forward = (
    functools.partial(pixels_for_network, size=run.model.image_size),
    jax.jit(lambda clip: run.model.apply(variables, clip[None], train=False).masks[5].spatial[0]),
  )
  table = evaluation_of(run.tables, "reference").table
  masks, figures = [], []
  for row in range(len(table)):
    frames = table.frame_ids(row).tolist()
    for start in range(0, len(frames), 2):
      chosen = frames[start : start + 2]
      paths = [data_dir / table.frames.name(frame) for frame in chosen]
      images = [prepare(read_image(path)) for path in paths]
      seen = np.asarray(forward(np.stack([images[0], images[-1]])), np.float64)
      for mask, path in zip(seen, paths, strict=False):
        with Image.open(
          data_dir / "masks" / path.relative_to(data_dir).with_suffix(".png")
        ) as file:
          figure = np.asarray(file) > 0
        height, width = (side // cells for side, cells in zip(figure.shape, mask.shape))
        cells = figure.reshape(mask.shape[0], height, mask.shape[1], width)
        masks.append(mask)
        figures.append(cells.mean((1, 3)))
  return masks, figures


def test_results_hold_the_numbers(reported, tiny_synthetic):
  run, _, variables = reported
  content = json.loads((run.workdir / "results.json").read_text())
  assert content["run"]["step"] == 0
  assert content["results"][0]["metrics"]["mAP"] == {"fraction": 0.5, "percent": 50.0}
  masks = content["run"]["masks"]
  assert list(masks) == ["before training", "after training"]
  assert masks["before training"] == masks["after training"]
  assert masks == json.loads((run.workdir / "masks" / "masks.json").read_text())
  # Every test frame except junk, one clip at a time.
  spatial, figures = masks_and_figures(run, variables, tiny_synthetic)
  part = masks["after training"]
  assert part["frames"] == part["of_frames"] == len(spatial)
  assert part["tracklets"] == 17
  (record,) = part["stages"].values()
  assert list(part["stages"]) == ["5"]
  fixed = np.mean(spatial, axis=0)
  shares = [(mask * figure).sum() / mask.sum() for mask, figure in zip(spatial, figures)]
  assert record == {
    "frames": len(spatial),
    "mean": pytest.approx(np.mean(spatial), abs=1e-5),
    "min": pytest.approx(np.min(spatial), abs=1e-5),
    "max": pytest.approx(np.max(spatial), abs=1e-5),
    "spread": pytest.approx(np.mean([mask.std() for mask in spatial]), abs=1e-5),
    "share_on_figure": pytest.approx(np.mean(shares), abs=1e-5),
    "uniform_share": pytest.approx(np.mean(figures), abs=1e-9),
    "fixed_mask_share": pytest.approx(
      np.mean([(fixed * figure).sum() / fixed.sum() for figure in figures]), abs=1e-5
    ),
  }
  assert record["share_on_figure"] != pytest.approx(record["uniform_share"], abs=1e-4)


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
