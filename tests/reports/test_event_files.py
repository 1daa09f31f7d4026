"""Event files as TensorBoard itself reads them."""

import pathlib
import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cosam_jax.errors import InputError
from cosam_jax.reports.event_files import FOLDER, EventFiles
from cosam_jax.training.scalars import ScalarLog


def points(workdir):
  """Tag -> [(step, value)]."""
  read = EventAccumulator(str(workdir / FOLDER)).Reload()
  return {
    tag: [(event.step, pytest.approx(event.value)) for event in read.Scalars(tag)]
    for tag in read.Tags()["scalars"]
  }


def test_a_log_is_copied_and_a_continued_run_takes_back_what_it_writes_again(tmp_path):
  for first, steps, rate in ((1, range(1, 6), 0.1), (4, range(4, 8), 0.2)):
    log = ScalarLog(tmp_path / "scalars.jsonl", first, EventFiles(tmp_path, first).write)
    for step in steps:
      log.write(step, loss=step * rate, learning_rate=rate)
  found = points(tmp_path)
  assert found == {
    "loss/total": [(step, step * (0.1 if step < 4 else 0.2)) for step in range(1, 8)],
    "training/learning_rate": [(step, 0.1 if step < 4 else 0.2) for step in range(1, 8)],
  }


@pytest.mark.parametrize("name", ["plain", "caf\udce9 [a]\n'", "gs:", "-" * 255])
def test_values_are_there_when_write_returns(tmp_path, monkeypatch, name):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "read").symlink_to(tmp_path / name)
  events = EventFiles(pathlib.Path(name), 1)
  for step in (1, 2):
    events.write(step, mAP=0.5)
    assert points(tmp_path / "read")["validation/mAP"] == [(n, 0.5) for n in range(1, step + 1)]


def test_without_the_library_it_says_what_to_install(tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.event_file_writer", None)
  with pytest.raises(InputError, match=r"pip install 'cosam-jax\[tensorboard\]'"):
    EventFiles(tmp_path, 1)
