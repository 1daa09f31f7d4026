"""The synthetic set: same bytes for the same seed, MARS's layout, masks that fit, no easy cue."""

import errno
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import scipy.io
from PIL import Image

from cosam_jax.data import load_dataset
from cosam_jax.data.drawn.synthetic import MASKS_FOLDER, figure_mask_path, write_synthetic
from cosam_jax.errors import InputError

TINY = {
  "identities_train": 3,
  "identities_test": 10,
  "cameras": 2,
  "tracklets_per_camera": 2,
  "frames": (3, 5),
  "distractors": 2,
  "junk": 2,
}
SMALLEST = TINY | {"identities_train": 1, "identities_test": 1, "frames": (1, 2)}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> pathlib.Path:
  folder = tmp_path_factory.mktemp("synthetic") / "set"
  write_synthetic(folder, **TINY)
  return folder


def _hashes(folder: pathlib.Path) -> dict[str, str]:
  files = sorted(path for path in folder.rglob("*") if path.is_file())
  return {
    str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
  }


def _split(folder: pathlib.Path, split: str) -> tuple[list[str], np.ndarray]:
  names = (folder / "info" / f"{split}_name.txt").read_text().split()
  rows = scipy.io.loadmat(folder / "info" / f"tracks_{split}_info.mat")[f"track_{split}_info"]
  return names, rows


def _frame_paths(folder: pathlib.Path, split: str) -> list[list[pathlib.Path]]:
  names, rows = _split(folder, split)
  return [
    [folder / f"bbox_{split}" / name[:4] / name for name in names[first - 1 : last]]
    for first, last, _, _ in rows
  ]


def test_same_seed_same_bytes_and_another_seed_other_pictures(tmp_path):
  for name, seed in (("a", 5), ("b", 5), ("c", 6)):
    write_synthetic(tmp_path / name, **SMALLEST, seed=seed)
  first, again, other = (_hashes(tmp_path / name) for name in "abc")
  assert first == again
  picture = "bbox_test/0002/0002C1T0001F001.jpg"
  assert first[picture] != other[picture]


def test_rows_names_and_files_agree(tiny):
  for split, folders in (("train", 3), ("test", 12)):
    names, rows = _split(tiny, split)
    assert rows.shape == (2 * 2 * 3 if split == "train" else 2 * 2 * 10 + 4, 4)
    assert rows[0, 0] == 1
    assert rows[-1, 1] == len(names)
    assert (rows[1:, 0] == rows[:-1, 1] + 1).all()
    lengths = rows[:, 1] - rows[:, 0] + 1
    assert lengths.min() >= 3
    assert lengths.max() <= 5
    stems = set()
    for first, last, identity, camera in rows:
      prefix = "00-1" if identity == -1 else f"{identity:04d}"
      part = names[first - 1 : last]
      stem = part[0][:11]
      assert stem.startswith(f"{prefix}C{camera}T")
      assert part == [f"{stem}F{k:03d}.jpg" for k in range(1, len(part) + 1)]
      assert stem not in stems
      stems.add(stem)
    on_disk = sorted(path.name for path in (tiny / f"bbox_{split}").rglob("*.jpg"))
    assert on_disk == sorted(names)
    assert len(list((tiny / f"bbox_{split}").iterdir())) == folders
  with Image.open(_frame_paths(tiny, "test")[0][0]) as image:
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 128))


def test_everybody_is_seen_by_two_cameras_and_asked_for_once_in_each(tiny):
  for split in ("train", "test"):
    _, rows = _split(tiny, split)
    for identity in set(rows[:, 2]) - {0, -1}:
      assert len(set(rows[rows[:, 2] == identity, 3])) == 2
  _, rows = _split(tiny, "test")
  queries = scipy.io.loadmat(tiny / "info" / "query_IDX.mat")["query_IDX"].ravel()
  asked = [(rows[query - 1, 2], rows[query - 1, 3]) for query in queries]
  expected = {(identity, camera) for identity in range(4, 14) for camera in (1, 2)}
  assert len(asked) == len(expected)
  assert set(asked) == expected


