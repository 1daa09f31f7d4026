"""Hits tell where and when; searches among other cameras are tested against a slow loop."""

import dataclasses
import json

import numpy as np
import pytest
import videos as drawn
from PIL import Image

import cosam_jax
from cosam_jax.commands.search import Networks, search
from cosam_jax.data.taken_frames import Taking
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import Embeddings, Origin, read_embeddings, write_embeddings
from cosam_jax.evaluation.sightings import Sighting
from cosam_jax.experiment.fields import FIELDS, SCHEMA
from cosam_jax.experiment.flat_config import complete
from cosam_jax.experiment.network import load_network
from cosam_jax.experiment.own_videos import embed_input, embed_own
from cosam_jax.reports.search_results import Hit, QueryResult, search_table

pytestmark = pytest.mark.usefixtures("hasty_compilation")
NONE = np.zeros(0, np.int64)


@pytest.fixture(scope="module")
def network(saved_run, hasty_compilation):
  del hasty_compilation
  return load_network(saved_run)


def saved(path, vectors, names, **columns):
  """Writes a file of vectors without clips; these cameras saw them ("" for unknown)."""
  count, width = vectors.shape
  unknown = np.full(count, -1)
  content = {"identities": unknown, "cameras": unknown} | columns
  embeddings = Embeddings(
    origin=Origin("mars"), vectors=vectors, names=[f"t{i}" for i in range(count)],
    lengths=np.full(count, 5), query_rows=NONE, reference_rows=NONE, official_rows=NONE,
    clip_vectors=np.zeros((0, width), np.float32), clip_owners=NONE,
    camera_names=np.array(names, np.str_), **content,
  )  # fmt: skip
  write_embeddings(path, embeddings)
  return path


def test_vectors_with_and_without_mirror_images_are_not_compared(network, tmp_path):
  vectors = np.eye(3, dtype=np.float32)
  plain, mirrored = saved(tmp_path / "a.npz", vectors, [""] * 3), tmp_path / "b.npz"
  found = read_embeddings(plain)
  origin = dataclasses.replace(found.origin, flip=True)
  write_embeddings(mirrored, dataclasses.replace(found, origin=origin))
  assert read_embeddings(mirrored).origin.flip
  for query, gallery in ((plain, mirrored), (mirrored, plain)):
    with pytest.raises(InputError, match=rf"{mirrored} alone were made with mirror images"):
      search(Networks(), query, gallery, tmp_path / "out")
  search(Networks(), mirrored, mirrored, tmp_path / "out")
  # A matrix does not say how it was made.
  np.save(tmp_path / "c.npy", vectors)
  search(Networks(), mirrored, tmp_path / "c.npy", tmp_path / "other")


@pytest.mark.parametrize(
  ("field", "other"),
  [("clips.image_size", [128, 64]), ("clips.resize", "bicubic"), ("model.spatial_pool", "max")],
)
def test_vectors_of_other_settings_are_not_compared(field, other, tmp_path):
  usual = saved(tmp_path / "a.npz", np.eye(3, dtype=np.float32), [""] * 3)
  found, flat = read_embeddings(usual), {"data.name": "mars", "preset": "published_code"}
  paths = []
  for name, fields in (("b", flat), ("c", flat | {field: other})):
    origin = dataclasses.replace(found.origin, config=complete(fields))
    paths.append(tmp_path / f"{name}.npz")
    write_embeddings(paths[-1], dataclasses.replace(found, origin=origin))
  with pytest.raises(InputError, match=rf"made with config\.{field} .*so that they cannot be comp"):
    search(Networks(), *paths, tmp_path / "out")
  search(Networks(), paths[1], paths[1], tmp_path / "out")
  search(Networks(), paths[1], usual, tmp_path / "unknown")  # Its configuration is not known.


