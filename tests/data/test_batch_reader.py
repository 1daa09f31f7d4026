"""Batches through interrupted waits, and processes that end while frames are read."""

import dataclasses
import gc
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time

import chex
import layouts
import numpy as np
import pytest

from cosam_jax.data import batch_reader, load_dataset, pipeline, stream
from cosam_jax.data.batches import BatchPlan
from cosam_jax.errors import InputError

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZE = (16, 8)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
  """Four identities in two cameras, twelve frames a tracklet."""
  root = tmp_path_factory.mktemp("set")
  for split, cameras in (("train", (1, 2)), ("query", (1,)), ("gallery", (2,))):
    for identity in range(1, 5):
      for camera in cameras:
        for frame in range(12):
          path = root / split / str(identity) / str(camera) / "t" / f"{frame}.png"
          layouts.image(path, color=(10 * frame, 50 * identity, 90 * camera))
  return root


@pytest.fixture
def plan(root):
  return BatchPlan(load_dataset("folder", root).train, 2, 2, num_frames=3, seed=1)


def same(a, b):
  return chex.assert_trees_all_equal(dataclasses.asdict(a), dataclasses.asdict(b))


class Interrupt(Exception):
  """The signal handler raises it."""


@pytest.mark.parametrize("policy", ["error", "skip"])
def test_waits_that_are_broken_off_lose_no_batch(plan, policy):
  steps = 60
  wanted = list(pipeline.training_batches(plan, image_size=SIZE, last_step=steps))

  def interrupt(number, frame):
    # Elsewhere, an interrupt may lose a batch that the caller was just given; we cannot help it.
    if frame.f_code.co_filename == batch_reader.__file__:
      raise Interrupt

  found, interrupts, rng = [], 0, np.random.default_rng()
  deadline = time.monotonic() + 60
  before = signal.signal(signal.SIGALRM, interrupt)
  try:
    batches = pipeline.training_batches(
      plan, image_size=SIZE, last_step=steps, on_unreadable=policy
    )
    while len(found) < steps and time.monotonic() < deadline:
      signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-6, 2e-3))
      try:
        found.append(next(batches))
      except Interrupt:
        interrupts += 1
      signal.setitimer(signal.ITIMER_REAL, 0)
  finally:
    signal.signal(signal.SIGALRM, before)
  assert interrupts
  assert len(found) == steps
  assert next(batches, None) is None
  for a, b in zip(found, wanted, strict=True):
    same(a, b)


def test_the_main_thread_never_asks_tensorflow(plan, monkeypatch):
  threads = []

  def watched(*arguments, **options):
    threads.append(threading.current_thread())
    dataset = frame_batches(*arguments, **options)

    class Watched:
      def as_numpy_iterator(self):
        for found in dataset.as_numpy_iterator():
          threads.append(threading.current_thread())
          yield found

    return Watched()

  frame_batches = stream.frame_batches
  monkeypatch.setattr(stream, "frame_batches", watched)
  batches = list(pipeline.training_batches(plan, image_size=SIZE, last_step=3))
  assert len(batches) == 3
  assert len(threads) == 4
  assert len(set(threads)) == 1
  assert threads[0] is not threading.main_thread()


def readers():
  return [thread for thread in threading.enumerate() if thread.name == "batches"]


@pytest.mark.parametrize("failing", [False, True])
def test_the_thread_ends_with_its_batches(plan, monkeypatch, failing):
  gc.collect()
  before = set(readers())
  batches = pipeline.training_batches(plan, image_size=SIZE, last_step=3)
  next(batches)
  assert len(set(readers()) - before) == 1
  if failing:
    monkeypatch.setattr(
      batch_reader._Reader, "_frames_of", lambda *arguments: (_ for _ in ()).throw(KeyError("bug"))
    )
    with pytest.raises(KeyError, match="bug") as caught:
      next(batches)
    assert "in _frames_of" not in str(caught.value)
    assert "in _read" in caught.value.__notes__[0]
    del caught
  del batches  # Nothing else may hold it: the thread ends without a garbage collection.
  deadline = time.monotonic() + 60
  while set(readers()) - before and time.monotonic() < deadline:
    time.sleep(0.01)
  assert not set(readers()) - before


def test_after_an_error_the_batch_can_be_asked_for_again(plan):
  missing = pathlib.Path(plan.table.frames.path(int(plan.batch(0).frames[0, 0])))
  data = missing.read_bytes()
  batches = pipeline.training_batches(plan, image_size=SIZE, last_step=2)
  missing.unlink()
  for _ in range(2):
    with pytest.raises(InputError, match="there is no such file"):
      next(batches)
  missing.write_bytes(data)
  for a, b in zip(
    batches, pipeline.training_batches(plan, image_size=SIZE, last_step=2), strict=True
  ):
    same(a, b)


END = """
import signal, sys, time
from cosam_jax.data import load_dataset, pipeline
from cosam_jax.data.batches import BatchPlan

class Slow:
  def __init__(self, store):
    self.store = store
  def __len__(self):
    return len(self.store)
  def name(self, frame):
    return str(frame)
  def read(self, frame):
    time.sleep(0.02)
    return self.store.read(frame)

import dataclasses
table = load_dataset("folder", sys.argv[1]).train
slow = dataclasses.replace(table, frames=Slow(table.frames))
batches = pipeline.training_batches(BatchPlan(slow, 2, 2, num_frames=3), image_size=(16, 8))
def stop(number, frame):
  raise KeyboardInterrupt
signal.signal(signal.SIGALRM, stop)
next(batches)
"""


def end(root, body, seconds=60):
  """Runs a script that has read one batch of many and goes on with `body`."""
  return subprocess.run(
    [sys.executable, "-c", END + textwrap.dedent(body), root],
    cwd=ROOT,
    env=os.environ | {"PYTHONPATH": str(ROOT)},
    capture_output=True,
    text=True,
    timeout=seconds,
  )


@pytest.mark.slow
@pytest.mark.parametrize(
  ("body", "status", "last"),
  [
    ("print('done', flush=True); sys.exit(3)", 3, "done"),
    pytest.param(
      """
      signal.setitimer(signal.ITIMER_REAL, 0.05)
      try:
        for batch in batches: pass
      except KeyboardInterrupt:
        print('stopped')
      """,
      0,
      "stopped",
      marks=pytest.mark.slow,
    ),
  ],
)
def test_a_process_may_end_while_frames_are_read(root, body, status, last):
  done = end(root, body)
  assert (done.returncode, done.stdout.strip(), done.stderr) == (status, last, "")


@pytest.mark.slow
def test_a_process_need_not_wait_for_a_directory_that_is_away(root, tmp_path):
  away = tmp_path / "away"
  os.symlink(root, tmp_path / "set")
  done = end(
    tmp_path / "set",
    f"""
    import os
    found = pipeline.training_batches(
      BatchPlan(table, 2, 2, num_frames=3), image_size=(16, 8), retry_seconds=1000
    )
    os.rename({str(tmp_path / "set")!r}, {str(away)!r})
    signal.setitimer(signal.ITIMER_REAL, 2)
    try:
      next(found)
    except KeyboardInterrupt:
      print('stopped')
    """,
  )
  assert (done.returncode, done.stdout) == (0, "stopped\n")
  assert "waiting up to 1000 seconds" in done.stderr
