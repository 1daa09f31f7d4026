"""`--mode=link` from labelled vectors to people, corrections and refusals."""

import csv
import dataclasses
import json
import pathlib

import calls
import labelled
import numpy as np
import pytest
import videos as drawn

from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError
from cosam_jax.evaluation.clustering_numbers import agreement
from cosam_jax.evaluation.embeddings import write_embeddings
from cosam_jax.experiment.people_linking import LAW

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture
def run(tmp_path):
  """A folder with calibrated people, and the embeddings of twelve others."""
  calibration = labelled.embeddings(labelled.drawn(people=30, width=12, spread=0.4))
  write_embeddings(tmp_path / "held_out.npz", calibration)
  calls.run("calibrate", None, None, embeddings=str(tmp_path / "held_out.npz"), resamples=100)
  others = labelled.embeddings(labelled.drawn(people=12, width=12, spread=0.4, seed=5))
  write_embeddings(tmp_path / "others.npz", others)
  return tmp_path


def link(run, **flags):
  calls.run("link", None, None, **({"embeddings": str(run / "others.npz")} | flags))
  return people_of(run / "people_linked")


def people_of(place: pathlib.Path) -> dict[str, int]:
  with (place / "people.csv").open(newline="") as file:
    return {row["name"]: int(row["person"]) for row in csv.DictReader(file)}


def test_people_are_found_with_a_stated_error(run, capsys):
  found = link(run)
  out = capsys.readouterr().out
  assert out.count(LAW) == 1
  assert "measured on 30 people of mars (held out)" in out
  _, who, _ = labelled.drawn(people=12, width=12, spread=0.4, seed=5)
  groups = np.array([found[f"{run.name}/t{row}"] for row in range(len(who))])
  judged = agreement(who, groups)
  assert judged.bcubed_f > 0.8
  about = json.loads((run / "people_linked" / "people.json").read_text())
  assert about["agreement"]["bcubed_f"] == pytest.approx(judged.bcubed_f)
  assert 0 < about["expected_false_links"] < about["links_by_distance"]
  lines = (run / "people_linked" / "people.jsonl").read_text().splitlines()
  records = [json.loads(line) for line in lines]
  assert sum(one["tracklets"] for one in records) == len(who)
  assert [one["person"] for one in records] == list(range(1, judged.found + 1))
  assert all(one["chance"] is None or 0 < one["chance"] < 1 for one in records)
  page = (run / "people_linked" / "people.html").read_text()
  assert all(f'data-name="{run.name}/t{row}"' in page for row in range(len(who)))
  chances = [one["chance"] for one in records]
  order = [int(part.split('"')[0]) for part in page.split('data-number="')[1:]]
  shown = [chances[number - 1] for number in order]
  linked = [chance for chance in shown if chance is not None]
  assert linked == sorted(linked)
  assert shown[: len(linked)] == linked


def test_fewer_links_are_made_if_each_must_be_likelier(run, capsys):
  usual, careful = len({*link(run).values()}), len({*link(run, least_chance=0.97).values()})
  assert usual < careful < 60
  records = (run / "people_linked" / "people.jsonl").read_text().splitlines()
  assert all(one["chance"] is None or one["chance"] >= 0.97 for one in map(json.loads, records))
  assert len({*link(run, least_chance=1.0).values()}) == 60
  with pytest.raises(InputError, match="give one of them"):
    link(run, least_chance=0.5, threshold=0.5)
  assert "of the pairs that were put together" in capsys.readouterr().out


def test_corrections_are_applied_and_kept(run, capsys):
  before = link(run)
  one = next(name for name in before if list(before.values()).count(before[name]) > 2)
  friend, third = [n for n in before if before[n] == before[one] and n != one][:2]
  stranger = next(n for n in before if before[n] != before[one])
  said = {"format": 1, "same": [[one, stranger]], "apart": [[one, friend], ["gone", one]]}
  (run / "c.json").write_text(json.dumps(said))
  after = link(run, corrections=str(run / "c.json"))
  assert after[one] == after[stranger]
  assert after[one] != after[friend]
  assert "1 name of the corrections, such as 'gone'" in capsys.readouterr().out
  assert json.loads((run / "people_linked" / "corrections.json").read_text()) == said
  assert link(run) == after  # They lie in the output folder.
  assert "are applied again" in capsys.readouterr().out
  assert third in after


