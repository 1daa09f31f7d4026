"""The report page of a tiny run: its text, the files beside it, and how it is made again."""

import csv
import json
import re
import shutil

import modes
import numpy as np
import pytest
import saved_run
import tiny
from evaluation_folders import files

from cosam_jax.data import load_dataset
from cosam_jax.data.drawn.synthetic import write_synthetic
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import read_embeddings

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture(scope="module")
def config(tiny_synthetic):
  return saved_run.report_config(tiny_synthetic)


@pytest.fixture(scope="module")
def page(evaluated):
  return (evaluated / "report" / "index.html").read_text()


def test_numbers_and_intervals_are_those_of_the_results(evaluated, page):
  for record in json.loads((evaluated / "results.json").read_text())["results"]:
    for name, (low, high) in record["uncertainty"]["intervals"].items():
      assert f">{record['metrics'][name]['percent']:.2f}<" in page
      assert f"{100 * low:.1f} to {100 * high:.1f}" in page


def test_the_page_loads_nothing_and_links_only_what_is_there(evaluated, page):
  loaded = re.findall(r'<(?:img|script|link|iframe)[^>]*(?:src|href)="([^"]*)"', page)
  inside = [place for place in loaded if not place.startswith("data:")]
  linked = re.findall(r'<a href="([^"#]+)"', page)
  assert len(linked) > 20
  for place in inside + linked:
    assert (evaluated / "report" / place).is_file(), place
  assert not re.search(r"url\((?!#)", page)
  assert "@import" not in page


def test_every_figure_is_there_as_svg_png_and_data(evaluated):
  figures = evaluated / "report" / "figures"
  names = {path.stem for path in figures.iterdir()}
  assert {"losses", "learning_rate", "cmc", "map", "embeddings", "tracklet_lengths"} <= names
  for name in names:
    for ending in ("svg", "png", "csv"):
      assert (figures / f"{name}.{ending}").stat().st_size > 20
  rows = list(csv.DictReader((figures / "losses.csv").open()))
  for label, key in (("loss", "loss"), ("cross-entropy", "cross_entropy"), ("triplet", "triplet")):
    assert [float(row[label]) for row in rows] == [row[key] for row in saved_run.SCALARS]
  cmc = json.loads((evaluated / "results.json").read_text())["results"][0]["cmc"]
  column = list(csv.DictReader((figures / "cmc.csv").open()))
  assert [float(row["step 3"]) for row in column] == pytest.approx([100 * x for x in cmc[:20]])


def test_sheets_list_what_a_slow_loop_finds(evaluated, tiny_synthetic):
  kept = read_embeddings(evaluated / "embeddings.npz")
  vectors = {str(name): kept.vectors[i].astype(np.float64) for i, name in enumerate(kept.names)}
  tables = load_dataset("synthetic", tiny_synthetic)
  gallery = list(zip(tables.gallery.names, tables.gallery.identities, tables.gallery.cameras))
  paths = sorted((evaluated / "report" / "rankings").glob("*.json"))
  assert len(paths) == 4
  for path in paths:
    assert path.with_suffix(".png").is_file()
    sheet = json.loads(path.read_text())
    query = sheet["query"]
    found = []
    for name, identity, camera in gallery:
      if identity == -1 or (identity == query["identity"] and camera == query["camera"]):
        continue
      distance = float(((vectors[query["name"]] - vectors[str(name)]) ** 2).sum())
      found.append((distance, str(name), int(camera), bool(identity == query["identity"])))
    found.sort()
    shown = sheet["rankings"]["as ranked"]
    assert [entry["name"] for entry in shown] == [name for _, name, _, _ in found[:10]]
    assert [entry["camera"] for entry in shown] == [camera for _, _, camera, _ in found[:10]]
    assert [entry["right"] for entry in shown] == [right for _, _, _, right in found[:10]]
    distances = [distance for distance, _, _, _ in found[:10]]
    assert [entry["distance"] for entry in shown] == pytest.approx(distances, rel=1e-3, abs=1e-4)
    assert sorted(entry["name"] for entry in sheet["rankings"]["re-ranked"]) == sorted(
      entry["name"] for entry in shown
    )


def test_the_worst_come_first_then_the_best(evaluated):
  queries = json.loads((evaluated / "results.json").read_text())["results"][0]["queries"]
  precision = dict(zip(queries["name"], queries["average_precision"]))
  paths = sorted((evaluated / "report" / "rankings").glob("*.json"))
  shown = [precision[json.loads(path.read_text())["query"]["name"]] for path in paths]
  assert shown[:2] == sorted(precision.values())[:2]
  assert shown[2] == max(precision.values())


def test_the_page_is_made_again_with_a_named_query(evaluated, config, tmp_path):
  workdir = tmp_path / "run"
  shutil.copytree(evaluated, workdir)
  shutil.rmtree(workdir / "report")
  again = config.copy_and_resolve_references()
  name = json.loads((workdir / "results.json").read_text())["results"][0]["queries"]["name"][1]
  again.report.update(worst=0, best=0, random=0, queries=name)
  assert modes.report(again, workdir) == workdir / "report" / "index.html"
  (sheet,) = (workdir / "report" / "rankings").glob("*.json")
  assert json.loads(sheet.read_text())["query"]["name"] == name
  again.report.queries = name[:-1] + "x"
  with pytest.raises(InputError, match=f"names '{again.report.queries}'.*did you mean '?{name}"):
    modes.report(again, workdir)
  # The earlier page stays.
  assert (workdir / "report" / "index.html").is_file()


