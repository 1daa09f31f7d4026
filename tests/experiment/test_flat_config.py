"""Configurations as files keep them: flat, plain, and perhaps older than a field."""

import json
import pathlib

import pytest
from ml_collections import ConfigDict

from cosam_jax.experiment.config import check, resolve
from cosam_jax.experiment.fields import FIELDS, PRESETS
from cosam_jax.experiment.flat_config import (
  add_defaults,
  complete,
  flatten,
  plain,
  unflatten,
  value_of,
)

# Newer fields have the values that runs of that time had.
RECORDED = {
  name: complete(flat)
  for name, flat in json.loads(
    (pathlib.Path(__file__).with_name("configurations.json")).read_text()
  ).items()
}


@pytest.mark.parametrize("name", RECORDED)
def test_what_is_saved_becomes_the_configuration_again(name):
  config = unflatten(RECORDED[name])
  assert plain(config) == RECORDED[name]
  check(config)  # Sizes are tuples again.
  assert unflatten(dict(flatten(config))) == config
  assert unflatten(RECORDED[name] | {"model.width": 1}).model.width == 1.0
  assert type(unflatten(RECORDED[name] | {"model.width": 1}).model.width) is float


@pytest.mark.parametrize("name", ["mars", "synthetic"])
def test_a_run_that_is_older_than_a_field_has_what_was_before(name):
  saved = plain(resolve(unflatten(RECORDED[name])))
  for field in saved:
    older = {other: value for other, value in saved.items() if other != field}
    if field == "data.name":
      continue  # It decides which fields there are.
    wanted = json.loads(json.dumps(FIELDS[field].earlier))
    wanted = PRESETS["published_code"][field] if wanted == "preset" else wanted
    assert complete(older) == saved | {field: wanted}, field
  assert complete(saved) == saved


def test_what_nobody_knows_is_not_made_up():
  assert value_of({}, "evaluation.batch_clips") == 32
  assert value_of({"evaluation.batch_clips": 3}, "evaluation.batch_clips") == 3
  assert complete({}) == {}
  assert complete({"data": 1})["data"] == 1
  assert not any(name.startswith("data.") for name in complete({"data": 1}))


def test_before_and_default_may_differ(monkeypatch):
  import dataclasses

  from cosam_jax.experiment import fields

  later = dataclasses.replace(FIELDS["init.mask_start"], default=0.9)
  monkeypatch.setitem(fields.SCHEMA, "init.mask_start", later)
  assert complete({"seed": 0})["init.mask_start"] == 0.5
  config = ConfigDict()
  add_defaults(config)
  assert config.init.mask_start == 0.9


def test_defaults_are_added_and_nothing_is_replaced():
  config = ConfigDict({"seed": 3, "data": {"name": "synthetic"}, "train": {"epochs": 7}})
  config.optim = ConfigDict({"decay_every_epochs": config.train.get_ref("epochs")})
  config.lock()
  add_defaults(config)
  check(config)
  assert config.is_locked
  stated = {"seed": 3, "data.name": "synthetic", "train.epochs": 7, "optim.decay_every_epochs": 7}
  assert dict(flatten(config)) == {name: field.default for name, field in FIELDS.items()} | stated
  config.train.epochs = 9
  assert config.optim.decay_every_epochs == 9
  config = ConfigDict({"data": "mars"})
  add_defaults(config)
  assert config.data == "mars"
