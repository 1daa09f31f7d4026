"""Whole runs from weights, with held-out people, broken frames and prepared sets."""

import shutil

import calls
import chex
import jax
import layouts
import modes
import numpy as np
import pytest
import tiny
from run_files import losses, results

from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError
from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment import parts as assembly
from cosam_jax.experiment.evaluator import Evaluator
from cosam_jax.experiment.run import Run
from cosam_jax.models import to_torch
from cosam_jax.training import optim, state
from cosam_jax.training.checkpoints import BEST, LAST, Checkpoints
from cosam_jax.training.scalars import read_scalars

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def test_nothing_to_evaluate_is_refused(tiny_synthetic, tmp_path):
  with pytest.raises(InputError, match=r"nothing to evaluate.*train first"):
    modes.evaluate(tiny.config(tiny_synthetic), tmp_path / "empty")


@pytest.mark.slow
def test_weights_from_a_file_are_evaluated_and_trained_from(tiny_synthetic, tmp_path, capsys):
  config = tiny.config(tiny_synthetic)
  model = assembly.build_model(config_rules.resolve(config), 6)
  variables = state.init_variables(model, 99)
  np.savez(tmp_path / "weights.npz", **to_torch(variables, model))
  config = tiny.config(tiny_synthetic, init__weights=str(tmp_path / "weights.npz"))
  modes.evaluate(config, tmp_path / "evaluated")
  assert results(tmp_path / "evaluated")["results"][0]["label"] == "weights.npz"
  capsys.readouterr()

  config.init.mask_start = 0.9  # This is for masks without weights; here all have some.
  run = Run(config, tmp_path)
  found = assembly.initial_variables(config, run.model)
  jax.tree.map(np.testing.assert_array_equal, found, jax.device_get(variables))
  assert "initial weights" in capsys.readouterr().out


@pytest.mark.slow
def test_masks_start_open_in_every_stage_and_nothing_else_changes(tiny_synthetic, tmp_path):
  config = tiny.config(tiny_synthetic, model__cosam_stages=(3, 5))
  model = Run(config, tmp_path).model
  closed = assembly.initial_variables(config, model)
  config.init.mask_start = 0.9
  opened = assembly.initial_variables(config, model)
  moved = [
    jax.tree_util.keystr(path)
    for (path, one), other in zip(
      jax.tree_util.tree_leaves_with_path(closed), jax.tree.leaves(opened), strict=True
    )
    if not np.array_equal(one, other)
  ]
  assert moved == [f"['params']['cosam{stage}']['summary_out']['bias']" for stage in (3, 5)]
  saved = config_rules.plain(config)
  del saved["init.mask_start"]  # A run older than this field.
  config = config_rules.unflatten(config_rules.complete(saved))
  chex.assert_trees_all_equal(assembly.initial_variables(config, model), closed)


@pytest.mark.slow
def test_the_best_checkpoint_is_chosen_on_held_out_people(tiny_synthetic, tmp_path):
  """The test evaluates every epoch's weights again; people of the test set have no say."""
  options = {
    "data__validation_identities": 2,
    "train__validate_every_epochs": 1,
    "train__epochs": 5,
    "train__keep_checkpoints": 5,
    "evaluation__checkpoint": "best",
    "evaluation__rerank": False,
  }
  config = tiny.config(tiny_synthetic, **options)
  modes.train(config, tmp_path)
  run = Run(config, tmp_path)
  held_out, tested = run.training_tables, run.tables
  assert len(held_out.query) + len(held_out.gallery) == 8  # Two people with 2 tracklets in each
  names = {*held_out.query.names, *held_out.gallery.names}  # of two cameras.
  assert not names & {*tested.query.names, *tested.gallery.names, *run.train_table.names}

  optimizer = optim.make_optimizer(
    lambda _: 0.0,
    weight_decay=run.config.optim.weight_decay,
    weight_decay_form=run.config.optim.weight_decay_form,
    clip_norm=run.config.optim.clip_norm,
  )
  shapes = state.state_shapes(run.model, optimizer)
  validate = Evaluator(run.config, held_out, run.model, attributes=False)
  rows = read_scalars(tmp_path / "validation.jsonl")
  assert [row["step"] for row in rows] == [2, 4, 6, 8, 10]
  best, highest, weights = 0, -1.0, {}
  for row in rows:
    step = row["step"]
    weights = Checkpoints(tmp_path, LAST).restore(step, shapes, run.mesh).variables
    (result,) = validate(weights)
    assert row["mAP"] == pytest.approx(float(result.metrics.mean_average_precision), abs=1e-6)
    if row["mAP"] > highest:
      best, highest, chosen = step, row["mAP"], weights
  assert [entry.name for entry in (tmp_path / "best").iterdir()] == [str(best)]
  assert Checkpoints(tmp_path, BEST).about(best)["validation_mAP"] == highest
  kept = Checkpoints(tmp_path, BEST).restore(best, shapes, run.mesh).variables
  jax.tree.map(np.testing.assert_array_equal, kept, chosen)
  content = results(tmp_path)
  assert (content["run"]["step"], content["run"]["training_identities"]) == (best, 4)
  card = content["results"][0]["card"]
  assert (card["valid_queries"], card["gallery_size"]) == (8, 9)  # Of the test set.
  assert card["checkpoint_hash"] == weights_hash(chosen)

  before = tiny.metrics(tmp_path)
  modes.evaluate(config, tmp_path)
  assert tiny.metrics(tmp_path) == before


@pytest.mark.slow
def test_unreadable_frames_stop_a_run_or_are_skipped_and_counted(tiny_synthetic, tmp_path):
  shutil.copytree(tiny_synthetic, tmp_path / "set")
  broken = sorted((tmp_path / "set" / "bbox_test").glob("0*/*F002.jpg"))[-1]
  broken.write_bytes(broken.read_bytes()[:60])
  with pytest.raises(InputError, match=broken.name):
    modes.train(tiny.config(tmp_path / "set", train__epochs=1), tmp_path / "stopped")
  config = tiny.config(tmp_path / "set", train__epochs=1, data__on_unreadable="skip")
  modes.train(config, tmp_path / "skipped")
  assert results(tmp_path / "skipped")["run"]["unreadable_frames_skipped"] >= 1


@pytest.mark.slow
def test_a_prepared_set_trains_as_its_directory(tmp_path):
  root = layouts.mars(tmp_path / "mars")
  assert len(load_dataset("mars", root).train) == 4
  options = {
    "data__name": "mars",
    "data__prepared_dir": str(tmp_path / "prepared"),
    "train__epochs": 2,
  }
  calls.run("prepare", tiny.config(root, **options), tmp_path)
  for source in ("directory", "prepared"):
    modes.train(tiny.config(root, data__source=source, **options), tmp_path / source)
  assert len(losses(tmp_path / "directory")) == 2
  assert losses(tmp_path / "prepared") == losses(tmp_path / "directory")
  assert tiny.metrics(tmp_path / "prepared") == tiny.metrics(tmp_path / "directory")
