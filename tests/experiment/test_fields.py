"""A field's role decides whether a resumed run, a sweep, the weights and hashes depend on it."""

import json
import pathlib

import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation.fingerprints import config_hash
from cosam_jax.experiment import fields
from cosam_jax.experiment.config import FREE_ON_RESUME, check, complete, unflatten
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


NUMBERS = {
  name: field
  for name, field in FIELDS.items()
  if field.kind in (int, float, tuple) and field.legal is None
}


def configured(values):
  """A configuration of the drawn set in which some fields have other values."""
  defaults = {name: field.default for name, field in FIELDS.items()}
  return unflatten(defaults | {"data.name": "synthetic"} | values)


@pytest.mark.parametrize("digits", [1, 10, 22, 400, 5000])
def test_every_number_has_a_largest_value(digits):
  """Larger ones are refused before any work, in a sentence, whatever their length."""
  assert [name for name, field in NUMBERS.items() if field.most is None] == []
  for name, field in NUMBERS.items():
    value = int(field.most) + 10 ** (digits - 1)
    with pytest.raises(InputError) as refused:
      check(configured({name: (value,) * (field.length or 1) if field.kind is tuple else value}))
    said = str(refused.value)
    assert said.startswith(f"config.{name} is "), said
    assert said.endswith(f"it must be {field.allowed()}")
    assert f"at most {field.most}" in said
    assert len(said) < 700
    if field.kind is float:
      assert not any(map(field.accepts, (1e30, 1e308, float("inf"), float("nan"))))


def test_largest_values_are_accepted_unless_a_batch_is_too_large():
  # Rules with other fields: splits, stages named once, k2 up to k1, validation, the schedule.
  ruled = {"data.split", "model.cosam_stages", "evaluation.rerank_k2", "synthetic.frames",
           "data.validation_identities", "train.validate_every_epochs",
           "optim.milestones", "model.neck_deviation", "optim.final_factor", "optim.warmup_start",
             "clips.stride"}  # fmt: skip
  for name, field in NUMBERS.items():
    most = (field.most,) * (field.length or 1) if field.kind is tuple else field.most
    assert field.accepts(most), name
    if name not in ruled:
      check(configured({name: most}))
  largest = {
    "train.identities_per_batch": 4096, "train.instances": 64, "clips.num_frames": 4,
    "evaluation.batch_clips": 4096,
  }  # fmt: skip
  check(configured(largest))
  for wrong in ({"train.instances": 65}, {"clips.num_frames": 5}):
    with pytest.raises(InputError, match=r"a batch has 1,\d+,\d+ frames, and 1,048,576 are the"):
      check(configured(largest | wrong))
  with pytest.raises(InputError, match="1,048,576 frames are the most at once"):
    check(configured({"evaluation.batch_clips": 4096, "clips.num_frames": 512}))


def test_the_defaults_are_the_recipe_on_mars():
  ours = {name: field.default for name, field in FIELDS.items()}
  recorded = {name: v for name, v in RECORDED["synthetic"].items() if name.startswith("synthetic.")}
  recorded |= complete(RECORDED["mars"])
  assert json.loads(json.dumps(ours)) == recorded


def test_a_training_goes_on_with_other_places_speeds_reports_and_measures():
  network = {name for name in FIELDS if name.startswith("model.")}
  network -= {"model.cost_volume", "model.remat", "model.norms", "model.dtype"}
  assert with_role(NETWORK) == network | {"clips.num_frames", "clips.image_size", "clips.resize"}
  assert set(FREE_ON_RESUME) == {
    "data.dir", "data.source", "data.prepared_dir", "data.check_files", "data.retry_seconds",
    "data.follow_links", "model.cost_volume", "model.remat", "model.norms",
    "init.weights", "train.epochs",
    "train.log_every_steps", "train.health_every_steps", "train.checkpoint_every_epochs",
    "train.keep_checkpoints", "train.validate_every_epochs",
    *(name for name in FIELDS if name.startswith(("evaluation.", "report."))),
  }  # fmt: skip


def test_no_report_place_or_speed_alters_results():
  free = {name for name in FIELDS if not fields.alters_results(name)}
  assert free == {
    "data.dir", "data.source", "data.prepared_dir", "data.check_files", "data.retry_seconds",
    "data.follow_links", "model.cost_volume", "model.remat", "model.norms",
    "train.log_every_steps",
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


def test_a_late_field_is_in_the_hash_if_it_is_not_as_in_older_runs():
  """Results of the same settings carry the same hash, whenever they were made."""
  flat = complete(RECORDED["mars"])
  late = [name for name, field in FIELDS.items() if field.late and name in flat]
  assert {"optim.milestones", "evaluation.flip", "train.average"} <= set(late)
  older = {name: value for name, value in flat.items() if name not in late}
  usual = config_hash(flat, in_fingerprint)
  assert config_hash(older, in_fingerprint) == usual
  others = {config_hash(flat | {name: "another"}, in_fingerprint) for name in late}
  assert usual not in others
  assert len(others) == len(late)
