"""Parts of a run's people, and whether a network was trained on them."""

import dataclasses

import modes
import numpy as np
import pytest
import saved_run as saved
import tiny

from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import read_embeddings
from cosam_jax.experiment.network import load_network
from cosam_jax.experiment.people_of_run import people_folder, tables_of_people, was_trained_on
from cosam_jax.experiment.run import Run

HELD = {"data__validation_identities": 2, "train__validate_every_epochs": 1}
pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture(scope="module")
def run(tiny_synthetic, tmp_path_factory):
  config = tiny.config(tiny_synthetic, **HELD)
  return Run(config, tmp_path_factory.mktemp("run"))


def people(tables):
  return {*tables.query.identities.tolist(), *tables.gallery.identities.tolist()}


def test_the_parts_have_nobody_in_common(run, tiny_synthetic):
  parts = {name: tables_of_people(run, name) for name in ("test", "held_out", "training")}
  whole = load_dataset("synthetic", tiny_synthetic)
  held, trained = people(parts["held_out"]), people(parts["training"])
  assert (len(held), len(trained)) == (2, 4)
  assert held | trained == set(whole.train.identities.tolist())
  assert not held & trained
  assert parts["test"] is run.tables
  assert people(parts["test"]) == {*whole.query.identities, *whole.gallery.identities}
  # Each tracklet is there once.
  for name, table in (("training", whole.train), ("held_out", whole.train)):
    tables = parts[name]
    names = [*tables.query.names, *tables.gallery.names]
    wanted = [n for n, who in zip(table.names, table.identities) if who in people(tables)]
    assert sorted(names) == sorted(wanted)
  assert parts["held_out"].warnings[-1] == (
    "these are training people held out for validation of synthetic, not its test set"
  )


def test_nobody_may_be_held_out(tiny_synthetic, tmp_path):
  run = Run(tiny.config(tiny_synthetic), tmp_path)
  with pytest.raises(InputError, match="validation_identities is 0, so nobody was held out"):
    tables_of_people(run, "held_out")
  assert len(people(tables_of_people(run, "training"))) == 6


@pytest.mark.slow
def test_a_checkpoint_says_on_whom_it_was_trained(run, tiny_synthetic, tmp_path):
  network = load_network(saved.write(tmp_path / "same", tiny_synthetic, **HELD))
  said = {part: was_trained_on(run, network, part) for part in ("test", "held_out", "training")}
  assert said == {"test": False, "held_out": False, "training": True}
  for number, (about, held) in enumerate(
    [({}, True), (HELD | {"data__validation_identities": 3}, True)]
  ):
    other = load_network(saved.write(tmp_path / f"o{number}", tiny_synthetic, **about))
    assert was_trained_on(run, other, "held_out") is held
  other = load_network(saved.write(tmp_path / "seed", tiny_synthetic, seed=5, **HELD))
  assert was_trained_on(run, other, "held_out") is True
  # A file of weights says nothing, nor does a run on other data.
  assert was_trained_on(run, dataclasses.replace(network, about={}), "training") is None
  elsewhere = saved.write(tmp_path / "else", tiny_synthetic, test_set="0-0", **HELD)
  assert was_trained_on(run, load_network(elsewhere), "training") is None
  config = {**network.about["config"], "data.name": "mars"}
  about = {**network.about, "config": config}
  assert was_trained_on(run, dataclasses.replace(network, about=about), "training") is None


@pytest.mark.slow
def test_their_vectors_have_a_folder_of_their_own(tiny_synthetic, tmp_path):
  saved.write(tmp_path, tiny_synthetic, **HELD)
  config = tiny.config(tiny_synthetic, **HELD)
  for part, learned in (("held_out", False), ("training", True)):
    made = modes.embed(config, tmp_path, part)
    assert (made.origin.people, made.origin.learned) == (part, learned)
    path = tmp_path / "people" / part / "embeddings.npz"
    assert path.parent == people_folder(tmp_path, part)
    kept = read_embeddings(path)
    np.testing.assert_array_equal(kept.vectors, made.vectors)
    assert kept.origin.vectors_hash is not None
  assert not (tmp_path / "embeddings.npz").exists()
  modes.embed(config, tmp_path)
  test = read_embeddings(tmp_path / "embeddings.npz")
  assert (test.origin.people, test.origin.learned) == ("test", False)
  assert not {*test.names.tolist()} & {*kept.names.tolist()}
