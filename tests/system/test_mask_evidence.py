"""What a cell's numbers tell of the person, by the script that asks trained networks."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))
import mask_evidence  # noqa: E402

CELLS = 12


def person(seed, frames=6):
  """Cells of a person whose place differs from frame to frame; one statistic knows the person."""
  rng = np.random.default_rng(seed)
  share = (rng.permuted(np.tile(np.arange(CELLS) < 5, (frames, 1)), axis=1)).astype(float)
  statistics = rng.normal(size=(frames, CELLS, 3))
  statistics[..., 1] = -share + 0.01 * rng.normal(size=share.shape)
  descriptor = rng.normal(size=(frames, CELLS, 4)) + share[..., None] * np.array([0, 9, 0, 0])
  return {
    "share": share,
    "mask": np.full(share.shape, 0.5),
    "statistics": statistics,
    "descriptor": descriptor,
  }


def test_what_knows_the_person_is_told_from_what_does_not():
  own, *others = map(person, range(5))
  areas = mask_evidence.areas_of(own, others)
  assert set(areas) == {
    "mask", "mean mask", "where others are", *mask_evidence.STATISTICS, "correlations", "descriptor"
  }  # fmt: skip
  # The sign of a statistic is learned from the others, as are the weights of a regression.
  for name in ("mean", "correlations", "descriptor"):
    assert areas[name] == pytest.approx(1, abs=0.01)
  assert areas["mask"] == areas["mean mask"] == 0.5
  for name in ("highest", "entropy", "where others are"):
    assert 0.2 < areas[name] < 0.8


def test_cells_that_are_partly_the_persons_do_not_count():
  kept, truth = mask_evidence._labelled(np.array([[0.0, 0.25, 0.3, 0.7, 0.75, 1.0]]))
  assert kept.tolist() == [[True, True, False, False, True, True]]
  assert truth.tolist() == [False, False, True, True]


def test_a_call_that_asks_nothing_is_refused():
  done = subprocess.run(
    [sys.executable, str(ROOT / "benchmarks" / "mask_evidence.py"), "--run=none"],
    capture_output=True, text=True, check=False,
  )  # fmt: skip
  assert done.returncode == 2
  assert "error: give --people, --data_dir or both" in done.stderr
