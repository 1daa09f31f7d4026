"""calibration.json: written and read back; damaged, foreign and inconsistent files are refused."""

import json

import labelled
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibration import Wishes, calibrate
from cosam_jax.evaluation.calibration_files import read_calibration, write_calibration
from cosam_jax.evaluation.error_rates import NEVER


@pytest.fixture(scope="module")
def calibration():
  return calibrate(
    labelled.embeddings(), "sqeuclidean", Wishes(fmr=(0.1, 0.02), rank=3, resamples=100)
  )


@pytest.fixture
def file(calibration, tmp_path):
  write_calibration(tmp_path / "calibration.json", calibration, "python -m ...")
  return tmp_path / "calibration.json"


def test_it_is_read_as_it_was_written(calibration, file):
  assert read_calibration(file) == calibration
  content = json.loads(file.read_text())
  assert content["format"] == 1
  assert content["command"] == "python -m ..."
  assert content["made"].startswith("20")
  write_calibration(file, calibration)  # One of ours may be replaced.
  assert read_calibration(str(file)) == calibration
  assert read_calibration(file.parent) == calibration
  with pytest.raises(InputError, match=r"calibration\.json cannot be read .No such file"):
    read_calibration(file.parent.parent)


def test_a_threshold_that_no_distance_meets_is_read(tmp_path):
  """All vectors of two people are equal, so no threshold keeps them apart."""
  vectors, people, cameras = labelled.drawn()
  made = labelled.embeddings((np.ones_like(vectors), people, cameras))
  found = calibrate(made, "sqeuclidean", Wishes(fmr=(0.1,), rank=3, resamples=100))
  assert found.threshold == NEVER
  write_calibration(tmp_path / "c.json", found)
  assert read_calibration(tmp_path / "c.json") == found


def test_a_users_file_is_not_replaced(calibration, tmp_path):
  for text in ("{}", "notes", '{"format": 1}'):
    (tmp_path / "calibration.json").write_text(text)
    with pytest.raises(InputError, match="would be replaced, and this program did not write it"):
      write_calibration(tmp_path / "calibration.json", calibration)
    assert (tmp_path / "calibration.json").read_text() == text


def test_a_folder_that_cannot_be_written_to(calibration, tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(InputError, match="the calibration could not be written to"):
    write_calibration(tmp_path / "file" / "calibration.json", calibration)


def put(content, name, value):
  """Sets the value at a dotted name; numbers are places in lists."""
  *path, last = (int(part) if part.isdigit() else part for part in name.split("."))
  for part in path:
    content = content[part]
  content[last] = value


@pytest.mark.parametrize(
  ("name", "value", "words"),
  [
    ("format", 2, "calibrations of format '2' and this program reads format 1"),
    ("points", [], "points is empty"),
    ("points", 3, "cannot be used"),
    ("points.0.threshold", "far", r"points\[0\].threshold is 'far', and no number"),
    ("points.0.threshold", 1e9, r"points\[0\].threshold is 1e\+09, at which det has other rates"),
    ("points.0.threshold", -5, r"points\[0\].threshold is -5, at which det has other rates"),
    ("points.1.threshold", 3.0, r"points\[1\].threshold is 3, at which det has other rates"),
    ("points.0.fnmr", 0.99, r"points\[0\].threshold is .*, at which det has other rates"),
    ("points.0.fmr", 1.5, r"points\[0\].fmr is 1.5, and a rate is from 0 to 1"),
    ("points.1.fnmr", None, r"points\[1\].fnmr is 'None', and no number"),
    ("points.0.fmr_interval", 3, "cannot be used"),
    ("points.0.other", 3, "cannot be used"),
    ("prior", 0, "prior is 0"),
    ("prior", True, "prior is 'True', and no number"),
    ("det", [], "det is not an object"),
    ("det.fmr.3", 0.9, "det does not rise in fmr"),
    ("det.fmr", [0.1], "not of one length"),
    ("det.distance.0", 1e9, "det.distance does not ascend"),
    ("det.fmr.0", "x", "det.fmr is 'x', and no number"),
    ("likelihood.ratio.0", -1, "likelihood.ratio does not fall, or is not above 0"),
    ("likelihood", {}, "it lacks 'distance'"),
    ("network", 3, "network is not an object"),
    ("network.distance", "far", "network.distance is 'far'"),
    ("comparisons.compared", "some", "comparisons.compared is 'some'"),
    ("comparisons.smallest_fmr", 7, "comparisons.smallest_fmr is 7"),
    ("data.identities", "many", "data.identities is many"),
    ("data.dataset", 3, "data.dataset is not a text"),
    ("data.learned", "no", "data.learned is 'no'"),
  ],
)
def test_what_no_calibration_has_is_named(file, name, value, words):
  content = json.loads(file.read_text())
  put(content, name, value)
  file.write_text(json.dumps(content))
  with pytest.raises(InputError, match=words) as raised:
    read_calibration(file)
  assert str(file) in str(raised.value)
  assert "\n" not in str(raised.value)


@pytest.mark.parametrize("part", ["network", "data", "prior", "identification", "uncertainty"])
def test_what_is_missing_is_named(file, part):
  content = json.loads(file.read_text())
  del content[part]
  file.write_text(json.dumps(content))
  with pytest.raises(InputError, match=f"it lacks '{part}'"):
    read_calibration(file)


@pytest.mark.parametrize(
  ("text", "words"),
  [
    ("", "it is not JSON"),
    ("[]", "is no calibration"),
    ('{"results": []}', "is no calibration"),
    ("{" * 9, "it is not JSON"),
    ('{"format": NaN}', "is not a finite number"),
  ],
)
def test_other_files_are_refused(text, words, tmp_path):
  (tmp_path / "c.json").write_text(text)
  with pytest.raises(InputError, match=words):
    read_calibration(tmp_path / "c.json")
  with pytest.raises(InputError, match="cannot be read"):
    read_calibration(tmp_path / "nowhere.json")


def test_a_file_cut_short_is_refused(file):
  whole = file.read_bytes()
  for length in range(0, len(whole) - 3, 997):
    file.write_bytes(whole[:length])
    with pytest.raises(InputError):
      read_calibration(file)
