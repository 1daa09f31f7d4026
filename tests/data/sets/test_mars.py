"""MARS's index: the official numbers, contradictions quoted, vectorised checks against loops."""

import os
import pathlib
import re
import time

import layouts
import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st

from cosam_jax.data import load_dataset
from cosam_jax.data.expected import counts
from cosam_jax.data.sets import mars as mars_module
from cosam_jax.errors import InputError


def test_reads_a_directory_in_the_official_layout(tmp_path):
  tables = load_dataset("mars", layouts.mars(tmp_path))
  assert tables.train.names.tolist() == ["0001C1T0001", "0001C2T0001", "0007C1T0001", "0007C1T0002"]
  assert tables.train.lengths.tolist() == [3, 2, 4, 1]
  assert tables.train.cameras.tolist() == [1, 2, 1, 1]
  assert tables.train.labels().tolist() == [0, 0, 1, 1]
  assert tables.query.names.tolist() == ["0002C1T0001", "0002C2T0001"]
  assert tables.gallery.names.tolist() == ["0000C3T0001", "0002C2T0002", "0004C1T0001"]
  assert tables.gallery.identities.tolist() == [0, 2, 4]
  official = tables.gallery_with_queries()
  assert official.identities.tolist() == [0, 2, 2, 2, 4], "junk dropped, queries in, rows in order"
  frame = int(tables.query.frame_ids(0)[2])
  path = tmp_path / "bbox_test" / "0002" / "0002C1T0001F003.jpg"
  assert tables.query.frames.path(frame) == str(path)
  assert tables.query.frames.read(frame) == path.read_bytes()


def test_info_files_may_lie_in_the_directory_itself(tmp_path):
  tables = load_dataset("mars", layouts.mars(tmp_path, in_info=False))
  assert (len(tables.train), len(tables.query), len(tables.gallery)) == (4, 2, 3)


def test_the_official_index(shared):
  begin = time.perf_counter()
  tables = load_dataset("mars", shared / "data" / "mars_info", check_files=False)
  assert time.perf_counter() - begin < 10
  assert str(counts(tables.train)) == "8,298 tracklets of 625 identities"
  assert len(tables.query) == 1980
  assert tables.query.num_identities == 626
  assert len(tables.gallery) == 9330
  assert len(tables.official) == 9330 + 1980
  assert tables.warnings == ()
  assert tables.train.total_frames == 509_914
  assert (tables.gallery.identities == 0).sum() == 3248
  assert len(np.setdiff1d(tables.query.identities, tables.gallery.identities)) == 14
  store = tables.gallery.frames
  assert store.files.nbytes + store.folder_ids.nbytes < 24 * len(store)
  with pytest.raises(InputError, match=r"of 1,167,623 frames are missing: .*0001C1T0001F001"):
    load_dataset("mars", shared / "data" / "mars_info")


def test_the_official_rows_by_a_loop(shared):
  info = shared / "data" / "mars_info"
  tables = load_dataset("mars", info, check_files=False)
  lines = (info / "test_name.txt").read_text().split()
  rows = scipy.io.loadmat(info / "tracks_test_info.mat")["track_test_info"]
  kept = [row for row in rows.tolist() if row[2] != -1]
  for i in range(0, len(kept), 97):
    first, last, identity, camera = kept[i]
    names = [tables.official.frames.name(f) for f in tables.official.frame_ids(i)]
    assert [os.path.basename(name) for name in names] == lines[first - 1 : last]
    assert (tables.official.identities[i], tables.official.cameras[i]) == (identity, camera)


def test_real_frames(shared):
  tables = load_dataset("mars", shared / "data" / "mars_mini")
  assert (len(tables.train), len(tables.query), len(tables.gallery)) == (32, 18, 14)
  assert tables.train.total_frames == 1719
  for table in (tables.train, tables.query, tables.gallery):
    assert table.frames.read(int(table.frame_ids(len(table) - 1)[-1])).startswith(b"\xff\xd8")


