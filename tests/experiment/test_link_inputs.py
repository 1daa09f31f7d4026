"""Inputs of links: names that differ, clocks, tables of times, and what is refused."""

import dataclasses

import labelled
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import write_embeddings
from cosam_jax.evaluation.forbidden_pairs import NO_CLOCK
from cosam_jax.experiment.link_inputs import check_inputs, open_tracklets
from cosam_jax.experiment.link_tables import read_starts, read_travel_times
from cosam_jax.experiment.link_times import whereabouts
from cosam_jax.experiment.own_videos import NOTHING_SAID
from cosam_jax.experiment.search_sides import Networks


def saved(path, seed=0, **columns):
  """Writes embeddings of nobody who is known, as those of own videos are."""
  path.parent.mkdir(parents=True, exist_ok=True)
  made = labelled.embeddings(labelled.drawn(people=2, tracklets=3, seed=seed))
  unknown = np.full(6, -1)
  made = dataclasses.replace(made, identities=unknown, cameras=unknown, **columns)
  write_embeddings(path, made)
  return path


def video(path, camera, begins, seed=0):
  begins = np.array(begins, float)
  return saved(
    path, seed, camera_names=np.array([camera] * 6), sources=np.array([f"/v/{camera}.mp4"] * 6),
    first_times=begins, last_times=begins + 2, first_frames=np.arange(1, 7),
    last_frames=np.arange(1, 7) + 9,
  )  # fmt: skip


@pytest.fixture
def two(tmp_path):
  begins = [0, 1, 5, 9, 20, 30]
  paths = [
    video(tmp_path / name / "embeddings.npz", name, begins, seed)
    for seed, name in enumerate(["gate", "hall"])
  ]
  return open_tracklets(paths, Networks())


def test_times_that_run_backwards_are_not_used(tmp_path, capsys):
  ends = np.arange(6.0) + 2
  ends[3] = 1.5
  path = saved(
    tmp_path / "gate" / "embeddings.npz", sources=np.array(["/v/gate.mp4"] * 6),
    camera_names=np.array(["gate"] * 6), first_times=np.arange(6.0), last_times=ends,
  )  # fmt: skip
  seen = whereabouts(open_tracklets([path], Networks()))
  assert seen.clocks.tolist() == [1, 1, 1, NO_CLOCK, 1, 1]
  assert np.isnan([seen.begins[3], seen.ends[3]]).all()
  assert "1 tracklet, such as gate/t3, would end before it begins" in capsys.readouterr().out


def test_names_say_which_input_also_of_a_single_one(two, tmp_path):
  assert two.names[:2] == ("gate/t0", "gate/t1")
  assert two.names[6] == "hall/t0"
  assert len({*two.names}) == 12
  assert two.cameras.tolist() == [0] * 6 + [1] * 6
  assert two.people is None
  one = open_tracklets([tmp_path / "gate" / "embeddings.npz"], Networks())
  assert one.names[0] == "gate/t0"


def test_each_video_has_a_clock_until_starts_are_given(two):
  seen = whereabouts(two)
  assert {*seen.clocks.tolist()} == {1, 2}
  assert seen.begins[:3].tolist() == [0, 1, 5]
  seen = whereabouts(two, {"gate": 100.0, "hall": 40.0}, {("gate", "hall"): 30.0})
  assert {*seen.clocks.tolist()} == {0}
  assert (seen.begins[0], seen.ends[0], seen.begins[6]) == (100, 102, 40)
  assert seen.travel == {(0, 1): 30.0, (1, 0): 30.0}
  with pytest.raises(InputError, match=r"--starts lacks the camera 'hall'"):
    whereabouts(two, {"gate": 1.0})
  with pytest.raises(InputError, match=r"--travel_times has the camera 'hal'.*did you mean"):
    whereabouts(two, {"gate": 1.0, "hall": 1.0}, {("gate", "hal"): 3.0})


def test_frames_are_a_clock_of_tracked_people_alone(tmp_path):
  frames = {"first_frames": np.arange(6) * 5, "last_frames": np.arange(6) * 5 + 7}
  shared = saved(tmp_path / "a" / "e.npz", sources=np.array(["/v/frames"] * 6), **frames)
  assert whereabouts(open_tracklets([shared], Networks())).clocks.tolist() == [1] * 6
  apart = saved(tmp_path / "b" / "e.npz", sources=np.array([f"/v/{i}" for i in range(6)]), **frames)
  assert whereabouts(open_tracklets([apart], Networks())).clocks.tolist() == [NO_CLOCK] * 6
  made = dataclasses.replace(labelled.embeddings(labelled.drawn(people=2, tracklets=3)),
                             sources=np.array(["/mars/0008"] * 6), **frames)  # fmt: skip
  write_embeddings(tmp_path / "c.npz", made)
  assert whereabouts(open_tracklets([tmp_path / "c.npz"], Networks())).clocks.max() == NO_CLOCK


def test_what_cannot_be_linked_is_refused(two, tmp_path):
  path = tmp_path / "gate" / "embeddings.npz"
  with pytest.raises(InputError, match="is given twice"):
    check_inputs([path, path], [NOTHING_SAID] * 2)
  np.save(tmp_path / "m.npy", np.eye(3, dtype=np.float32))
  with pytest.raises(InputError, match="has vectors without names"):
    check_inputs([tmp_path / "m.npy"], [NOTHING_SAID])
  made = labelled.embeddings(vectors_hash="zz")
  write_embeddings(tmp_path / "z.npz", made)
  with pytest.raises(InputError, match="by different networks"):
    open_tracklets([path, tmp_path / "z.npz"], Networks())


def test_tables_of_times_are_read(tmp_path):
  (tmp_path / "s.csv").write_text("camera,seconds\ngate,0\n# a remark\n\nhall, -12.5\n")
  assert read_starts(tmp_path / "s.csv") == {"gate": 0.0, "hall": -12.5}
  (tmp_path / "t.csv").write_text("gate,hall,30\ngate,yard,45\n")
  assert read_travel_times(tmp_path / "t.csv") == {("gate", "hall"): 30, ("gate", "yard"): 45}


@pytest.mark.parametrize(
  ("text", "error"),
  [
    ("gate,hall,soon", "line 1 is 'gate,hall,soon'; it must be camera,camera,seconds"),
    ("gate,hall,-1", "with seconds from 0"),
    ("gate,30", "it must be camera,camera,seconds"),
    ("gate,hall,nan", "it must be"),
    ("gate,hall,3\nhall,gate,4", "line 2 has hall, gate again"),
    ("gate,gate,4", "from camera 'gate' to itself"),
  ],
)
def test_tables_that_are_none_are_refused(tmp_path, text, error):
  (tmp_path / "t.csv").write_text(text)
  with pytest.raises(InputError, match=error):
    read_travel_times(tmp_path / "t.csv")
