"""Starts of recordings: one for each, since a camera with two is not in both at one time."""

import dataclasses

import labelled
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import write_embeddings
from cosam_jax.experiment.link_inputs import open_tracklets
from cosam_jax.experiment.link_times import check_names, whereabouts
from cosam_jax.experiment.search_sides import Networks


def recording(place, source, camera="gate"):
  made = labelled.embeddings(labelled.drawn(people=2, tracklets=3))
  begins, unknown = np.arange(6, dtype=float), np.full(6, -1)
  made = dataclasses.replace(
    made, identities=unknown, cameras=unknown, camera_names=np.array([camera] * 6),
    sources=np.array([source] * 6), first_times=begins, last_times=begins + 2,
  )  # fmt: skip
  place.parent.mkdir(parents=True)
  write_embeddings(place, made)
  return place


@pytest.fixture
def found(tmp_path):
  """Two recordings of one camera, of one name on two days, and one of another camera."""
  sources = ["/v/day1/gate.mp4", "/v/day2/gate.mp4", "/v/hall.mp4"]
  paths = [
    recording(tmp_path / str(number) / "embeddings.npz", source, camera)
    for number, (source, camera) in enumerate(zip(sources, ["gate", "gate", "hall"], strict=True))
  ]
  return open_tracklets(paths, Networks())


def test_each_recording_may_have_a_start_of_its_own(found):
  seen = whereabouts(found, {"day1/gate.mp4": 0.0, "day2/gate.mp4": 86_400.0, "hall": 50.0})
  assert {*seen.clocks.tolist()} == {0}
  assert seen.begins[[0, 6, 12]].tolist() == [0, 86_400, 50]
  # The camera's line is for its other recordings.
  seen = whereabouts(found, {"day2/gate.mp4": 9.0, "hall.mp4": 1.0, "/v/day1/gate.mp4": 3.0})
  assert seen.begins[[0, 6, 12]].tolist() == [3, 9, 1]


@pytest.mark.parametrize(
  ("starts", "words"),
  [
    ({"gate": 0.0, "hall": 0.0},
     r"one start for the camera 'gate', which has 2 recordings: give a line for each, such as "),
    ({"gate.mp4": 0.0, "hall": 0.0}, r"'gate.mp4', which is the end of 2 recordings, such as /v/d"),
    ({"day1/gate.mp4": 0.0, "hall": 0.0}, "lacks the camera 'gate': every camera with times needs"),
    ({"day1/gate.mp4": 0.0, "day2/gate.mp4": 0.0, "hal.mp4": 0.0},
     r"has the camera or recording 'hal.mp4', .* did you mean 'hall.mp4'"),
  ],
)  # fmt: skip
def test_starts_that_do_not_say_it_are_refused(found, starts, words):
  with pytest.raises(InputError, match=words):
    whereabouts(found, starts)


def test_names_of_the_tables_are_compared_with_those_of_the_inputs():
  check_names({"gate", "hall"}, ["/v/day1/gate.mp4"], {"gate": 0, "day1/gate.mp4": 1}, [])
  with pytest.raises(
    InputError, match=r"--travel_times has the camera 'hal'.* did you mean 'hall'"
  ):
    check_names({"gate", "hall"}, [], {}, [("gate", "hal")])
  with pytest.raises(InputError, match=r"recording '1/gate.mp4', .* gate, gate.mp4"):
    check_names({"gate"}, ["/v/day1/gate.mp4"], {"1/gate.mp4": 0}, [])