@pytest.mark.parametrize("file", mars_module.INFO_FILES)
def test_a_missing_info_file_is_named(tmp_path, file):
  layouts.mars(tmp_path, with_frames=False)
  (tmp_path / "info" / file).unlink()
  with pytest.raises(InputError, match=rf"info file .*{re.escape(file)} is missing \(1 of 5 are\)"):
    load_dataset("mars", tmp_path)


def test_a_missing_directory_is_named(tmp_path):
  with pytest.raises(InputError, match=r"data directory .*nowhere does not exist.*bbox_train"):
    load_dataset("mars", tmp_path / "nowhere")
  (tmp_path / "file").touch()
  with pytest.raises(InputError, match="is a file, not a directory"):
    load_dataset("mars", tmp_path / "file")
  with pytest.raises(InputError, match="data_dir is empty"):
    load_dataset("mars", "")


def test_missing_frames_are_listed_and_counted(tmp_path):
  layouts.mars(tmp_path)
  for name in ("0007C1T0001F002", "0007C1T0001F003", "0007C1T0001F004", "0007C1T0002F001"):
    (tmp_path / "bbox_train" / "0007" / f"{name}.jpg").unlink()
  (tmp_path / "bbox_test" / "00-1" / "00-1C1T0001F001.jpg").unlink()  # Junk may be missing.
  with pytest.raises(InputError) as error:
    load_dataset("mars", tmp_path)
  assert re.match(
    r"4 of 22 frames are missing: .*F002\.jpg, .*F003\.jpg, .*F004\.jpg and 1 more",
    str(error.value),
  )
  assert len(load_dataset("mars", tmp_path, check_files=False).train) == 4


NAMES = [layouts.mars_name(1, 1, 1, f) for f in (1, 2)] + [
  layouts.mars_name(1, 2, 2, f) for f in (1, 2)
]
GOOD = [(1, 2, 1, 1), (3, 4, 1, 2)]


@pytest.mark.parametrize(
  ("names", "rows", "message"),
  [
    (
      NAMES,
      [(1, 2, 5, 1)],
      r"row 1 .*lines 1 to 2, identity 5, camera 1\) contradicts line 1 of "
      r".*train_name.txt, '0001C1T0001F001.jpg': identity 1, camera 1;",
    ),
    (
      NAMES,
      [GOOD[0], (3, 4, 1, 6)],
      r"row 2 .*camera 6\) contradicts line 3 .*'0001C2T0002F001.jpg'",
    ),
    (
      NAMES,
      [GOOD[0], (3, 5, 1, 2)],
      r"row 2 .*lines 3 to 5.* points past the names: .* has 4 lines",
    ),
    (NAMES, [(0, 2, 1, 1)], r"row 1 .* points past the names"),
    (NAMES, [GOOD[0], (4, 3, 1, 2)], r"row 2 .* is an empty tracklet"),
    ([NAMES[0], "0002C1T0001F002.jpg"], [(1, 2, 1, 1)], r"holds 2 identities"),
    (
      [NAMES[0], "0001C1T0002F001.jpg"],
      [(1, 2, 1, 1)],
      r"spans two tracklets .*'0001C1T0001F001.jpg', but line 2 is '0001C1T0002F001.jpg'",
    ),
    (
      [NAMES[0], "../0001/x.jpg"],
      [(1, 1, 1, 1)],
      r"line 2 .*'\.\./0001/x\.jpg', which leaves .*'\.\.'",
    ),
    (
      [NAMES[0], "/etc/passwd"],
      [(1, 1, 1, 1)],
      r"line 2 of .* is '/etc/passwd', which is absolute",
    ),
    ([NAMES[0], "", NAMES[1]], [(1, 1, 1, 1)], r"line 2 of .* is '', which is not a MARS name"),
    ([NAMES[0], "x" * 3_000_000], [(1, 1, 1, 1)], r"line 2 of .* is not a MARS name"),
    ([], [(1, 1, 1, 1)], r"train_name.txt cannot be read: it is empty"),
  ],
)
def test_an_index_that_contradicts_itself(tmp_path, names, rows, message):
  layouts.mars(tmp_path, with_frames=False)
  layouts.write_info(tmp_path / "info", names, rows, "train")
  with pytest.raises(InputError, match=message) as error:
    load_dataset("mars", tmp_path, check_files=False)
  assert len(str(error.value)) < 900
  assert "\n" not in str(error.value)