def test_the_mars_reader_reads_it_without_a_warning(tiny):
  tables = load_dataset("synthetic", tiny)
  assert tables.warnings == ()
  assert (len(tables.train), len(tables.query), len(tables.gallery)) == (12, 20, 22)
  _, rows = _split(tiny, "train")
  np.testing.assert_array_equal(tables.train.identities, rows[:, 2])
  np.testing.assert_array_equal(tables.train.cameras, rows[:, 3])
  np.testing.assert_array_equal(tables.train.lengths, rows[:, 1] - rows[:, 0] + 1)
  first = _frame_paths(tiny, "train")[5][0]
  assert tables.train.frames.read(int(tables.train.frame_ids(5)[0])) == first.read_bytes()


def test_every_frame_has_a_mask_of_a_figure(tiny):
  shares = []
  for split in ("train", "test"):
    _, rows = _split(tiny, split)
    for row, paths in zip(rows, _frame_paths(tiny, split)):
      for path in paths:
        with Image.open(figure_mask_path(path)) as image:
          assert (image.format, image.mode, image.size) == ("PNG", "L", (64, 128))
          mask = np.asarray(image)
        assert set(np.unique(mask)) <= {0, 255}
        if row[2] == -1:
          continue  # A box that missed its person may be empty.
        shares.append((mask > 0).mean())
        if shares[-1] < 0.1:
          continue  # Almost hidden: the visible rest may lie anywhere.
        y, x = np.nonzero(mask)
        assert 0.2 * 64 < x.mean() < 0.8 * 64
        assert 0.2 * 128 < y.mean() < 0.8 * 128
  assert 0.2 < np.mean(shares) < 0.4
  assert max(shares) < 0.6
  # Passers-by may hide most of a person, but only for moments.
  assert np.mean(np.array(shares) > 0.1) > 0.85


def _rank1(features: np.ndarray, rows: np.ndarray, queries: np.ndarray) -> float:
  """Share of queries whose nearest tracklet of another camera is the same person."""
  hits = []
  for query in queries:
    best, who = np.inf, None
    for k, (_, _, identity, camera) in enumerate(rows):
      if k in queries or identity == -1 or camera == rows[query, 3]:
        continue
      distance = np.sum((features[k] - features[query]) ** 2)
      if distance < best:
        best, who = distance, identity
    hits.append(who == rows[query, 2])
  return float(np.mean(hits))


def test_clothes_tell_people_apart_but_the_colour_of_a_frame_does_not(tiny):
  _, rows = _split(tiny, "test")
  queries = scipy.io.loadmat(tiny / "info" / "query_IDX.mat")["query_IDX"].ravel() - 1
  means, around, clothes = [], [], []
  for paths in _frame_paths(tiny, "test"):
    frames = np.stack([np.asarray(Image.open(path), float) for path in paths])
    masks = np.stack([np.asarray(Image.open(figure_mask_path(path))) > 0 for path in paths])
    means.append(frames.mean((0, 1, 2)))
    light = frames[~masks].mean(0)
    around.append(light)
    # Mean colours of six bands from head to foot, relative to the light of the surroundings.
    bands = np.array_split(np.arange(128), 6)
    if masks.any():
      rows_seen = np.nonzero(masks.any((0, 2)))[0]
      bands = np.array_split(np.arange(rows_seen[0], rows_seen[-1] + 1), 6)
    vector = []
    for band in bands:
      inside = masks[:, band]
      colour = frames[:, band][inside].mean(0) if inside.any() else light
      vector.append(colour / light)
    clothes.append(np.concatenate(vector))
  assert _rank1(np.array(means), rows, queries) < 0.35
  assert _rank1(np.array(around), rows, queries) < 0.3
  assert _rank1(np.array(clothes), rows, queries) > 0.7


