"""Decisions about two tracklets: by vectors, by frames, and where no calibration fits."""

import dataclasses
import json

import calibrations
import jax
import numpy as np
import pytest

import cosam_jax
from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibration_files import read_calibration
from cosam_jax.experiment.decisions import (
  Stored,
  calibration_beside,
  is_vector,
  network_facts,
  network_folder,
  note_of,
)
from cosam_jax.experiment.network import load_network

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture(scope="module")
def network(saved_run, hasty_compilation):
  del hasty_compilation
  return load_network(saved_run)


@pytest.fixture
def file(network, tmp_path):
  return calibrations.write(tmp_path / "calibration.json", network_facts(network))


def width_of(network):
  model, size = network.model, network.model.image_size
  clip = np.zeros((1, model.num_frames, *size, 3), np.float32)
  outputs = jax.eval_shape(lambda: model.apply(network.variables, clip, train=False))
  return outputs.features.shape[1]


def test_two_vectors_are_judged_by_the_calibration(network, file):
  embedder = cosam_jax.Embedder(network, calibration=file)
  found = read_calibration(file)
  first = np.zeros(width_of(network), np.float32)
  for far in (0.5, 1.9, 30.0):
    second = first.copy()
    second[2] = far
    decision = embedder.same_person(first, second)
    assert decision.distance == pytest.approx(far**2)
    assert decision.same == (far**2 <= found.threshold)
    assert decision.false_match_rate == found.false_match_rate(far**2)
    assert decision.probability == found.probability(far**2)
    assert decision.threshold == found.threshold
    assert decision.prior == found.prior
    assert decision.calibrated_on == "12 people of mars (held out)"
    half = embedder.same_person(list(map(float, first)), second, prior=0.5)
    assert half.prior == 0.5
    assert half.probability == found.probability(far**2, 0.5)


def test_tracklets_are_embedded_first(network, file, tiny_synthetic):
  embedder = cosam_jax.Embedder(network, batch_clips=4, calibration=file)
  table = load_dataset("synthetic", tiny_synthetic).query
  paths = [[table.frames.name(int(i)) for i in table.frame_ids(row)] for row in (0, 1)]
  vectors = [embedder.embed(one) for one in paths]
  wanted = float(((vectors[0].astype(float) - vectors[1]) ** 2).sum())
  for pair in (paths, vectors, (paths[0], vectors[1])):
    assert embedder.same_person(*pair).distance == pytest.approx(wanted, rel=1e-4)
  # The run is of drawn people, and the calibration of others.
  note = embedder.same_person(*vectors).note
  assert note == "calibrated on other data (mars) than those of the network's run"


def test_without_a_calibration_one_sentence_says_so(network, saved_run, file):
  vector = np.zeros(width_of(network), np.float32)
  with pytest.raises(InputError, match="there is no calibration beside the network"):
    cosam_jax.Embedder.from_checkpoint(saved_run).same_person(vector, vector)
  with pytest.raises(
    InputError, match=r"^the calibration nowhere\.json does not exist: give a file"
  ):
    cosam_jax.Embedder(network, calibration="nowhere.json")
  with pytest.raises(InputError, match=r"^the calibration is 5: give the path of a file"):
    cosam_jax.Embedder.from_checkpoint(saved_run, calibration=5)
  embedder, short = cosam_jax.Embedder(network, calibration=file), np.ones(3, np.float32)
  with pytest.raises(InputError, match=f"have {len(vector)} and 3 dimensions"):
    embedder.same_person(vector, short)
  with pytest.raises(InputError, match=f"those of this network have {len(vector)}"):
    embedder.same_person(short, short)


@pytest.mark.parametrize(
  ("fact", "words"),
  [
    ({"vectors_hash": "aa"}, "it has other weights"),
    ({"distance": "cosine"}, "distance is cosine there, and sqeuclidean here"),
    ({"flip": True}, "flip is True there, and False here"),
    ({"clips.image_size": [8, 4]}, r"image_size is \[8, 4\] there"),
  ],
)
def test_the_calibration_of_another_network_is_refused(network, tmp_path, fact, words):
  path = calibrations.write(tmp_path / "c.json", network_facts(network) | fact)
  with pytest.raises(InputError, match=rf"the calibration of another network .*{words}"):
    _ = Stored(path, network).calibration


def test_a_network_without_a_run_is_compared_by_the_calibrations_distance(network, tmp_path):
  path = calibrations.write(
    tmp_path / "c.json", network_facts(network) | {"distance": "cosine"}, "cosine"
  )
  alone = dataclasses.replace(network, flat={})
  found = cosam_jax.Embedder(alone, calibration=path).same_person(
    np.eye(1, width_of(network), 0)[0], 2 * np.eye(1, width_of(network), 1)[0]
  )
  assert found.distance == pytest.approx(1.0)


