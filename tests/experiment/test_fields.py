"""A field's role decides whether a resumed run, a sweep, the weights and hashes depend on it."""

import json
import pathlib

from cosam_jax.evaluation.fingerprints import config_hash
from cosam_jax.experiment import fields
from cosam_jax.experiment.config import FREE_ON_RESUME
from cosam_jax.experiment.field_kinds import NETWORK, ROLES
from cosam_jax.experiment.fields import FIELDS, in_fingerprint

# The flat values of each file in configs/, as they were when every file stated every field.
RECORDED = json.loads((pathlib.Path(__file__).with_name("configurations.json")).read_text())


def with_role(*roles):
  return {name for name, field in FIELDS.items() if field.role in roles}


def test_every_field_has_a_default_that_it_accepts_and_a_known_role():
  wrong = [
    name
    for name, field in FIELDS.items()
    if not (field.accepts(field.default) and field.accepts(field.earlier) and field.role in ROLES)
  ]
  assert wrong == []


def test_the_defaults_are_the_recipe_on_mars():
  ours = {name: field.default for name, field in FIELDS.items()}
  recorded = {name: v for name, v in RECORDED["synthetic"].items() if name.startswith("synthetic.")}
  recorded |= RECORDED["mars"]
  assert json.loads(json.dumps(ours)) == recorded


def test_a_training_goes_on_with_other_places_speeds_reports_and_measures():
  network = {name for name in FIELDS if name.startswith("model.")}
  network -= {"model.cost_volume", "model.remat", "model.dtype"}
  assert with_role(NETWORK) == network | {"clips.num_frames", "clips.image_size"}
  assert set(FREE_ON_RESUME) == {
    "data.dir", "data.source", "data.prepared_dir", "data.check_files", "data.retry_seconds",
    "data.follow_links", "model.cost_volume", "model.remat", "init.weights", "train.epochs",
    "train.log_every_steps", "train.health_every_steps", "train.checkpoint_every_epochs",
    "train.keep_checkpoints", "train.validate_every_epochs",
    *(name for name in FIELDS if name.startswith(("evaluation.", "report."))),
  }  # fmt: skip


def test_no_report_place_or_speed_alters_results():
  free = {name for name in FIELDS if not fields.alters_results(name)}
  assert free == {
    "data.dir", "data.source", "data.prepared_dir", "data.check_files", "data.retry_seconds",
    "data.follow_links", "model.cost_volume", "model.remat", "train.log_every_steps",
    "train.health_every_steps", "train.checkpoint_every_epochs", "train.keep_checkpoints",
    "evaluation.batch_clips", "evaluation.before_training",
    *(name for name in FIELDS if name.startswith("report.")),
  }  # fmt: skip


def test_the_role_of_a_field_of_another_version_is_its_groups():
  assert not fields.alters_results("report.colour")
  assert fields.role_of("model.new") == NETWORK
  assert fields.alters_results("evaluation.new")
  assert fields.alters_results("new")


def test_hashes_of_configurations_are_those_that_results_carry():
  recorded = {
    "dukemtmc_vidreid": "fda9350df97050ba", "ilids_vid": "922a4351bf1540bf",
    "mars": "2ae318354dbd6acb", "mars_mini": "3c4acd08a0a2b321", "prid2011": "a0f6a3b86c6dceab",
    "synthetic": "22f4b542c3f7fe5d",
  }  # fmt: skip
  assert {name: config_hash(flat, in_fingerprint) for name, flat in RECORDED.items()} == recorded
