"""Bad data ends in one clear sentence, before the training if possible.

Each case calls the modes' own functions, as the command does. `test_refused_commands.py` tests the
printed line and the exit status.
"""

import pathlib
import shutil

import layouts
import numpy as np
import pytest
import scipy.io
import tiny
from refusals import has, mars_config, refused, truncate, write_weights

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture
def mars(tiny_synthetic, tmp_path) -> pathlib.Path:
  """A copy of a sound set in MARS's layout, for a test to damage."""
  return shutil.copytree(tiny_synthetic, tmp_path / "mars")


def test_a_missing_data_directory(tmp_path):
  sentence = refused("train", mars_config(tmp_path / "nowhere"), tmp_path / "run")
  has(sentence, f"data directory {tmp_path / 'nowhere'} does not exist", "bbox_train", "data_dir")
  assert not (tmp_path / "run").exists()


def test_a_missing_info_file(mars, tmp_path):
  (mars / "info" / "tracks_train_info.mat").unlink()
  sentence = refused("train", mars_config(mars), tmp_path / "run")
  has(sentence, f"info file {mars / 'info' / 'tracks_train_info.mat'} is missing", "copy it")


def rewrite_rows(mars: pathlib.Path, change) -> None:
  """Changes `track_train_info` of the data set."""
  path = mars / "info" / "tracks_train_info.mat"
  rows = scipy.io.loadmat(path)["track_train_info"]
  change(rows)
  scipy.io.savemat(path, {"track_train_info": rows})


def test_a_row_that_points_past_the_names(mars, tmp_path):
  def change(rows):
    rows[-1, 1] = 5000

  rewrite_rows(mars, change)
  sentence = refused("train", mars_config(mars), tmp_path / "run")
  names = (mars / "info" / "train_name.txt").read_text().count("\n")
  has(sentence, "points past the names", "5000", f"{names:,} lines", "train_name.txt")


def test_an_empty_tracklet(mars, tmp_path):
  def change(rows):
    rows[2, 1] = rows[2, 0] - 1

  rewrite_rows(mars, change)
  sentence = refused("train", mars_config(mars), tmp_path / "run")
  has(sentence, "row 3 of", "tracks_train_info.mat", "is an empty tracklet", "remove the row")


def test_two_identities_in_one_tracklet(mars, tmp_path):
  rows = scipy.io.loadmat(mars / "info" / "tracks_train_info.mat")["track_train_info"]
  last = int(np.flatnonzero(rows[:, 2] == rows[0, 2])[-1])

  def change(rows):
    rows[last, 1] += 1  # Takes in the first frame of the next person.

  rewrite_rows(mars, change)
  line = int(rows[last, 1]) + 1
  name = (mars / "info" / "train_name.txt").read_text().split()[line - 1]
  sentence = refused("train", mars_config(mars), tmp_path / "run")
  has(
    sentence, f"row {last + 1} of", f"line {line} of", repr(name), "the tracklet holds 2 identities"
  )
  has(sentence, f"identity {int(rows[last, 2])}", "correct one of the two")


def test_a_missing_frame(mars, tmp_path):
  victims = sorted((mars / "bbox_train").rglob("*.jpg"))[3:5]
  for victim in victims:
    victim.unlink()
  sentence = refused("train", mars_config(mars), tmp_path / "run")
  has(sentence, "2 of ", "frames are missing", *victims)


def test_identities_with_one_tracklet(tmp_path):
  root = tmp_path / "set"
  for who, tracklets in ((1, 2), (2, 1), (3, 1), (4, 2)):
    for tracklet in range(tracklets):
      layouts.image(root / "train" / str(who) / str(tracklet + 1) / "0" / "0.jpg", (16, 32))
  for part, camera in (("query", 1), ("gallery", 2)):
    layouts.image(root / part / "9" / str(camera) / "0" / "0.jpg", (16, 32))
  config = tiny.config(root, data__name="folder")
  sentence = refused("train", config, tmp_path / "run")
  has(sentence, "2 of 4 training identities have one tracklet only (2, 3)")
  has(sentence, "data.single_tracklet", "drop or repeat")


def test_fewer_identities_than_a_batch_wants(tiny_synthetic, tmp_path):
  config = tiny.config(tiny_synthetic, train__identities_per_batch=7)
  sentence = refused("train", config, tmp_path / "run")
  has(sentence, "identities_per_batch is 7", "only 6 identities", "fewer identities")


@pytest.mark.parametrize("mode", ["train", "evaluate"])
def test_no_query_with_a_match(mars, tmp_path, mode):
  """The refusal comes before the training, not after it."""
  path = mars / "info" / "query_IDX.mat"
  first = scipy.io.loadmat(path)["query_IDX"].ravel()[0]
  rows = scipy.io.loadmat(mars / "info" / "tracks_test_info.mat")["track_test_info"]
  # Every tracklet of one person becomes a query: nothing of theirs is left in the gallery.
  of_one = np.flatnonzero(rows[:, 2] == rows[first - 1, 2]) + 1
  scipy.io.savemat(path, {"query_IDX": of_one[None]})
  weights = write_weights(tmp_path / "some.npz", tiny.config(mars)) if mode == "evaluate" else ""
  sentence = refused(mode, mars_config(mars, init__weights=str(weights)), tmp_path / "run")
  has(sentence, f"none of the {len(of_one)} queries of mars has a match under another camera")
  assert not (tmp_path / "run" / "scalars.jsonl").exists()


def test_a_truncated_jpeg_in_training(mars, tmp_path):
  # Every epoch draws this person; the sentence names the first clip drawn.
  frames = sorted(next(iter(sorted((mars / "bbox_train").iterdir()))).glob("*.jpg"))
  for frame in frames:
    truncate(frame)
  sentence = refused("train", mars_config(mars), tmp_path / "run")
  named = [frame for frame in frames if str(frame) in sentence]
  assert len(named) == 1, sentence
  has(sentence, f"tracklet '{named[0].name[:11]}'", "cannot be used", "on_unreadable='skip'")


def test_a_truncated_jpeg_in_evaluation(mars, tmp_path):
  weights = write_weights(tmp_path / "some.npz", tiny.config(mars))
  query = scipy.io.loadmat(mars / "info" / "query_IDX.mat")["query_IDX"].ravel()[0]
  rows = scipy.io.loadmat(mars / "info" / "tracks_test_info.mat")["track_test_info"]
  names = (mars / "info" / "test_name.txt").read_text().split()
  name = names[int(rows[query - 1, 1]) - 1]
  truncate(mars / "bbox_test" / name[:4] / name)
  sentence = refused("evaluate", mars_config(mars, init__weights=str(weights)), tmp_path / "run")
  has(sentence, mars / "bbox_test" / name[:4] / name, f"tracklet '{name[:11]}'", "cannot be used")