@pytest.mark.parametrize("same", [True, False])
def test_a_querys_own_camera_is_left_out(same, tmp_path, capsys):
  rng = np.random.default_rng(0)
  sides = []
  for name in ("q", "g"):
    vectors = rng.standard_normal((40, 6)).astype(np.float32)
    cameras = rng.choice(["gate", "hall", "yard"], 40).tolist()
    sides.append((vectors, cameras, saved(tmp_path / f"{name}.npz", vectors, cameras)))
  (vectors, own, path), (others, theirs, gallery) = sides[0], sides[0] if same else sides[1]
  search(Networks(), path, gallery, tmp_path / "out", top=4, exclude_same_camera=True)
  record = json.loads((tmp_path / "out" / "search.json").read_text())
  assert record["exclude_same_camera"] is True
  for i, query in enumerate(record["queries"]):
    allowed = [j for j in range(40) if theirs[j] != own[i]]
    distances = {j: float(((vectors[i].astype(float) - others[j]) ** 2).sum()) for j in allowed}
    wanted = sorted(allowed, key=distances.__getitem__)[:4]
    assert [hit["row"] for hit in query["results"]] == wanted
    assert [hit["camera"] for hit in query["results"]] == [theirs[j] for j in wanted]
    assert (query["camera"], query["searched"]) == (own[i], len(allowed))
  left = [theirs.count(camera) for camera in own]
  assert f"own camera saw, {min(left)} to {max(left)} tracklets" in capsys.readouterr().out


def test_a_gallery_of_the_querys_own_camera_alone_holds_nobody(tmp_path, capsys):
  path = saved(tmp_path / "a.npz", np.eye(3, dtype=np.float32), ["gate"] * 3)
  search(Networks(), path, path, tmp_path / "out", exclude_same_camera=True)
  out = capsys.readouterr().out
  assert "left out of 3: those that each query's own camera saw, 3 tracklets\n" in out
  assert "nobody is found: every tracklet of the gallery is from the query's own camera" in out


def test_a_camera_that_nobody_knows_is_not_taken_for_another_one(tmp_path):
  vectors = np.eye(3, dtype=np.float32)
  known = saved(tmp_path / "a.npz", vectors, ["gate", "hall", "hall"])
  partly = saved(tmp_path / "b.npz", vectors, ["gate", "", ""])
  np.save(tmp_path / "c.npy", vectors)
  for query, gallery in ((known, partly), (partly, known), (known, tmp_path / "c.npy")):
    with pytest.raises(InputError, match=r"of 3 tracklets of .* are not known, such as that of"):
      search(Networks(), query, gallery, tmp_path / "out", exclude_same_camera=True)
  assert not (tmp_path / "out").exists()
  # Only the cameras of the named queries must be known.
  search(Networks(), partly, known, tmp_path / "o", names=["t0"], exclude_same_camera=True)
  search(Networks(), known, saved(tmp_path / "d.npz", vectors, ["hall"] * 3), tmp_path / "p",
         names=["t1"], exclude_same_camera=True)  # fmt: skip
  (query,) = json.loads((tmp_path / "p" / "search.json").read_text())["queries"]
  assert (query["searched"], query["results"]) == (0, [])


def test_who_is_right_is_said_where_people_are_known(tmp_path, capsys):
  vectors = np.array([[0, 0], [0, 1], [0, 2], [9, 2], [9, 1]], np.float32)
  columns = {"identities": np.array([4, 4, 7, 7, 0]), "cameras": np.array([1, 2, 1, 2, 2])}
  path = saved(tmp_path / "a.npz", vectors, [""] * 5, **columns)
  search(Networks(), path, path, tmp_path / "out", top=1, exclude_same_camera=True)
  queries = json.loads((tmp_path / "out" / "search.json").read_text())["queries"]
  found = [(q["name"], q["camera"], q["results"][0]["name"]) for q in queries]
  assert found == [("t0", "1", "t1"), ("t1", "2", "t0"), ("t2", "1", "t1"), ("t3", "2", "t2"),
                   ("t4", "2", "t0")]  # fmt: skip
  assert [q["results"][0].get("right") for q in queries] == [True, True, False, True, None]
  assert "the query's person for 3 of 4 queries whose" in capsys.readouterr().out


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
  """A video of 12 frames, ten a second; two boxes of noise stand in frames 3-12 and 5-7."""
  pytest.importorskip("av")
  place = tmp_path_factory.mktemp("scene")
  frames = np.random.default_rng(0).integers(0, 256, (12, 96, 128, 3), np.uint8)
  lines = [f"{n},1,10,10,32,64,1,-1,-1,-1" for n in range(3, 13)]
  lines += [f"{n},2,60,10,32,64,1,-1,-1,-1" for n in range(5, 8)]
  (place / "gate.txt").write_text("\n".join(lines))
  return drawn.write(place / "gate.mkv", frames), place / "gate.txt", frames