def test_the_same_set_is_kept_and_another_refused(tmp_path):
  folder = tmp_path / "set"
  folder.mkdir()  # An empty directory may be filled.
  write_synthetic(folder, **SMALLEST)
  marker = folder / "bbox_test" / "0002" / "0002C1T0001F001.jpg"
  before = marker.stat().st_mtime_ns
  write_synthetic(str(folder), **SMALLEST)
  assert marker.stat().st_mtime_ns == before
  with pytest.raises(InputError, match=r"seed 0 instead of 1.*another directory"):
    write_synthetic(folder, **SMALLEST, seed=1)
  record = folder / "info" / "synthetic.json"
  assert json.loads(record.read_text())["frames"] == [1, 2]
  record.write_text("{")
  with pytest.raises(InputError, match="cannot be read; delete"):
    write_synthetic(folder, **SMALLEST)
  record.unlink()
  with pytest.raises(InputError, match="holds other files"):
    write_synthetic(folder, **SMALLEST)
  with pytest.raises(InputError, match="is a file"):
    write_synthetic(marker, **SMALLEST)


def test_an_error_while_writing_leaves_nothing(tmp_path, monkeypatch):
  def full(self, *args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")

  monkeypatch.setattr(Image.Image, "save", full)
  with pytest.raises(InputError, match=r"No space left on device.*free some space"):
    write_synthetic(tmp_path / "set", **SMALLEST)
  assert list(tmp_path.iterdir()) == []


def test_a_killed_process_leaves_no_set_behind(tmp_path):
  folder = tmp_path / "set"
  program = (
    "from cosam_jax.data.drawn.synthetic import write_synthetic; import sys; "
    "write_synthetic(sys.argv[1], frames=(12, 24))"
  )
  process = subprocess.Popen([sys.executable, "-c", program, str(folder)])
  try:
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".set.part-*/bbox_train/0002")):
      assert process.poll() is None
      assert time.monotonic() < deadline
      time.sleep(0.02)
  finally:
    process.send_signal(signal.SIGKILL)
    process.wait()
  assert not folder.exists()
  (left,) = tmp_path.glob(".set.part-*")
  os.utime(left, (0, 0))  # The next run clears away a folder that is old.
  write_synthetic(folder, **SMALLEST)
  assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize(
  ("field", "value", "message"),
  [
    ("cameras", 1, "cameras must be a whole number from 2 to 9, not 1"),
    ("tracklets_per_camera", 1, "from 2 to 99"),
    ("identities_train", 2.5, "not 2.5"),
    ("seed", -1, "seed must be"),
    ("frames", (5, 3), "other way"),
    ("frames", (0, 3), "frames must be a whole number from 1"),
    ("image_size", (128,), "two whole numbers"),
    ("junk", True, "junk must be"),
  ],
)
def test_bad_settings_are_named(tmp_path, field, value, message):
  with pytest.raises(InputError, match=message):
    write_synthetic(tmp_path / "set", **(SMALLEST | {field: value}))
  assert list(tmp_path.iterdir()) == []


def test_another_image_size(tmp_path):
  write_synthetic(tmp_path / "set", **SMALLEST, image_size=(96, 40))
  paths = _frame_paths(tmp_path / "set", "train")[0]
  for path in (paths[0], figure_mask_path(paths[0])):
    with Image.open(path) as image:
      assert image.size == (40, 96)


def test_mask_paths():
  wanted = pathlib.Path("some/where", MASKS_FOLDER, "bbox_test/0025/0025C1T0001F001.png")
  assert figure_mask_path("some/where/bbox_test/0025/0025C1T0001F001.jpg") == wanted
  inside = figure_mask_path(pathlib.Path("bbox_train/0001/0001C1T0001F001.jpg"))
  assert inside == pathlib.Path("masks/bbox_train/0001/0001C1T0001F001.png")
  for bad in ("x.jpg", "elsewhere/0001/x.jpg"):
    with pytest.raises(InputError, match="has no mask"):
      figure_mask_path(bad)
