"""Reading waits for a data directory that goes away, then fails; no missing file is waited for."""

import errno
import os
import threading
import time

import layouts
import numpy as np
import pytest

from cosam_jax.data import load_dataset, outages, pipeline
from cosam_jax.errors import InputError


@pytest.fixture
def root(tmp_path):
  root = tmp_path / "set"
  for split, camera in (("train", 1), ("query", 1), ("gallery", 2)):
    for frame in range(24):
      color = (10 * frame, 50, 90)
      layouts.image(root / split / "1" / str(camera) / "t" / f"{frame}.png", color=color)
  return root


def batches(root, **options):
  table = load_dataset("folder", root).train
  # One clip holds all frames, so that nothing can have been read ahead.
  return pipeline.evaluation_batches(
    table, num_frames=24, batch_clips=1, image_size=(16, 8), **options
  )


def back_once(missed, move):
  """Moves the directory back a moment after it was missed, or after a minute at the latest."""

  def wait():
    end = time.monotonic() + 60
    while not missed() and time.monotonic() < end:
      time.sleep(0.05)
    time.sleep(0.3)
    move()

  thread = threading.Thread(target=wait)
  thread.start()
  return thread


@pytest.mark.parametrize("policy", ["error", "skip"])
@pytest.mark.parametrize("mount_point", [False, True])
def test_a_directory_that_comes_back_shows_nowhere(root, policy, mount_point, caplog):
  wanted = next(batches(root))
  away = root.with_name("away")
  found = batches(root, on_unreadable=policy, retry_seconds=60)
  root.rename(away)
  if mount_point:
    root.mkdir()

  def back():
    if mount_point:
      root.rmdir()
    away.rename(root)

  thread = back_once(lambda: "the data directory" in caplog.text, back)
  batch = next(found)
  thread.join()
  np.testing.assert_array_equal(batch.clips, wanted.clips)
  assert batch.valid.all()
  assert found.skipped == 0
  assert f"the data directory {root} " in caplog.text
  assert "waiting up to 60 seconds" in caplog.text


@pytest.mark.parametrize("policy", ["error", "skip"])
def test_a_directory_that_stays_away_is_an_error(root, policy):
  found = batches(root, on_unreadable=policy, retry_seconds=1)
  root.rename(root.with_name("away"))
  began = time.monotonic()
  with pytest.raises(InputError, match=r"set cannot be read .*, for 1 seconds now .*run the same"):
    next(found)
  assert 1 <= time.monotonic() - began < 60


@pytest.mark.parametrize("policy", ["error", "skip"])
def test_a_missing_file_is_not_waited_for(root, policy):
  found = batches(root, on_unreadable=policy, retry_seconds=600)
  (root / "train" / "1" / "1" / "t" / "3.png").unlink()
  if policy == "error":
    with pytest.raises(InputError, match=r"3\.png of tracklet '1/1/t' .*no such file"):
      next(found)
  else:
    assert next(found).valid.sum() == 23
    assert found.skipped == 1


def test_errors_of_the_disk_are_told_from_those_of_a_file(root, monkeypatch):
  store = load_dataset("folder", root).train.frames
  for number, away in ((errno.ESTALE, True), (errno.EIO, True), (errno.EACCES, False)):

    def fail(*arguments, number=number):
      raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
      patch.setattr("os.open", fail)
      reason = outages.outage(store, 0)
    assert (reason is not None) == away
    if reason:
      assert reason == f"the data directory {root} cannot be read ({os.strerror(number)})"


def test_pauses_double_up_to_half_a_minute(monkeypatch):
  now, pauses = [0.0], []

  def sleep(seconds):
    pauses.append(seconds)
    now[0] += seconds

  monkeypatch.setattr(outages.time, "monotonic", lambda: now[0])
  with pytest.raises(InputError, match=r"^gone, for 100 seconds now"):
    outages.wait_for_return(lambda: "gone", 100, sleep)
  assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 8.5]