def test_without_a_calibration_a_threshold_must_be_given(tmp_path, capsys):
  write_embeddings(tmp_path / "others.npz", labelled.embeddings())
  with pytest.raises(InputError, match=r"no calibration of links .* or give a --threshold"):
    link(tmp_path)
  assert not (tmp_path / "people_linked").exists()
  assert len({*link(tmp_path, threshold=0.0).values()}) == 60
  assert len({*link(tmp_path, threshold=2.0).values()}) == 1
  assert "nobody knows how many of these links are wrong" in capsys.readouterr().out


def test_one_person_is_not_twice_in_a_camera_at_one_time(run):
  vectors, _, _ = labelled.drawn(people=1, tracklets=6, width=12)
  made = labelled.embeddings((np.repeat(vectors[:1], 6, axis=0), np.full(6, -1), np.full(6, -1)))
  begins = np.array([0, 0, 5, 11, 14, 30], float)
  cameras = np.array(["gate", "gate", "gate", "gate", "gate", "gate"])
  made = dataclasses.replace(
    made, camera_names=cameras, sources=np.array(["/v/gate.mp4"] * 6), first_times=begins,
    last_times=begins + 4,
  )  # fmt: skip
  write_embeddings(run / "others.npz", made)
  found = link(run)
  assert found[f"{run.name}/t0"] != found[f"{run.name}/t1"]
  assert found[f"{run.name}/t3"] != found[f"{run.name}/t4"]
  assert len({*found.values()}) == 2


def test_a_calibration_of_another_network_is_not_used(run, capsys):
  write_embeddings(run / "others.npz", labelled.embeddings(
    labelled.drawn(people=12, width=12), vectors_hash="zz"))  # fmt: skip
  with pytest.raises(InputError, match="there is no calibration of links"):
    link(run)
  assert "linking.npz (it has other weights)" in capsys.readouterr().out
  with pytest.raises(InputError, match="is the calibration of another network"):
    link(run, calibration=str(run / "calibration.json"))


def test_what_is_wrong_is_said_before_any_video_is_embedded(run, tmp_path, monkeypatch):
  monkeypatch.setattr("cosam_jax.experiment.link_inputs.open_side", lambda *_: pytest.fail("read"))
  video, boxes, other = tmp_path / "a.avi", tmp_path / "a.txt", tmp_path / "o"
  video.write_bytes(b"not looked into")
  starts = tmp_path / "starts.csv"
  starts.write_text("gat,0\n")
  boxes.write_text("1,1,2,2,5,5,1\n")
  other.mkdir()
  (other / "people.csv").write_text("mine")
  both = {"embeddings": None, "input": f"{video},{tmp_path / 'b.avi'}"}
  for flags, words in (
    (both, "b.avi does not exist"),
    ({"embeddings": None, "input": str(video), "boxes": str(tmp_path / "b.txt")}, "b.txt"),
    (
      {"embeddings": None, "input": str(video), "camera": "gate", "starts": str(starts)},
      "--starts has the camera or recording 'gat', .* did you mean 'gate'",
    ),
    ({"output": str(other)}, "this program did not write it"),
    ({"calibration": str(tmp_path / "none")}, "none, which does not exist"),
    ({"corrections": str(tmp_path / "none.json")}, "none.json"),
    ({"threshold": 0.5, "least_chance": 0.5}, "give one of them"),
  ):
    with pytest.raises(InputError, match=words):
      link(run, **flags)
  (run / "linking.npz").unlink()
  with pytest.raises(InputError, match="there is no calibration of links"):
    link(run)


def test_files_of_others_are_not_replaced(run):
  (run / "people_linked").mkdir()
  (run / "people_linked" / "people.csv").write_text("mine")
  with pytest.raises(InputError, match="this program did not write it"):
    link(run)
  assert (run / "people_linked" / "people.csv").read_text() == "mine"


def test_flags_that_do_not_fit_are_refused(run):
  with pytest.raises(InputError, match="--mode=link needs tracklets"):
    calls.run("link")
  with pytest.raises(InputError, match="give --starts too"):
    link(run, travel_times=str(run / "t.csv"))


