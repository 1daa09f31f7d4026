"""Tracklets whose identity or camera nobody knows: left out, trained on or refused, and said."""

import dataclasses
import pathlib

import layouts
import numpy as np
import pytest
from eight_people import draw, numbers

from cosam_jax.data import load_dataset
from cosam_jax.data.doctor import diagnose
from cosam_jax.data.holdout import hold_out_identities
from cosam_jax.data.identities import JUNK, UNKNOWN_CAMERA
from cosam_jax.data.sets.unknown import without_unknown
from cosam_jax.data.tracklets import FilePaths, TrackletTable
from cosam_jax.errors import InputError
from cosam_jax.evaluation.protocol import evaluation_of


@pytest.mark.parametrize("word", [
  "-1", "-1.0", "-2", "-01", "nan", "NaN", "None", "none", "null", "NULL", "unknown", "Unknown",
  "n/a", "N/A", "<NA>", "?", "", "  ", "00-1", "-1.000e+00", "-1e0", "\u22121", "person_-1",
  "id_-1", "unk", "unlabeled",
])  # fmt: skip
def test_who_is_nobody_is_left_out_and_said(tmp_path, word):
  draw(tmp_path)
  rows = [f"{i}_{c}_a.jpg,{i}.0,{c},{i}{c},{'train' if i > 2 else 'query' if c == 1 else 'gallery'}"
          for i in range(5) for c in (1, 2)]  # fmt: skip
  head = "path,identity,camera,tracklet,split"
  strangers = [f"7_1_a.jpg,{word},1,s1,train", f"7_2_a.jpg,{word},2,s2,gallery"]
  (tmp_path / "m.csv").write_text("\n".join([head, *rows, *strangers]))
  tables = load_dataset("folder", tmp_path / "m.csv")
  assert JUNK not in {*tables.train.identities.tolist(), *tables.gallery.identities.tolist()}
  assert (len(tables.train), len(tables.gallery)) == (4, 3)
  (said,) = tables.warnings
  assert said.startswith(
    "1 tracklets of train (1 frames) and 1 tracklets of gallery (1 frames) are"
  )
  assert repr(word.strip()) in said
  assert said in diagnose(tables, sample=0).render()
  assert said in numbers(tables).card.warnings
  (tmp_path / "m.csv").write_text("\n".join([head, *rows, f"7_1_a.jpg,{word},1,s1,query"]))
  with pytest.raises(InputError, match=r"query tracklet 's1' is junk, it has no identity"):
    load_dataset("folder", tmp_path / "m.csv")


CAMERAS = ["nan", "-1", "unknown", "None", "-1.0", "camera_-1", "?", "unk", "N/A"]


def with_cameras(tmp_path, rows):
  (tmp_path / "m.csv").write_text("\n".join(["path,identity,camera,tracklet,split", *rows]))
  return load_dataset("folder", tmp_path / "m.csv")


@pytest.mark.parametrize("word", CAMERAS)
def test_a_camera_that_nobody_knows_is_no_camera(tmp_path, word):
  """True matches under it would be taken for pictures of the query's own camera."""
  draw(tmp_path)
  splits = [
    (i, c, "train" if i > 4 else ("query", "gallery")[c - 1]) for i in range(8) for c in (1, 2)
  ]
  rows = [f"{i}_{c}_a.jpg,{i},cam{c},{i}{c},{split}" for i, c, split in splits]
  known = numbers(with_cameras(tmp_path, rows))
  gaps = [
    f"1_1_b.jpg,1,{word},s1,gallery",
    "2_2_b.jpg,2,nan,s2,gallery",
    f"6_1_b.jpg,6,{word},s3,train",
  ]
  tables = with_cameras(tmp_path, [*rows, *gaps])
  assert UNKNOWN_CAMERA not in {*tables.query.cameras.tolist(), *tables.gallery.cameras.tolist()}
  assert tables.train.names.tolist() == ["51", "52", "61", "62", "71", "72", "s3"], (
    "training needs no camera"
  )
  assert tables.train.numbering.camera(UNKNOWN_CAMERA) == "unknown"
  left_out, trained = tables.warnings
  assert left_out.startswith("2 tracklets of gallery (2 frames) are left out: they have no camera")
  assert repr(word) in left_out
  assert trained.startswith("1 tracklets of train (1 frames) have no camera")
  result = numbers(tables)
  assert result.metrics.mean_average_precision == known.metrics.mean_average_precision
  for said in tables.warnings:
    assert said in diagnose(tables, sample=0).render()
    assert said in result.card.warnings
  for seed in range(4):
    held = hold_out_identities(tables, 2, seed=seed)
    assert "s3" not in {*held.query.names.tolist(), *held.gallery.names.tolist()}
    assert ("s3" in held.train.names) == ("61" in held.train.names)
  tested = with_cameras(
    tmp_path,
    [row.replace(",query", ",test").replace(",gallery", ",test") for row in [*rows, *gaps]],
  )
  assert not {"s1", "s2"} & {*tested.query.names.tolist(), *tested.gallery.names.tolist()}
  with pytest.raises(
    InputError, match=r"query tracklet 's1' has no camera .*but a query needs one"
  ):
    with_cameras(tmp_path, [*rows, gaps[0].replace("gallery", "query")])


