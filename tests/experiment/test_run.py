"""A run's people, trained on or held out; and how processes notice that their data differ."""

import dataclasses

import numpy as np
import pytest
import tiny

from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError
from cosam_jax.experiment import run as run_parts
from cosam_jax.experiment.run import Run
from cosam_jax.runtime import hosts


def test_held_out_people_are_neither_learnt_from_nor_tested(tiny_synthetic, tmp_path):
  whole = load_dataset("synthetic", tiny_synthetic)
  options = {"data__validation_identities": 2, "train__validate_every_epochs": 1}
  run = Run(tiny.config(tiny_synthetic, **options), tmp_path)
  held_out = run.training_tables
  names = [
    set(table.names.tolist())
    for table in (run.train_table, held_out.query, held_out.gallery, whole.query, whole.gallery)
  ]
  assert names[0] | names[1] | names[2] == set(whole.train.names.tolist())
  assert sum(map(len, names[:3])) == len(whole.train)
  assert run.num_classes == run.model.num_classes == 4
  assert set(run.tables.query.names.tolist()) == names[3]
  plain = Run(tiny.config(tiny_synthetic), tmp_path)
  assert plain.training_tables is plain.tables
  assert plain.num_classes == 6
  assert not list(tmp_path.iterdir())  # Nothing is written.


@pytest.mark.parametrize(("policy", "people"), [("repeat", 6), ("drop", 5)])
def test_people_of_one_tracklet_are_dropped_if_asked(
  tiny_synthetic, tmp_path, monkeypatch, policy, people
):
  tables = load_dataset("synthetic", tiny_synthetic)
  once = np.flatnonzero(tables.train.identities == tables.train.identities[0])[1:]
  kept = tables.train.select(np.delete(np.arange(len(tables.train)), once))
  reduced = dataclasses.replace(tables, train=kept)
  monkeypatch.setattr(run_parts, "read_tables", lambda config: reduced)
  run = Run(tiny.config(tiny_synthetic, data__single_tracklet=policy), tmp_path)
  assert run.num_classes == run.model.num_classes == people
  assert len(run.train_table) == len(kept) - (policy == "drop")


def test_processes_compare_each_column_of_each_table(tiny_synthetic, tmp_path, monkeypatch):
  said = []
  monkeypatch.setattr(hosts, "check_agreement", lambda values, way_out: said.append(dict(values)))
  Run(tiny.config(tiny_synthetic), tmp_path)
  tables = load_dataset("synthetic", tiny_synthetic)

  def again(change):
    monkeypatch.setattr(run_parts, "read_tables", lambda config: tables)
    change()
    Run(tiny.config(tiny_synthetic), tmp_path)
    return {name for name, value in said[-1].items() if value != said[0][name]}

  assert again(lambda: None) == set()
  assert said[0]["the query set"].startswith(f"{len(tables.query)} tracklets, ")
  assert again(lambda: np.add.at(tables.query.cameras, 0, 1)) == {"the query set"}
  assert again(lambda: np.add.at(tables.train.identities, 0, 1)) == {
    "the query set", "the train set"
  }  # fmt: skip


@pytest.mark.parametrize("begun", [False, True])
def test_a_stranger_is_asked_for_data_and_weights_at_once(tmp_path, begun):
  """A run that has begun has its weights, so that only the data are missing."""
  (tmp_path / "run" / "checkpoints" / ("3" if begun else "none")).mkdir(parents=True)
  fields = {"data__name": "mars", "init__weights": "../no/w.npz"}
  with pytest.raises(InputError, match="/no/data does not exist; it must hold MARS") as refused:
    Run(tiny.config("/no/data", **fields), tmp_path / "run")
  sentence = str(refused.value)
  assert "with --data_dir" in sentence
  assert ("; and weights file ../no/w.npz does not exist (seen from " in sentence) != begun
  assert ("give the path of a file with --config.init.weights" in sentence) != begun


@pytest.mark.parametrize(
  ("trained", "way_out"),
  [(False, "name stages among 2, 3, 4 and 5"), (True, "use a run that was trained with COSAM, or")],
)
def test_a_trained_network_without_masks_is_not_asked_for_other_stages(
  tiny_synthetic, tmp_path, trained, way_out
):
  if trained:
    (tmp_path / "checkpoints" / "3").mkdir(parents=True)
  run = Run(tiny.config(tiny_synthetic, model__cosam_stages=()), tmp_path)
  with pytest.raises(InputError, match=f"a network without COSAM has no masks: {way_out}"):
    run.require_masks()
  Run(tiny.config(tiny_synthetic), tmp_path).require_masks()