@pytest.fixture(scope="module")
def folders(tiny_synthetic, tmp_path_factory):
  """Tracklets of the drawn set as folders of frames, named after camera and person."""
  table = load_dataset("synthetic", tiny_synthetic).query
  place = tmp_path_factory.mktemp("own") / "tracklets"
  for row in range(len(table)):
    folder = place / f"cam{table.cameras[row]}" / f"p{table.identities[row]}_{row}"
    folder.mkdir(parents=True)
    for i, frame in enumerate(table.frame_ids(row)):
      (folder / f"{i}.jpg").write_bytes(table.frames.read(int(frame)))
  return place


def test_folders_of_frames_become_people_with_pictures(saved_run, folders, tmp_path):
  out, corrections = tmp_path / "out", tmp_path / "c.json"
  same = {"input": str(folders), "output": str(out), "camera_from": "cam([0-9]+)"}
  calls.run("link", None, saved_run, threshold=0.0, **same)
  alone = people_of(out)
  assert len({*alone.values()}) == len(alone) >= 4
  names = sorted(alone)
  corrections.write_text(json.dumps({"format": 1, "same": [names[:2]], "apart": []}))
  calls.run("link", None, saved_run, threshold=0.0, corrections=str(corrections), **same)
  found = people_of(out)
  assert found[names[0]] == found[names[1]] == 1
  assert len({*found.values()}) == len(found) - 1
  page = (out / "people.html").read_text()
  assert page.count("data:image/jpeg") == len(found)
  assert "Said by corrections" in page
  assert len([*(out / "sheets").iterdir()]) == len(found) - 1
  with (out / "people.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
  assert {row["camera"] for row in rows} == {name.split("/")[1][3:] for name in names}


@pytest.fixture
def cameras(tmp_path):
  """Two videos of 6 frames at 10 frames a second, and the boxes of two tracks in each."""
  pytest.importorskip("av")
  for camera in ("gate", "hall"):
    frames = np.random.default_rng(len(camera)).integers(0, 256, (6, 64, 96, 3), np.uint8)
    drawn.write(tmp_path / f"{camera}.mkv", list(frames))
    boxes = [(frame, track) for track, last in ((3, 6), (8, 4)) for frame in range(2, last + 1)]
    lines = [f"{frame},{track},{4 + 8 * track // 2},8,16,40,1,-1,-1,-1" for frame, track in boxes]
    (tmp_path / f"{camera}.txt").write_text("\n".join(lines))
  return tmp_path


def of_cameras(place, *endings):
  return ",".join(str(place / f"{camera}.{ending}") for camera, ending in endings)


def test_videos_with_boxes_are_linked_in_one_command(saved_run, cameras, capsys):
  given = {
    "input": of_cameras(cameras, ("gate", "mkv"), ("hall", "mkv")),
    "boxes": of_cameras(cameras, ("gate", "txt"), ("hall", "txt")),
    "camera": "gate, hall",
  }
  calls.run("link", None, saved_run, threshold=2.0, output=str(cameras / "out"), **given)
  out = capsys.readouterr().out
  assert "the cameras of" not in out
  assert "times are known of" not in out
  with (cameras / "out" / "people.csv").open(newline="") as file:
    rows = {row["name"]: row for row in csv.DictReader(file)}
  assert sorted(rows) == ["gate/3", "gate/8", "hall/3", "hall/8"]
  assert {name: row["camera"] for name, row in rows.items()} == {n: n[:4] for n in rows}
  assert {row["source"] for row in rows.values()} == {
    str(cameras / f"{camera}.mkv") for camera in ("gate", "hall")
  }
  # Two tracks of one camera at one time are two people, whatever the distance.
  assert rows["gate/3"]["person"] != rows["gate/8"]["person"]
  assert len({row["person"] for row in rows.values()}) == 2
  assert (cameras / "out" / "people.html").read_text().count("data:image/jpeg") == 4
  # The same vectors as by --mode=embed first.
  for camera in ("gate", "hall"):
    place = cameras / f"of_{camera}"
    calls.run("embed", None, saved_run, input=str(cameras / f"{camera}.mkv"), output=str(place),
              boxes=str(cameras / f"{camera}.txt"), camera=camera)  # fmt: skip
  files = ",".join(str(cameras / f"of_{camera}" / "embeddings.npz") for camera in ("gate", "hall"))
  calls.run("link", embeddings=files, threshold=2.0, output=str(cameras / "two_steps"))
  of_files = people_of(cameras / "two_steps")
  assert [of_files[f"of_{name}"] for name in rows] == [int(row["person"]) for row in rows.values()]


def test_an_input_without_boxes_has_an_empty_place(saved_run, cameras, folders, capsys):
  videos_and_folders = f"{cameras / 'gate.mkv'},{folders}"
  given = {"input": videos_and_folders, "boxes": f"{cameras / 'gate.txt'},", "camera": "gate,"}
  calls.run("link", None, saved_run, threshold=0.0, output=str(cameras / "out"), **given)
  found = people_of(cameras / "out")
  assert {"gate/3", "gate/8"} < {*found}
  assert len(found) > 4
  with pytest.raises(InputError, match=r"--boxes names 1 for 2 of --input \(.*gate\.mkv, "):
    calls.run("link", None, saved_run, threshold=0.0, **given | {"boxes": "b.txt"})
  with pytest.raises(InputError, match=r"--camera names 3 for 2 of --input \("):
    calls.run("link", None, saved_run, threshold=0.0, **given | {"camera": "a,b,c"})
  with pytest.raises(InputError, match="and this is a video, or has --boxes"):
    calls.run("link", None, saved_run, threshold=0.0, camera_from="c",
              input=str(cameras / "gate.mkv"), boxes=str(cameras / "gate.txt"))  # fmt: skip
  vectors = cameras / "e.npz"
  write_embeddings(vectors, labelled.embeddings())
  with pytest.raises(InputError, match="which has vectors and no frames: leave its place empty"):
    calls.run("link", None, saved_run, threshold=0.0, input=str(vectors), boxes="b.txt")


def test_what_would_be_linked_with_itself_is_refused(saved_run, cameras, capsys):
  video, boxes = cameras / "gate.mkv", cameras / "gate.txt"
  calls.run("embed", None, saved_run, input=str(video), boxes=str(boxes), camera="gate",
            output=str(cameras / "of_gate"))  # fmt: skip
  given = {"threshold": 0.0, "input": str(video), "boxes": str(boxes), "camera": "gate"}
  with pytest.raises(InputError, match=r"both have the tracklet '3' of .*gate\.mkv, frames 2-6"):
    calls.run("link", None, saved_run, embeddings=str(cameras / "of_gate/embeddings.npz"), **given)
  (cameras / "again.mkv").hardlink_to(video)
  twice = {"input": f"{video},{cameras / 'again.mkv'}", "boxes": f"{boxes},{boxes}"}
  with pytest.raises(InputError, match=r"again\.mkv is given twice, with the same boxes"):
    calls.run("link", None, saved_run, **given | twice | {"camera": "a,b"})
  # Tracks of one video in two files of boxes are fine.
  lines = boxes.read_text().splitlines()
  for track in ("3", "8"):
    (cameras / f"{track}.txt").write_text("\n".join(x for x in lines if x.split(",")[1] == track))
  both = {"input": f"{video},{video}", "boxes": f"{cameras / '3.txt'},{cameras / '8.txt'}"}
  calls.run(
    "link", None, saved_run, output=str(cameras / "out"), **given | both | {"camera": "a,b"}
  )
  assert sorted(people_of(cameras / "out")) == ["gate[3]/3", "gate[8]/8"]
  # The same boxes over two videos are usually a slip.
  slip = {"input": f"{video},{cameras / 'hall.mkv'}", "boxes": f"{boxes},{boxes}", "camera": "a,b"}
  calls.run("link", None, saved_run, output=str(cameras / "slip"), **given | slip)
  assert f"{boxes} has the boxes of both {video} and" in capsys.readouterr().out


def test_entries_that_are_empty_are_refused(saved_run, cameras):
  video = str(cameras / "gate.mkv")
  for flags, words in (
    ({"input": video, "boxes": ""}, "--boxes is empty: leave it out"),
    ({"input": f"{video},", "boxes": "a,"}, "has nothing between two commas, or at an end"),
    ({"input": video, "camera": "a\nb"}, "with signs that cannot be printed"),
  ):
    with pytest.raises(InputError, match=words):
      calls.run("link", None, saved_run, threshold=0.0, **flags)
