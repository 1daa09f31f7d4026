"""Embeddings on disk are read as they were written; what does not fit is refused."""

import dataclasses
import json
import os

import numpy as np
import pytest
from evaluation_embeddings import made

from cosam_jax.errors import InputError
from cosam_jax.evaluation import protocol
from cosam_jax.evaluation.embeddings import Embeddings, Origin, read_embeddings, write_embeddings
from cosam_jax.evaluation.search import nearest


def test_written_and_read_again(tmp_path):
  path = tmp_path / "new" / "e.npz"
  embeddings = made()
  write_embeddings(path, embeddings)
  found = read_embeddings(path)
  assert found.origin == embeddings.origin
  for field in dataclasses.fields(Embeddings)[1:]:
    one, other = getattr(found, field.name), getattr(embeddings, field.name)
    np.testing.assert_array_equal(one, other)
    assert one.dtype == other.dtype, field.name
  assert os.listdir(tmp_path / "new") == ["e.npz"]
  with np.load(path, allow_pickle=False) as plain:
    assert plain["vectors"].shape == (10, 4)
    assert json.loads(str(plain["about"]))["dataset"] == "mars"


@pytest.mark.parametrize(
  ("name", "rows"), [("reference", range(2, 10)), ("official", range(9, -1, -1))]
)
def test_one_file_serves_both_galleries(name, rows):
  embeddings = made()
  evaluation = embeddings.evaluation(name)
  np.testing.assert_array_equal(evaluation.gallery_rows, list(rows))
  settings = protocol.Settings(protocol=name)
  (result,) = protocol.evaluate_tables(embeddings.vectors, evaluation, settings)
  assert result.card.gallery_size == len(rows)
  assert result.card.frames_used == 35
  assert list(result.query_names) == ["t0", "t1"]


def test_a_protocol_with_other_frames_is_refused():
  with pytest.raises(InputError, match=r"'reference_4f', but .* of all frames .*embed again"):
    made().evaluation("reference_4f")
  some = made(origin=Origin("mars", protocol="official_4f"))
  assert some.evaluation("reference_4f").protocol == "reference_4f"
  with pytest.raises(InputError, match="4 evenly drawn"):
    some.evaluation("official")


def test_vectors_alone_can_be_kept_but_not_ranked(tmp_path):
  alone = made(
    query_rows=[],
    reference_rows=[],
    official_rows=[],
    clip_vectors=np.zeros((0, 4)),
    clip_owners=[],
  )
  write_embeddings(tmp_path / "e.npz", alone)
  found = read_embeddings(tmp_path / "e.npz")
  assert len(found.vectors) == 10
  with pytest.raises(InputError, match="mars has no query tracklets"):
    found.evaluation()


