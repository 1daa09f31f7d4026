"""Frames that Pillow reads on threads are those of TensorFlow's graph, in its order."""

import gc
import threading

import layouts
import numpy as np
import pytest

from cosam_jax.data import load_dataset
from cosam_jax.data.augmentation import Augmentation, Preprocess
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.pipeline import evaluation_batches
from cosam_jax.data.threaded_frames import BY_PILLOW, frames_of_steps
from cosam_jax.errors import InputError

OPTIONS = {"num_frames": 3, "batch_clips": 2, "image_size": (24, 12)}


@pytest.fixture
def table(tmp_path):
  """Three tracklets of seven frames, of other sizes and colours."""
  for split, identities in (("train", 3), ("query", 1), ("gallery", 1)):
    for identity in range(1, identities + 1):
      for frame in range(7):
        place = tmp_path / split / str(identity) / "1" / "t" / f"{frame}.png"
        layouts.image(place, color=(10 * frame, 50 * identity, 90), size=(20 + frame, 40))
  return load_dataset("folder", tmp_path).train


def same(found, wanted):
  found, wanted = list(found), list(wanted)
  assert len(found) == len(wanted) > 2
  for a, b in zip(found, wanted):
    np.testing.assert_allclose(a.clips, b.clips, atol=2e-4)
    np.testing.assert_array_equal(a.valid, b.valid)
    np.testing.assert_array_equal(a.tracklets, b.tracklets)


@pytest.mark.parametrize("threads", [None, 1, 5])
def test_batches_are_those_of_tensorflow(table, threads):
  found = evaluation_batches(table, **OPTIONS, decoder=BY_PILLOW, threads=threads)
  same(found, evaluation_batches(table, **OPTIONS))


def test_unreadable_frames_are_skipped_and_counted(table):
  first = table.frame_ids(1)[2]
  with open(table.frames.name(int(first)), "wb") as file:
    file.write(b"\x89PNG no more")
  ours = evaluation_batches(table, **OPTIONS, decoder=BY_PILLOW, on_unreadable="skip")
  same(ours, evaluation_batches(table, **OPTIONS, on_unreadable="skip"))
  assert ours.skipped == 1
  with pytest.raises(InputError, match=r"2\.png of tracklet '2/1/t' cannot be used: its PNG data"):
    list(evaluation_batches(table, **OPTIONS, decoder=BY_PILLOW))


def test_a_frame_is_decoded_once_in_a_clip_that_repeats_it(table):
  read = []
  store = table.frames

  class Counting:
    def __len__(self):
      return len(store)

    def name(self, frame):
      return store.name(frame)

    def read(self, frame):
      read.append(frame)
      return store.read(frame)

  class Clip:
    frames = np.array([[4, 5, 4, 5, -1]])

  steps = frames_of_steps(
    Counting(), lambda step: Clip, Preprocess((8, 4), None), first=0, last=1, seed=0, skip=False,
    threads=2,
  )  # fmt: skip
  ((images, valid),) = steps
  assert sorted(read) == [4, 5]
  assert valid.tolist() == [True] * 4 + [False]
  np.testing.assert_array_equal(images[0], images[2])
  assert not images[4].any()
  assert images[0].any()


def test_nothing_is_augmented(table):
  with pytest.raises(ValueError, match="not augmented"):
    next(
      frames_of_steps(
        table.frames, lambda step: None, Preprocess((8, 4), Augmentation()), first=0, last=1,
        seed=0, skip=False, threads=1,
      )
    )  # fmt: skip


def test_frames_come_as_floats(table):
  preprocess = Preprocess((8, 4), None, pixels="uint8")
  with pytest.raises(ValueError, match="floats"):
    next(
      frames_of_steps(
        table.frames, lambda step: None, preprocess, first=0, last=1, seed=0, skip=False, threads=1
      )
    )


def test_its_threads_end_with_the_batches(table):
  before = threading.active_count()
  batches = evaluation_batches(table, **OPTIONS, decoder=BY_PILLOW)
  next(batches)
  assert any(thread.name.startswith("frames") for thread in threading.enumerate())
  reader = next(t for t in threading.enumerate() if t.name == "batches")
  del batches
  gc.collect()
  reader.join(20)
  assert threading.active_count() <= before


def test_tensorflow_is_not_asked(table, monkeypatch):
  def never(*_, **__):
    raise AssertionError("TensorFlow was asked")

  monkeypatch.setattr(tf.io, "decode_jpeg", never)
  monkeypatch.setattr(tf.data.Dataset, "range", never)
  assert len(list(evaluation_batches(table, **OPTIONS, decoder=BY_PILLOW))) > 2