def test_it_is_found_beside_the_network(tmp_path):
  (tmp_path / "checkpoints" / "3").mkdir(parents=True)
  (tmp_path / "best").mkdir()
  (tmp_path / "w.npz").write_text("")
  places = [
    tmp_path,
    *(tmp_path / name for name in ("checkpoints", "checkpoints/3", "best", "w.npz")),
  ]
  assert [calibration_beside(place) for place in places] == [None] * 5
  (tmp_path / "calibration.json").write_text("")
  assert [calibration_beside(place) for place in places] == [tmp_path / "calibration.json"] * 5


def test_a_workdir_that_is_not_there_yet_is_its_own_folder(tmp_path):
  assert network_folder(tmp_path / "new") == tmp_path / "new"


@pytest.mark.parametrize("distance", ["sqeuclidean", "cosine"])
def test_vectors_that_say_nothing_are_not_decided_on(network, tmp_path, distance):
  path = calibrations.write(
    tmp_path / "c.json", network_facts(network) | {"distance": distance}, distance
  )
  stored = Stored(path, dataclasses.replace(network, flat={}))
  one = np.ones(width_of(network), np.float32)
  with pytest.raises(InputError, match=r"the first tracklet has a vector of zeros, .*1 other"):
    stored.decision(0 * one, 0 * one, None)
  if distance == "cosine":
    with pytest.raises(InputError, match=r"the second tracklet has a vector of zeros"):
      stored.decision(one, 0 * one, None)
    assert stored.decision(1e30 * one, one, None).distance == pytest.approx(0, abs=1e-6)
  else:
    assert stored.decision(one, 0 * one, None).distance == pytest.approx(len(one))
    with pytest.raises(InputError, match=r"the first tracklet has a vector of length .*e\+3"):
      stored.decision(1e30 * one, one, None)


def test_people_who_were_trained_on_are_noted(tmp_path):
  path = calibrations.write(tmp_path / "c.json", {}, learned=True)
  found = read_calibration(path)
  assert "the network was trained on these people" in note_of(found)
  content = json.loads(path.read_text())
  content["data"]["learned"] = None
  path.write_text(json.dumps(content))
  for dataset in (None, "mars"):
    assert note_of(read_calibration(path), dataset).startswith("nobody knows whether the network")
  content["data"]["learned"] = False
  path.write_text(json.dumps(content))
  assert note_of(read_calibration(path), "mars") is None


@pytest.mark.parametrize(
  ("given", "wanted"),
  [
    (np.zeros(4, np.float32), True), (np.zeros(4), True), ([0.5, 1.0], True),
    (np.zeros((2, 8, 8, 3), np.uint8), False), (["a.jpg"], False), ("folder", False), ([], False),
    ([np.zeros((4, 4, 3), np.uint8)], False), (np.zeros(4, np.uint8), False), (None, False),
    ({0.5, 1.0}, False), (np.ma.zeros(4), False),
  ],
)  # fmt: skip
def test_a_vector_is_no_tracklet(given, wanted):
  assert is_vector(given) is wanted


@pytest.mark.parametrize(
  ("given", "kind"),
  [
    (None, "None"), (5, "5"), (np.zeros(4, np.int64), r"int64\[4\]"),
    ([1, 2], "a list with 1 in it"),
    ([np.zeros(4)], r"a list with float64\[4\] in it"), (np.zeros((1, 4)), r"float64\[1, 4\]"),
    (np.ma.zeros(4), "a masked array"), ({0.5}, "a set"), ({}, "a dict"), ([], "a list"),
  ],
)  # fmt: skip
def test_what_is_neither_vector_nor_tracklet_is_refused(network, file, given, kind):
  embedder, vector = cosam_jax.Embedder(network, calibration=file), np.zeros(4)
  sentence = (
    f"is {kind}: give a vector float.D. that this network made, or a tracklet as for embed$"
  )
  with pytest.raises(InputError, match=f"^first {sentence}"):
    embedder.same_person(given, vector)
  with pytest.raises(InputError, match=f"^second {sentence}"):
    embedder.same_person(vector, given)


@pytest.mark.parametrize("prior", ["x", 0, 1.0, float("nan"), True])
def test_a_prior_is_a_share(network, file, prior):
  embedder, vector = cosam_jax.Embedder(network, calibration=file), np.ones(width_of(network))
  with pytest.raises(
    InputError, match=f"^prior is {prior!r}: it must be more than 0 and less than"
  ):
    embedder.same_person(vector, vector, prior=prior)


def test_a_rate_that_so_few_people_cannot_support_is_noted(file):
  found = read_calibration(file)
  for supported in (True, False):
    first = dataclasses.replace(found.points[0], supported=supported)
    note = note_of(dataclasses.replace(found, points=(first, *found.points[1:])))
    assert (note is None) == supported
  assert "so few people support none below" in note