@pytest.mark.parametrize(
  ("change", "message"),
  [
    ({"vectors": np.full((10, 4), np.nan)}, r"row 0 \(tracklet t0\) hold nan"),
    ({"identities": [1.5] * 10}, "identities of the embeddings is float64: it must be int64"),
    ({"cameras": [1]}, r"cameras of the embeddings has shape \(1,\)"),
    ({"names": ["a"]}, "names of the embeddings has shape"),
    ({"query_rows": [10]}, "query_rows of the embeddings must list rows from 0 to 9"),
    ({"reference_rows": [-1]}, "reference_rows of the embeddings must list rows"),
    ({"lengths": [0] * 10}, "lengths of the embeddings must be at least 1"),
    ({"clip_owners": np.repeat(np.arange(10), 2)[::-1]}, "must ascend"),
    ({"clip_owners": np.zeros(20, int)}, "name every tracklet"),
    ({"clip_vectors": np.zeros((20, 3))}, "clip_vectors of the embeddings has shape"),
    ({"clip_vectors": np.full((20, 4), np.inf)}, "a clip of tracklet t0 has a vector with NaN"),
    ({"identities": np.full(10, 2**63, np.uint64)}, "identities of the embeddings has 9223372036"),
    ({"lengths": [2**40] * 10}, "lengths of the embeddings must be at least 1 and at most"),
    ({"names": ["a", "a\0", *map(str, range(8))]}, r"'a\\x00' holds NUL"),
    ({"clip_owners": np.repeat(np.arange(10), 2) + 2**32}, "must list rows from 0 to 9"),
  ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(change, message):
  with pytest.raises(InputError, match=message):
    made(**change)


def damaged(path, kind):
  write_embeddings(path, made())
  whole = path.read_bytes()
  with np.load(path) as file:
    content = dict(file)
  if kind == "cut":
    path.write_bytes(whole[: len(whole) // 2])
  elif kind == "a flipped bit":
    at = whole.index(content["vectors"].tobytes())
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
  elif kind == "text":
    path.write_text("no embeddings")
  elif kind == "one array":
    with open(path, "wb") as file:
      np.save(file, content["vectors"])
  elif kind == "pickled":
    np.savez(path, **{**content, "names": np.array(["t"] * 10, object)})
  elif kind == "lacking":
    np.savez(path, **{name: value for name, value in content.items() if name != "cameras"})
  elif kind == "another format":
    about = json.loads(str(content["about"])) | {"format": 7}
    np.savez(path, **{**content, "about": np.array(json.dumps(about))})
  elif kind == "inconsistent":
    np.savez(path, **{**content, "query_rows": np.array([99])})
  else:
    path.unlink()


@pytest.mark.parametrize(
  "kind",
  ["cut", "a flipped bit", "text", "one array", "pickled", "lacking", "another format",
   "inconsistent", "missing"],
)  # fmt: skip
def test_damaged_files_are_named(tmp_path, kind):
  path = tmp_path / "e.npz"
  damaged(path, kind)
  with pytest.raises(InputError) as caught:
    read_embeddings(path)
  assert str(path) in str(caught.value)
  assert "\n" not in str(caught.value)
  if kind == "another format":
    assert "format 7" in str(caught.value)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
  path = tmp_path / "e.npz"
  write_embeddings(path, made())
  before = path.read_bytes()

  def full(descriptor):
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(os, "fsync", full)
  with pytest.raises(InputError, match=r"could not be written to .*e\.npz \(No space left"):
    write_embeddings(path, made(lengths=[5] * 10))
  assert path.read_bytes() == before
  assert os.listdir(tmp_path) == ["e.npz"]


def test_search_starts_from_embeddings(tmp_path):
  write_embeddings(tmp_path / "e.npz", made())
  gallery = read_embeddings(tmp_path / "e.npz")
  found = nearest(gallery.vectors[[7, 2]], gallery.vectors, 3)
  assert found.rows.shape == found.distances.shape == (2, 3)
  assert gallery.names[found.rows][:, 0].tolist() == ["t7", "t2"]


def seen(**changes):
  """Ten tracklets; the places where they were seen are known for all but the last."""
  columns = {
    "camera_names": ["gate"] * 9 + [""],
    "sources": ["/videos/gate.mp4"] * 9 + [""],
    "first_frames": [62 + i for i in range(9)] + [-1],
    "last_frames": [210 + i for i in range(9)] + [-1],
    "first_times": [3723.4 + i for i in range(9)] + [np.nan],
    "last_times": [3784.0 + i for i in range(9)] + [np.nan],
  }
  return made(**(columns | changes))


def test_where_a_tracklet_was_seen_is_kept(tmp_path):
  write_embeddings(tmp_path / "e.npz", seen())
  found = read_embeddings(tmp_path / "e.npz")
  assert found.seen(1).record() == {
    "camera": "gate",
    "identity": 2,
    "source": "/videos/gate.mp4",
    "first_frame": 63,
    "last_frame": 211,
    "first_second": 3724.4,
    "last_second": 3785.0,
    "time": "1:02:04-1:03:05",
  }
  # Without a name the camera is the data set's number.
  assert found.seen(9).record() == {"camera": "2", "identity": 0}


def test_files_of_earlier_versions_have_no_places(tmp_path):
  write_embeddings(tmp_path / "new.npz", seen())
  with np.load(tmp_path / "new.npz") as file:
    content = {name: file[name] for name in file.files}
  for name in ("camera_names", "sources", "first_frames", "last_frames", "first_times"):
    del content[name]
  del content["last_times"]
  about = json.loads(str(content["about"]))
  del about["frame_stride"], about["most_frames"]
  np.savez(tmp_path / "old.npz", **{**content, "about": np.array(json.dumps(about))})
  old = read_embeddings(tmp_path / "old.npz")
  assert old.seen(1).record() == {"camera": "1", "identity": 2}
  np.testing.assert_array_equal(old.vectors, seen().vectors)
  # Unknown places are not written, so that files are no larger than before.
  write_embeddings(tmp_path / "plain.npz", made())
  with np.load(tmp_path / "plain.npz") as file:
    assert "sources" not in file.files


@pytest.mark.parametrize(
  "change",
  [
    {"camera_names": ["gate"]},
    {"first_frames": np.full(10, 0.5)},
    {"first_times": [np.inf] * 10},
    {"sources": np.zeros(10)},
  ],
)
def test_places_that_fit_no_tracklets_are_refused(change):
  with pytest.raises(InputError, match=f"{next(iter(change))} of the embeddings"):
    seen(**change)


def test_numbers_of_64_bits_stay_what_they_are(tmp_path):
  path = tmp_path / "e.npz"
  people = np.array([2**40 + 7, 7, 2**40 + 7, 1, 7, 2, 3, 3, 0, 0])
  write_embeddings(
    path, made(identities=people, cameras=2**33 + np.arange(10), lengths=[2**31] * 10)
  )
  found = read_embeddings(path)
  np.testing.assert_array_equal(found.identities, people)
  np.testing.assert_array_equal(found.cameras, 2**33 + np.arange(10))
  assert found.lengths.tolist() == [2**31] * 10
  table = found.evaluation().table
  np.testing.assert_array_equal(table.identities, people)
  assert int(table.lengths.sum()) == 10 * 2**31
