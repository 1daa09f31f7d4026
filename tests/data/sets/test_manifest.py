"""Manifests: CSV and JSON lines mean the same as folders, and bad rows are named by line."""

import csv
import json
import re

import layouts
import numpy as np
import pytest

from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError

FIELDS = ("path", "identity", "camera", "tracklet", "split")
ROWS = [
  ("a/2.jpg", "3", "cam1", "t1", "train"),
  ("b/*.png", "4", "cam2", "t2", "query"),
  ("a/1.jpg", "3", "cam1", "t1", "train"),
  ("c/x.jpg", "4", "cam3", "t3", "gallery"),
]


@pytest.fixture
def root(tmp_path):
  for file in ("a/1.jpg", "a/2.jpg", "b/f10.png", "b/f9.png", "c/x.jpg"):
    layouts.image(tmp_path / file)
  (tmp_path / "b" / "notes.txt").touch()
  return tmp_path


def write(path, rows=ROWS, fields=FIELDS):
  if path.suffix == ".csv":
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
      csv.writer(file).writerows([fields, *rows])
  else:
    path.write_text("".join(json.dumps(dict(zip(fields, row))) + "\n\n" for row in rows))
  return path


def names(table, i):
  return [table.frames.relative(f) for f in table.frame_ids(i)]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
@pytest.mark.parametrize("dataset", ["folder", "mars"])
def test_rows_and_patterns(root, suffix, dataset):
  tables = load_dataset(dataset, write(root / f"m{suffix}"))
  assert names(tables.train, 0) == ["a/2.jpg", "a/1.jpg"], "frames keep the order of their rows"
  assert names(tables.query, 0) == ["b/f9.png", "b/f10.png"], "a pattern's files, in natural order"
  assert tables.query.identities.tolist() == tables.gallery.identities.tolist() == [4]
  assert (tables.query.cameras.tolist(), tables.gallery.cameras.tolist()) == ([2], [3])
  assert tables.train.names.tolist() == ["t1"]
  assert tables.gallery.frames.read(int(tables.gallery.starts[0])).startswith(b"\xff\xd8")
  assert tables.name == dataset
  assert len(tables.warnings) == (3 if dataset == "mars" else 0)


def test_numbers_in_json_and_brackets_in_names(root):
  layouts.image(root / "c" / "[1].jpg")
  rows = [*ROWS[:3], ("c/[1].jpg", 4, 3, "t3", "gallery")]
  tables = load_dataset("folder", write(root / "m.jsonl", rows))
  assert names(tables.gallery, 0) == ["c/[1].jpg"]


def test_test_rows_become_queries_and_gallery(root):
  rows = [("a/1.jpg", "9", "1", "t", "train")]
  rows += [("c/x.jpg", "4", camera, f"4-{camera}-{i}", "test") for camera in "12" for i in range(3)]
  tables = load_dataset("folder", write(root / "m.csv", rows))
  assert tables.query.cameras.tolist() == [1, 2]
  assert sorted(tables.gallery.cameras.tolist()) == [1, 1, 2, 2]
  assert not set(tables.query.names) & set(tables.gallery.names)


def test_without_splits_half_of_the_people_test(root):
  rows = [("c/x.jpg", who, camera, f"{who}/{camera}") for who in "123456" for camera in "12"]
  rows.append(("c/x.jpg", "-1", "1", "junk"))
  path = write(root / "m.csv", rows, FIELDS[:4])
  tables = load_dataset("folder", path)
  trained, asked = set(tables.train.identities.tolist()), set(tables.query.identities.tolist())
  assert trained | asked == {1, 2, 3, 4, 5, 6}
  assert len(trained) == len(asked) == 3
  assert sorted(asked) == sorted(tables.gallery.identities.tolist())
  assert "has no 'split': 3 identities train and 3, drawn with seed 0, test" in tables.warnings[0]
  others = [load_dataset("folder", path, seed=seed).query.identities.tolist() for seed in range(8)]
  assert len({tuple(np.unique(other)) for other in others}) > 1


def replaced(line, **fields):
  rows = [dict(zip(FIELDS, row)) for row in ROWS]
  rows[line - 2] |= fields
  return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize(
  ("rows", "message"),
  [
    (replaced(4, identity="5"), r"tracklet 't1' of .* has two values of 'identity': '3' on line 2 "
     r"and '5' on line 4"),
    (replaced(4, camera="cam2"), r"two values of 'camera': 'cam1' on line 2 and 'cam2' on line 4"),
    (replaced(4, split="gallery"), r"two values of 'split': 'train' on line 2 and 'gallery'"),
    (replaced(3, path="../b/1.png"), r"line 3 .* path '\.\./b/1\.png', which leaves .* '\.\.'"),
    (replaced(3, path="b/../../*.png"), r"line 3 .* which leaves"),
    (replaced(3, path="/b/1.png"), r"line 3 .* path '/b/1\.png', which is absolute"),
    (replaced(3, path="b/*.gif"), r"line 3 .* no .* file matches the pattern 'b/\*\.gif'"),
    (replaced(3, path="b"), r"line 3 .* path 'b', which is not a .* write b/\*\.jpg"),
    (replaced(5, camera=" "), r"line 5 .* has no 'camera'"),
    (replaced(5, split="galery"), r"line 5 .* split 'galery'.*did you mean 'gallery'"),
    (replaced(5, split=""), r"line 5 .* has no 'split', but other rows have one"),
    (replaced(2, path="a/3.jpg"), r"1 of 5 frames are missing: .*a/3\.jpg"),
    ([], r"has no rows"),
  ],
)  # fmt: skip
def test_bad_rows_are_named(root, rows, message):
  with pytest.raises(InputError, match=message):
    load_dataset("folder", write(root / "m.csv", rows))


def test_missing_frames_may_be_left_unchecked(root):
  path = write(root / "m.csv", replaced(2, path="a/3.jpg"))
  assert len(load_dataset("folder", path, check_files=False).train) == 1


@pytest.mark.parametrize(
  ("file", "text", "message"),
  [
    (
      "m.csv",
      "paht,identity,camera,tracklet\n",
      r"header of .* has no 'path'.*rename 'paht' to 'path'",
    ),
    ("m.csv", "", r"header of .* has no 'path', only nothing"),
    ("m.jsonl", '{"path": "a/1.jpg"\n', r"line 1 of .*m.jsonl is not JSON"),
    ("m.jsonl", "[1]\n", r"line 1 of .* must be a JSON object"),
    ("m.jsonl", '\n{"path": ["a/1.jpg"]}\n', r"line 2 of .* has path \['a/1.jpg'\], which must be"),
    ("m.jsonl", '{"path": "a/1.jpg", "person": 1}\n', r"line 1 of .* has no 'identity'"),
  ],
)
def test_files_that_are_no_manifest(root, file, text, message):
  (root / file).write_text(text)
  with pytest.raises(InputError, match=message):
    load_dataset("folder", root / file)


def test_encodings_and_missing_manifests(root):
  (root / "m.csv").write_bytes(b"path,identity,camera,tracklet\n\xff\xfe,1,1,1\n")
  with pytest.raises(InputError, match=r"cannot be read .it is not UTF-8 text.: save it"):
    load_dataset("folder", root / "m.csv")
  with pytest.raises(InputError, match=re.escape(f"manifest {root / 'n.csv'} does not exist")):
    load_dataset("mars", root / "n.csv")