def test_the_table_of_masks_explains_its_own_columns_alone(evaluated, config, page, tmp_path):
  """On real data the person's place is not known, so there are no shares of weight on it."""
  explained = "fixed: that of the stage's mean mask"
  assert ">fixed</th>" in page
  assert explained in page
  workdir = shutil.copytree(evaluated, tmp_path / "run")
  content = json.loads((workdir / "results.json").read_text())
  for part in content["run"]["masks"].values():
    for stage in part["stages"].values():
      for name in ("share_on_figure", "uniform_share", "fixed_mask_share"):
        del stage[name]
  (workdir / "results.json").write_text(json.dumps(content))
  again = modes.report(config, workdir).read_text()
  assert "The weight of the masks. Spread: standard deviation" in again
  assert ">fixed</th>" not in again
  assert explained not in again


def test_other_results_are_not_shown_with_old_rankings(evaluated, config, tmp_path):
  workdir = tmp_path / "run"
  shutil.copytree(evaluated, workdir)
  content = json.loads((workdir / "results.json").read_text())
  content["results"][0]["queries"]["average_precision"][0] = 0.123
  (workdir / "results.json").write_text(json.dumps(content))
  modes.report(config, workdir)
  assert not (workdir / "report" / "rankings").exists()
  assert "No rankings were kept" in (workdir / "report" / "index.html").read_text()


def test_without_results_or_with_damaged_rankings_there_is_no_page(evaluated, config, tmp_path):
  with pytest.raises(InputError, match=r"has no results\.json: train or evaluate"):
    modes.report(config, tmp_path)
  shutil.copy(evaluated / "results.json", tmp_path)
  (tmp_path / "rankings.npz").write_bytes((evaluated / "rankings.npz").read_bytes()[:500])
  with pytest.raises(InputError, match=r"rankings\.npz.*evaluate again"):
    modes.report(config, tmp_path)


@pytest.mark.slow
def test_somebodys_files_in_the_pages_folder_stay(evaluated, config, tmp_path):
  workdir = tmp_path / "run"
  shutil.copytree(evaluated, workdir)
  folder = workdir / "report"
  for name in ("notes.txt", "figures/mine.png", "rankings/mine.png"):
    (folder / name).write_text("mine")
  modes.report(config, workdir)
  (folder / "report_files.json").unlink()  # As a version without lists left it.
  modes.report(config, workdir)
  for name in ("notes.txt", "figures/mine.png", "rankings/mine.png"):
    assert (folder / name).read_text() == "mine"
  assert "mine.png" not in (folder / "index.html").read_text()
  (folder / "index.html").write_text("my own page")
  with pytest.raises(InputError, match=r"index\.html would be replaced .* somebody changed it"):
    modes.report(config, workdir)
  shutil.rmtree(folder)
  folder.mkdir()
  (folder / "index.html").write_text("my own page")
  with pytest.raises(InputError, match=r"index\.html would be replaced"):
    modes.evaluate(config, workdir)
  assert (folder / "index.html").read_text() == "my own page"


def test_a_page_mixes_nothing(run, tiny_synthetic, tmp_path):
  before = files(run)
  for config, words in (
    (tiny.config(tiny_synthetic, data__name="mars"), "of dataset synthetic, .* says mars"),
    (tiny.config(tiny_synthetic, evaluation__gallery="official"), "says official"),
    (tiny.config(tiny_synthetic, evaluation__frames=2), "says reference_2f"),
  ):
    with pytest.raises(InputError, match=words):
      modes.report(config, run)
  fewer = tmp_path / "fewer"
  drawing = {name.split(".")[1]: value for name, value in tiny.DRAWING.items()}
  write_synthetic(fewer, **{**drawing, "identities_test": 3})
  with pytest.raises(InputError, match="is of other queries than"):
    modes.report(tiny.config(fewer, synthetic__identities_test=3), run)
  assert files(run) == before
  # Masks that were drawn of other weights are not shown.
  record = json.loads((run / "masks" / "masks_files.json").read_text())
  record["source"]["checkpoint_hash"] = "0" * 16
  (run / "masks" / "masks_files.json").write_text(json.dumps(record))
  modes.report(saved_run.report_config(tiny_synthetic), run)
  assert not (run / "report" / "masks").exists()


def test_a_page_is_not_made_of_another_test_sets_pictures(run, tiny_synthetic, tmp_path):
  other = shutil.copytree(tiny_synthetic, tmp_path / "other")
  for path in (other / "bbox_test").rglob("*.jpg"):
    path.write_bytes(path.read_bytes() + b" ")
  with pytest.raises(InputError, match="is of another test set than"):
    modes.report(saved_run.report_config(other), run)