def test_hits_say_when_in_the_video(scene, network, tmp_path, capsys):
  video, boxes, _ = scene
  embed_input(network, video, tmp_path / "a", boxes=str(boxes), camera="gate 1")
  assert "cameras: gate 1\n" in capsys.readouterr().out
  file = tmp_path / "a" / "embeddings.npz"
  search(Networks(), file, file, tmp_path / "out")
  record = json.loads((tmp_path / "out" / "search.json").read_text())
  (hit,) = record["queries"][0]["results"]
  assert hit | {"distance": 0} == {
    "rank": 1, "name": "2", "row": 1, "distance": 0, "camera": "gate 1", "source": str(video),
    "first_frame": 5, "last_frame": 7, "first_second": 0.4, "last_second": 0.6, "time": "0:00:00",
  }  # fmt: skip
  assert record["queries"][0]["last_frame"] == 12
  sheet = json.loads((tmp_path / "out" / "sheets" / "000.json").read_text())
  (drawn_hit,) = sheet["rankings"]["nearest first"]
  assert drawn_hit["camera"] == "gate 1"
  assert drawn_hit["where"] == ["frames 5-7", "0:00:00", "gate.mkv"]
  table = capsys.readouterr().out
  assert table.splitlines()[0].split() == [
    "query",
    "nearest",
    "distance",
    "camera",
    "frames",
    "time",
  ]
  row = table.splitlines()[2].split()
  assert (row[:2], row[-4:]) == (["1", "2"], ["gate", "1", "5-7", "0:00:00"])


def test_fewer_frames_are_those_frames_alone(scene, network, tmp_path, capsys):
  video, boxes, frames = scene
  crops = {"1": frames[2:12, 10:74, 10:42], "2": frames[4:7, 10:74, 60:92]}
  embedder = cosam_jax.Embedder(network)
  embed_input(network, video, tmp_path / "a", boxes=str(boxes), taking=Taking(2, 3))
  said = "every 2nd frame, at most 3 of them, evenly spread: 5 of 13 frames, 2 to 3 of a tracklet"
  assert said in capsys.readouterr().out
  few = read_embeddings(tmp_path / "a" / "embeddings.npz")
  assert (few.origin.frame_stride, few.origin.most_frames) == (2, 3)
  # Every 2nd of 10 frames leaves five; of those, the middles of three parts are taken.
  for vector, wanted in zip(few.vectors, (crops["1"][[0, 4, 8]], crops["2"][[0, 2]]), strict=True):
    np.testing.assert_allclose(vector, embedder.embed(wanted), rtol=1e-4, atol=1e-5)
  # Lengths and places are the whole tracklet's.
  assert (few.lengths.tolist(), few.first_frames.tolist()) == ([10, 3], [3, 5])
  assert few.last_frames.tolist() == [12, 7]
  assert few.last_times.tolist() == pytest.approx([1.1, 0.6])
  # The same holds for a video of one person, and for a folder.
  one = embed_own(embedder, video, taking=Taking(5))
  np.testing.assert_allclose(one.vectors[0], embedder.embed(frames[::5]), rtol=1e-4, atol=1e-5)
  assert one.lengths.tolist() == [12]
  for i, image in enumerate(frames, 101):
    (tmp_path / "people" / "anna").mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(tmp_path / "people" / "anna" / f"{i}.png")
  folder = embed_own(embedder, tmp_path / "people", taking=Taking(5))
  np.testing.assert_allclose(folder.vectors, one.vectors, rtol=1e-4, atol=1e-5)
  assert folder.seen(0).frames == (101, 112)
  assert folder.seen(0).source == str(tmp_path / "people" / "anna")