def test_folders_of_a_camera_that_nobody_knows(tmp_path):
  for split, camera in (("query", "a"), ("gallery", "b"), ("gallery", "unknown"), ("train", "-1")):
    layouts.image(tmp_path / split / str(int(split == "train")) / camera / "t" / "0.jpg")
  tables = load_dataset("folder", tmp_path)
  assert tables.gallery.names.tolist() == ["0/b/t"]
  assert tables.train.cameras.tolist() == [UNKNOWN_CAMERA]
  assert (
    "written 'unknown', '-1'" in tables.warnings[0]
    or "written '-1', 'unknown'" in tables.warnings[0]
  )
  with pytest.raises(
    InputError, match="1 gallery tracklets of folder, such as '0/b/t', is not known"
  ):
    evaluation_of(
      dataclasses.replace(
        tables, gallery=dataclasses.replace(tables.gallery, cameras=np.array([UNKNOWN_CAMERA]))
      )
    )


def table(identities, cameras):
  """Tracklets t0, t1, ... of two frames each."""
  count = len(identities)
  files = np.array([f"{i}.jpg".encode() for i in range(2 * count)])
  store = FilePaths(pathlib.Path("/set"), np.array([b"f"]), np.zeros(2 * count, np.int32), files)
  names = [f"t{i}" for i in range(count)]
  lengths = np.full(count, 2)
  return TrackletTable(store, np.arange(count) * 2, lengths, identities, cameras, names)


IDENTITIES = {"nobody": JUNK, "anna": 1, "bert": 2}
CAMERAS_OF = {"?": UNKNOWN_CAMERA, "door": 1, "none": UNKNOWN_CAMERA, "hall": 2}


def test_each_split_keeps_what_it_can_use():
  tables = {
    "train": table([1, JUNK, 2, JUNK], [1, 1, UNKNOWN_CAMERA, UNKNOWN_CAMERA]),
    "query": table([1], [1]),
    "gallery": table([1, JUNK, 2, 1], [2, 1, UNKNOWN_CAMERA, UNKNOWN_CAMERA]),
  }
  kept, said = without_unknown(tables, IDENTITIES, CAMERAS_OF)
  assert {split: one.names.tolist() for split, one in kept.items()} == {
    "train": ["t0", "t2"], "query": ["t0"], "gallery": ["t0"]
  }  # fmt: skip
  assert kept["train"].starts.tolist() == [0, 4]
  assert kept["query"] is tables["query"]
  assert said == (
    "2 tracklets of train (4 frames) and 1 tracklets of gallery (2 frames) are left out: they have "
    "no identity (written 'nobody')",
    "2 tracklets of gallery (4 frames) are left out: they have no camera (written '?', 'none')",
    "1 tracklets of train (2 frames) have no camera (written '?', 'none'): they are trained on, "
    "but left out of validation",
  )
  whole = {split: table([1, 2], [1, 2]) for split in ("train", "query", "gallery")}
  assert without_unknown(whole, IDENTITIES, CAMERAS_OF) == (whole, ())


def test_many_spellings_are_shortened():
  spelled = {f"-{i}": JUNK for i in range(1, 8)} | {"5": 5}
  tables = {"gallery": table([5, JUNK], [1, 1])}
  _, (said,) = without_unknown(tables, spelled, {})
  assert said.endswith("(written '-1', '-2', '-3', '-4', '-5', ...)")


@pytest.mark.parametrize(
  ("identities", "cameras", "message"),
  [
    ([1, JUNK, JUNK], [1, 1, 1], r"query tracklet 't1' is junk, .*'nobody'.*\(2 such queries;"),
    ([1, 2], [UNKNOWN_CAMERA, 1], r"query tracklet 't0' has no camera \(written '\?', 'none'\)"),
  ],
)
def test_a_query_needs_both(identities, cameras, message):
  with pytest.raises(InputError, match=message):
    without_unknown({"query": table(identities, cameras)}, IDENTITIES, CAMERAS_OF)