@pytest.mark.parametrize(
  ("query", "message"),
  [
    ([3, 7], r"query_IDX .* names row 7, but there are 6 test tracklets"),
    ([0], r"names row 0"),
    ([3, 4, 3], r"names row 3 twice"),
    ([1], r"names row 1, which is junk"),
  ],
)
def test_queries_that_cannot_be(tmp_path, query, message):
  layouts.mars(tmp_path, with_frames=False)
  scipy.io.savemat(tmp_path / "info" / "query_IDX.mat", {"query_IDX": np.array([query])})
  with pytest.raises(InputError, match=message):
    load_dataset("mars", tmp_path, check_files=False)


ALPHABET = st.sampled_from("0019-1CCTTFF..jpg/x2")
GOOD_NAMES = st.builds(
  lambda who, camera, t, f: f"{who}C{camera}T{t:04d}F{f:03d}.jpg",
  st.sampled_from(["00-1", "0000", "0017", "1501"]),
  st.integers(0, 9),
  st.integers(0, 9999),
  st.integers(0, 12345),
)


@st.composite
def nearly_names(draw):
  name = draw(GOOD_NAMES)
  if draw(st.booleans()):
    at = draw(st.integers(0, len(name) - 1))
    name = name[:at] + draw(st.text(ALPHABET, max_size=2)) + name[at + draw(st.integers(0, 2)) :]
  return name


@given(st.lists(nearly_names(), min_size=1, max_size=12))
def test_name_check_agrees_with_a_regular_expression(names):
  pattern = re.compile(r"(?:[0-9]{4}|00-1)C[0-9]T[0-9]{4}F[0-9]{3,}\.jpg")
  files = np.array([name.encode() for name in names], np.bytes_)
  good = [pattern.fullmatch(name) is not None for name in names]
  assert mars_module._well_formed(files).tolist() == good
  kept = [name for name, fine in zip(names, good) if fine]
  if kept:
    identities, cameras = mars_module.name_fields(np.array([k.encode() for k in kept], np.bytes_))
    assert identities.tolist() == [-1 if k[:4] == "00-1" else int(k[:4]) for k in kept]
    assert cameras.tolist() == [int(k[5]) for k in kept]


def contradicts_slowly(names, rows):
  for first, last, identity, camera in rows:
    if not (1 <= first <= last <= len(names)):
      return True
    for name in names[first - 1 : last]:
      who = -1 if name[:4] == "00-1" else int(name[:4])
      if (who, int(name[5])) != (identity, camera) or name[:11] != names[first - 1][:11]:
        return True
  return False


@given(st.data())
def test_row_check_agrees_with_a_loop(data):
  tracklets = data.draw(
    st.lists(
      st.tuples(
        st.sampled_from([-1, 0, 3]), st.integers(1, 2), st.integers(1, 2), st.integers(1, 3)
      ),
      min_size=1,
      max_size=5,
    )
  )
  names, rows = [], []
  for who, camera, tracklet, frames in tracklets:
    rows.append([len(names) + 1, len(names) + frames, who, camera])
    names += [layouts.mars_name(who, camera, tracklet, f) for f in range(frames)]
  if data.draw(st.booleans()):
    row = data.draw(st.integers(0, len(rows) - 1))
    rows[row][data.draw(st.integers(0, 3))] += data.draw(st.sampled_from([-1, 1]))
  files = np.array([name.encode() for name in names], np.bytes_)
  found = False
  try:
    mars_module.check_rows(files, np.array(rows), pathlib.Path("l"), pathlib.Path("m"))
  except InputError:
    found = True
  assert found == contradicts_slowly(names, rows)