def test_all_frames_are_taken_as_before(scene, network):
  video, boxes, _ = scene
  embedder = cosam_jax.Embedder(network)
  plain = embed_own(embedder, video, boxes=boxes).vectors
  for taking in (Taking(1, None), Taking(1, 10)):
    np.testing.assert_array_equal(
      embed_own(embedder, video, boxes=boxes, taking=taking).vectors, plain
    )


def test_flags_about_frames_need_frames(network, tmp_path):
  file = saved(tmp_path / "a.npz", np.eye(3, dtype=np.float32), ["gate"] * 3)
  with pytest.raises(InputError, match="are about frames"):
    search(Networks(), file, file, tmp_path / "out", taking=Taking(2))
  with pytest.raises(InputError, match="neither --query nor --gallery is one"):
    search(Networks(), file, file, tmp_path / "out", camera_from="cam")


def test_frames_and_times_are_whole_in_the_table_and_names_make_room():
  seen = Sighting("hall", "/v/a.mp4", (100123, 100999), (36123.0, 36999.5))
  long = QueryResult("a/very/long/path/of/t1", lambda: None, [
    Hit("another/very/long/path/of/t2", 0, 26.13, lambda: None, seen)
  ])  # fmt: skip
  lines = search_table([long]).splitlines()
  assert max(map(len, lines)) <= 80
  assert lines[2].split()[-3:] == ["hall", "100123-100999", "10:02:03-10:16:39"]
  assert "/of/t1 " in lines[2]
  assert "/of/t2 " in lines[2]
  plain = QueryResult("q", lambda: None, [Hit("g", 0, 1.0, lambda: None)])
  assert search_table([plain]).splitlines()[0] == "query  nearest  distance"


def test_a_name_of_several_tracklets_is_no_query(tmp_path):
  path = tmp_path / "e.npz"
  saved(path, np.eye(3, 4), ["1", "2", "3"])
  twice = dataclasses.replace(read_embeddings(path), names=np.array(["a", "b", "a"]))
  write_embeddings(path, twice)
  with pytest.raises(InputError, match=r"has 'a', .* several tracklets .*rows 0 and 2"):
    search(Networks(), path, path, tmp_path / "o", names=["b", "a"])
  assert len(search(Networks(), path, path, tmp_path / "o", names=["b"])) == 1
  assert len(search(Networks(), path, path, tmp_path / "o")) == 3


def test_the_distance_is_the_runs_and_else_the_fields_default(tmp_path, monkeypatch):
  path = saved(tmp_path / "g.npz", np.eye(4, dtype=np.float32), ["gate"] * 4)
  np.save(tmp_path / "g.npy", np.eye(4, dtype=np.float32))
  field = dataclasses.replace(FIELDS["evaluation.distance"], default="cosine", before="sqeuclidean")
  monkeypatch.setitem(FIELDS, "evaluation.distance", field)
  monkeypatch.setitem(SCHEMA, "evaluation.distance", field)

  def distance(file):
    search(Networks(), file, file, tmp_path / "out")
    return json.loads((tmp_path / "out" / "search.json").read_text())["distance"]

  assert distance(tmp_path / "g.npy") == distance(path) == "cosine", "nobody knows the run"
  older = dataclasses.replace(read_embeddings(path), origin=Origin("mars", config={"seed": 0}))
  write_embeddings(path, older)
  assert distance(path) == "sqeuclidean", "the run is older than the field"
