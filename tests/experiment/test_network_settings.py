"""The settings that tell networks with the same weights apart, and the checks that read them."""

import dataclasses
import json

import calibrations
import labelled
import pytest
import tiny

from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibration import calibrate
from cosam_jax.evaluation.calibration_files import read_calibration
from cosam_jax.evaluation.embeddings import write_embeddings
from cosam_jax.experiment.calibrating import calibrate_file, check_on_others
from cosam_jax.experiment.config import plain, resolve
from cosam_jax.experiment.decisions import Stored
from cosam_jax.experiment.link_inputs import open_tracklets
from cosam_jax.experiment.link_rates import links_for
from cosam_jax.experiment.network import Network
from cosam_jax.experiment.network_settings import (
  SETTINGS,
  settings_of_config,
  settings_of_embeddings,
  settings_of_network,
)
from cosam_jax.experiment.parts import build_model
from cosam_jax.experiment.search_rates import rates_for
from cosam_jax.experiment.search_sides import Networks, open_side

BASE = {"model.neck": True, "model.temporal": "ta"}  # So that every setting does something.
OTHERS = {
  "clips.num_frames": 8, "clips.image_size": (128, 32), "clips.resize": "bicubic",
  "model.backbone": "resnet50", "model.width": 0.5, "model.cosam_stages": (4, 5),
  "model.temporal": "tp", "model.last_stride": 1, "model.stride_in": "1x1",
  "model.pool": "padded", "model.ncc": "population", "model.summary": "one_layer",
  "model.channel_gate": "multiply", "model.score_relu": False, "model.spatial_pool": "max",
  "model.neck": False, "model.neck_place": "frame", "model.embedding": "after_neck",
  "model.descriptors": "below",
}  # fmt: skip
"""Another value for each setting."""


def network(**fields) -> Network:
  """A network of the tiny configuration, without weights."""
  config = tiny.config("", **fields)
  config.update_from_flattened_dict(BASE | {k.replace("__", "."): v for k, v in fields.items()})
  config = resolve(config)
  empty = {"params": {}, "batch_stats": {}}
  return Network(build_model(config, 3), empty, plain(config), "a")


def with_other(name: str) -> Network:
  return network(**{name.replace(".", "__"): OTHERS[name]})


def test_each_setting_has_another_value_here():
  assert set(OTHERS) == set(SETTINGS)


@pytest.mark.parametrize("name", OTHERS)
def test_networks_that_differ_in_one_setting_differ(name):
  first, other = settings_of_network(network()), settings_of_network(with_other(name))
  assert first != other
  assert settings_of_config(with_other(name).flat) == other
  assert json.loads(json.dumps(other)) == other


def test_settings_that_do_nothing_are_no_difference():
  def of(**fields):
    return settings_of_network(network(**fields))

  bare = {"model__cosam_stages": (), "model__neck": False, "model__temporal": "tp"}
  assert of(**bare) == of(**bare, model__ncc="population", model__score_relu=False)
  assert of(**bare) == of(**bare, model__descriptors="below", model__summary="position_free")
  assert of(**bare) == of(**bare, model__embedding="after_neck", model__last_stride=1)
  assert of() == of(model__neck_deviation=0.1, model__classifier_bias=False)
  assert of(model__cosam_stages=(5, 4)) == of(model__cosam_stages=(4, 5))


def test_what_is_unknown_is_left_out():
  assert settings_of_config({}) == {}
  assert settings_of_embeddings(labelled.embeddings(num_frames=8)) == {"clips.num_frames": 8}
  alone = dataclasses.replace(network(), flat={})
  assert set(settings_of_network(network())) - set(settings_of_network(alone)) == {"clips.resize"}
  assert "model.ncc" not in settings_of_config({"data.name": "mars", "model.ncc": "preset"})


@pytest.mark.parametrize("name", ["model.spatial_pool", "clips.num_frames", "model.embedding"])
def test_every_use_refuses_the_calibration_of_another_setting(name, tmp_path, monkeypatch):
  monkeypatch.setattr("cosam_jax.experiment.decisions.vectors_hash", lambda _: "aa")
  first, other = network(), with_other(name)
  write_embeddings(tmp_path / "e.npz", labelled.embeddings(config=dict(first.flat)))
  calibrate_file(tmp_path / "e.npz", calibrations.QUICK)
  path, place = tmp_path / "calibration.json", tmp_path / "o.npz"
  write_embeddings(place, labelled.embeddings(labelled.drawn(seed=1), config=dict(other.flat)))
  last = name.rpartition(".")[2]
  words = f"another network than .*{last} is .* there, and .* here"
  assert Stored(path, first).calibration == read_calibration(path)
  with pytest.raises(InputError, match=words):
    _ = Stored(path, other).calibration
  with pytest.raises(InputError, match=words):
    check_on_others(place, path, calibrations.QUICK)
  side = open_side(place, Networks())
  with pytest.raises(InputError, match=words):
    rates_for(side, side, "sqeuclidean", given=path)
  with pytest.raises(InputError, match=words):
    links_for(open_tracklets([place], Networks()), given=path)
  mine = open_side(tmp_path / "e.npz", Networks())
  assert rates_for(mine, mine, "sqeuclidean", given=path) is not None
  with pytest.raises(InputError, match=words):
    rates_for(mine, side, "sqeuclidean", given=path)
  with pytest.raises(InputError, match="embedded by different networks"):
    open_tracklets([tmp_path / "e.npz", place], Networks())


def test_an_earlier_versions_file_knows_its_number_of_frames():
  made = calibrate(labelled.embeddings(num_frames=4), "sqeuclidean", calibrations.QUICK)
  assert "clips.num_frames" not in made.network
  assert made.misfit({"clips.num_frames": 4, "model.spatial_pool": "max"}) is None
  assert made.misfit({"clips.num_frames": 8}) == "num_frames is 4 there, and 8 here"
