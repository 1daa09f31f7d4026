"""The test set's vectors and somebody's own ones never take each other's place."""

import dataclasses
import json
import shutil

import modes
import numpy as np
import pytest
import tiny
from PIL import Image

from cosam_jax.commands.search import Networks, search
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import read_embeddings, write_embeddings
from cosam_jax.experiment import saved_rankings
from cosam_jax.experiment.network import load_network
from cosam_jax.experiment.own_videos import embed_input

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture(scope="module")
def own(saved_run, tmp_path_factory):
  """A run's folder with vectors and pictures of two people of somebody's. Not to be written to."""
  place = tmp_path_factory.mktemp("own")
  for i, name in enumerate(("anna", "bert")):
    (place / "mine" / name).mkdir(parents=True)
    noise = np.random.default_rng(i).integers(0, 255, (64, 32, 3), np.uint8)
    Image.fromarray(noise).save(place / "mine" / name / "0.jpg")
  shutil.copytree(saved_run, place / "run")
  embed_input(load_network(saved_run), place / "mine", place / "run")
  return place


@pytest.fixture
def run(own, tmp_path):
  return shutil.copytree(own / "run", tmp_path / "run")


@pytest.fixture(scope="module")
def tested(saved_run, tiny_synthetic, tmp_path_factory):
  """A run's folder with the vectors of its test set. Not to be written to."""
  place = shutil.copytree(saved_run, tmp_path_factory.mktemp("tested") / "run")
  modes.embed(tiny.config(tiny_synthetic), place)
  return place


def files(folder):
  return {
    path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
  }


@pytest.fixture
def no_work(monkeypatch):
  """Fails a test whose command embeds although it should refuse before."""

  def fail(*_):
    raise AssertionError("it has begun to work")

  monkeypatch.setattr(saved_rankings, "Evaluator", fail)


@pytest.mark.parametrize("listed", [True, False])
def test_the_test_set_does_not_replace_somebodys_tracklets(
  run, own, tiny_synthetic, no_work, listed
):
  if not listed:  # As an earlier version left it.
    (run / "embed_files.json").unlink()
  before = files(run)
  with pytest.raises(InputError, match=r"holds the vectors of .*mine.*, and now .* test set of"):
    modes.embed(tiny.config(tiny_synthetic), run)
  assert files(run) == before


def test_somebodys_tracklets_do_not_replace_the_test_set(own, tested, saved_run):
  before = files(tested)
  with pytest.raises(InputError, match="holds the vectors of the test set of synthetic, and now"):
    embed_input(load_network(saved_run), own / "mine", tested)
  assert files(tested) == before


def test_pictures_of_others_do_not_become_the_test_sets(run, tiny_synthetic, no_work):
  for name in ("embed_files.json", "embeddings.npz"):
    (run / name).unlink()
  with pytest.raises(InputError, match=r"pictures/00000\.jpg as a picture of the test set"):
    modes.embed(tiny.config(tiny_synthetic), run)
  assert not (run / "embeddings.npz").exists()


def test_a_search_shows_no_pictures_of_other_vectors(run, tested, tmp_path, capsys):
  """An earlier version put the test set's vectors beside somebody's pictures."""
  file = run / "embeddings.npz"
  search(Networks(), file, file, tmp_path / "right")
  assert len(list((tmp_path / "right" / "sheets").glob("*.png"))) == 2
  assert "left out" not in capsys.readouterr().out
  shutil.copy(tested / "embeddings.npz", file)
  search(Networks(), file, file, tmp_path / "wrong")
  assert f"left out: {run / 'pictures'}, which" in capsys.readouterr().out
  assert not list((tmp_path / "wrong").glob("sheets/*"))


def test_the_test_sets_own_vectors_are_replaced(tested, tiny_synthetic, tmp_path):
  run = shutil.copytree(tested, tmp_path / "run")
  source = json.loads((run / "embed_files.json").read_text())["source"]
  assert source["dataset"] == "synthetic"
  first = read_embeddings(run / "embeddings.npz")
  assert source["test_set"] == first.origin.test_set
  (run / "embed_files.json").unlink()  # As an earlier version left it.
  modes.embed(tiny.config(tiny_synthetic), run)
  assert (read_embeddings(run / "embeddings.npz").vectors == first.vectors).all()
  assert (run / "embed_files.json").is_file()


def test_vectors_of_another_test_set_or_nobody_knows_what_stay(
  tested, tiny_synthetic, tmp_path, no_work
):
  run = shutil.copytree(tested, tmp_path / "run")
  (run / "embed_files.json").unlink()
  found = read_embeddings(run / "embeddings.npz")
  mars = {"dataset": "mars", "config": found.origin.config | {"data.name": "mars"}}
  for change, words in ((mars, "the test set of mars"), ({"test_set": "1-2"}, "")):
    origin = dataclasses.replace(found.origin, **change)
    write_embeddings(run / "embeddings.npz", dataclasses.replace(found, origin=origin))
    with pytest.raises(InputError, match=f"holds the vectors of {words}"):
      modes.embed(tiny.config(tiny_synthetic), run)
  (run / "embeddings.npz").write_text("my notes")
  with pytest.raises(InputError, match=r"embeddings\.npz would be replaced .* did not write it"):
    modes.embed(tiny.config(tiny_synthetic), run)
  assert (run / "embeddings.npz").read_text() == "my notes"
