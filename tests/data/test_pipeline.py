"""Batches of images against a slow loop, resuming, threads, and frames that cannot be read."""

import dataclasses
import itertools
import logging as python_logging
import os

import numpy as np
import pytest
from PIL import Image

from cosam_jax.data import load_dataset, pipeline
from cosam_jax.data.augmentation import Address, Augmentation, Preprocess
from cosam_jax.data.batches import BatchPlan, EvaluationPlan
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.tracklets import FilePaths, TrackletTable, concatenate
from cosam_jax.errors import InputError

SIZE = (32, 16)
# As published; as in later recipes; and everything that can be drawn for a frame.
AUGMENTATIONS = [
  Augmentation(),
  Augmentation("clip", "none", erase=0.5, erase_per="clip"),
  Augmentation("frame", "enlarged", erase=0.7, erase_per="frame", jitter=0.4),
]


class Memory:
  """The same frames as a table of files, but handed over as bytes, like packed records."""

  def __init__(self, store):
    self.store = store
    self.reads = []

  def __len__(self):
    return len(self.store)

  def name(self, frame):
    return f"record {frame}"

  def read(self, frame):
    self.reads.append(frame)
    return self.store.read(frame)


@pytest.fixture
def table(tmp_path):
  """5 identities with 2 tracklets each of 1 .. 11 frames; JPEG and PNG, two sizes."""
  rng = np.random.default_rng(0)
  lengths = np.array([1, 5, 4, 8, 11, 3, 2, 7, 6, 9])
  files, folders = [], []
  for i, length in enumerate(lengths):
    (tmp_path / f"tracklet é {i}").mkdir()
    folders.append(os.fsencode(f"tracklet é {i}"))
    for j in range(length):
      shape = (40, 20, 3) if i % 2 else (*SIZE, 3)
      image = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
      name = f"{j:03d}." + ("png" if j % 3 == 2 else "jpg")
      image.save(tmp_path / f"tracklet é {i}" / name)
      files.append(name.encode())
  store = FilePaths(tmp_path, np.array(folders), np.repeat(np.arange(10), lengths), np.array(files))
  return TrackletTable(
    frames=store,
    starts=np.cumsum(lengths) - lengths,
    lengths=lengths,
    identities=np.arange(10) // 2 * 3,
    cameras=np.arange(10) % 2,
    names=[f"t{i}" for i in range(10)],
  )


def make_plan(table, **options):
  return BatchPlan(
    table, **{"identities_per_batch": 2, "instances": 2, "num_frames": 3, "seed": 4, **options}
  )


def take(plan, **options):
  return list(pipeline.training_batches(plan, image_size=SIZE, **options))


def assert_same(a, b):
  for field in dataclasses.fields(a):
    np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name))


def damage(table, frame, data=None):
  """Cuts the file of a frame in half, or replaces its content by `data`."""
  path = table.frames.path(frame)
  with open(path, "rb") as file:
    whole = file.read()
  with open(path, "wb") as file:
    file.write(whole[: len(whole) // 2] if data is None else data)
  return path


@pytest.mark.parametrize("how", [*AUGMENTATIONS, Augmentation("clip")])
@pytest.mark.parametrize("resize_method", ["bilinear", "bicubic"])
def test_batches_are_what_a_slow_loop_makes(table, how, resize_method):
  plan, preprocess = make_plan(table), Preprocess(SIZE, how, resize_method)
  batches = take(plan, last_step=3, augmentation=how, resize_method=resize_method)
  for step, batch in enumerate(batches):
    wanted = plan.batch(step)
    np.testing.assert_array_equal(batch.labels, wanted.labels)
    assert batch.clips.shape == (4, 3, *SIZE, 3)
    assert batch.clips.dtype == np.float32
    assert batch.valid.all()
    for b, t in itertools.product(range(4), range(3)):
      with open(table.frames.path(wanted.frames[b, t]), "rb") as file:
        data = tf.constant(file.read())
      wanted_image = preprocess(data, Address(plan.seed, step, b, 3 * b + t)).numpy()
      np.testing.assert_allclose(batch.clips[b, t], wanted_image, atol=1e-5)


def test_clips_augmented_as_one_show_the_same_crop_of_the_same_frame(table):
  one = table.select([0, 6])  # one frame, repeated three times
  plan = make_plan(one, identities_per_batch=1, instances=1)
  together = take(plan, last_step=12, augmentation=Augmentation("clip"))
  together = [b for b in together if b.labels[0] == 0]
  apart = [b for b in take(plan, last_step=12) if b.labels[0] == 0]
  assert together
  for batch in together:
    assert (batch.clips == batch.clips[:, :1]).all()
  assert not all((batch.clips == batch.clips[:, :1]).all() for batch in apart)


def test_starting_at_a_step_gives_the_batches_of_a_run_from_zero(table):
  plan = make_plan(table)
  whole = take(plan, last_step=6)
  for a, b in zip(whole[4:], take(plan, first_step=4, last_step=6), strict=True):
    assert_same(a, b)
  endless = pipeline.training_batches(plan, image_size=SIZE, first_step=5)
  assert_same(whole[5], next(endless))
  assert next(endless).clips.shape == whole[0].clips.shape


@pytest.mark.parametrize("how", AUGMENTATIONS)
def test_threads_sources_and_policies_do_not_show_in_a_batch(table, how):
  whole = take(make_plan(table), last_step=4, augmentation=how)
  packed = make_plan(dataclasses.replace(table, frames=Memory(table.frames)))
  others = [
    take(make_plan(table), last_step=4, augmentation=how, threads=1),
    take(make_plan(table), last_step=4, augmentation=how, threads=7),
    take(make_plan(table), last_step=4, augmentation=how, on_unreadable="skip"),
    take(make_plan(table), last_step=4, augmentation=how, on_unreadable="skip", threads=1),
    take(packed, last_step=4, augmentation=how),
    take(packed, last_step=4, augmentation=how, on_unreadable="skip", threads=5),
  ]
  for other in others:
    for a, b in zip(whole, other, strict=True):
      assert_same(a, b)


def test_only_the_frames_of_clips_are_read(table):
  store = Memory(table.frames)
  plan = make_plan(dataclasses.replace(table, frames=store))
  take(plan, last_step=2)
  wanted = np.concatenate([plan.batch(step).frames.ravel() for step in range(2)])
  assert sorted(store.reads) == sorted(wanted.tolist())


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_without_augmentation_frames_are_only_resized(table, method):
  plan = make_plan(table, frame_selection="evenly")
  batch = take(plan, last_step=1, augmentation=None, resize_method=method)[0]
  frame = plan.batch(0).frames[0, 0]
  with open(table.frames.path(frame), "rb") as file:
    expected = Preprocess(SIZE, None, method)(tf.constant(file.read()), Address(0, 0, 0, 0))
  np.testing.assert_allclose(batch.clips[0, 0], expected.numpy(), atol=1e-6)


def test_evaluation_covers_every_frame_and_fills_the_last_batch_only(table):
  batches = list(pipeline.evaluation_batches(table, num_frames=4, batch_clips=8, image_size=SIZE))
  plan = EvaluationPlan(table, 4, 8)
  assert len(batches) == plan.num_batches == 3
  for number, batch in enumerate(batches):
    assert batch.clips.shape == (8, 4, *SIZE, 3)
    np.testing.assert_array_equal(batch.tracklets, plan.batch(number).tracklets)
    np.testing.assert_array_equal(batch.valid, (batch.tracklets >= 0)[:, None] & np.ones(4, bool))
    assert (batch.clips[batch.tracklets < 0] == 0).all()
    assert number == 2 or (batch.tracklets >= 0).all()
  assert (batches[2].tracklets < 0).any()
  first = batches[0].clips[0]  # one frame, four times
  assert (first == first[0]).all()
  few = pipeline.evaluation_batches(
    table, num_frames=4, batch_clips=8, image_size=SIZE, frames_per_tracklet=4
  )
  assert sorted(np.concatenate([b.tracklets for b in few]).tolist())[-10:] == list(range(10))


def test_joined_tables_read_from_both_stores(table):
  both = concatenate(table, dataclasses.replace(table, frames=Memory(table.frames)))
  files = concatenate(table, dataclasses.replace(table, frames=dataclasses.replace(table.frames)))
  for joined in (both, files):
    batches = pipeline.evaluation_batches(joined, num_frames=4, batch_clips=19, image_size=SIZE)
    clips = np.concatenate([b.clips[b.tracklets >= 0] for b in batches])
    np.testing.assert_array_equal(clips[: len(clips) // 2], clips[len(clips) // 2 :])


@pytest.mark.parametrize(
  ("data", "reason"), [(None, "JPEG data is truncated"), (b"", "empty"), (b"hello", "not an image")]
)
@pytest.mark.parametrize("packed", [False, True])
def test_an_unreadable_frame_is_an_error_that_names_it(table, data, reason, packed):
  path = damage(table, 27, data)
  name = "record 27" if packed else path
  if packed:
    table = dataclasses.replace(table, frames=Memory(table.frames))
  batches = pipeline.evaluation_batches(table, num_frames=4, batch_clips=4, image_size=SIZE)
  assert next(batches).valid.all()
  with pytest.raises(InputError, match=reason) as caught:
    list(batches)
  assert name in str(caught.value)
  assert "tracklet 't4'" in str(caught.value)
  assert "\n" not in str(caught.value)


def test_training_names_the_frame_too(table):
  path = damage(table, 0)  # the only frame of tracklet t0
  plan = make_plan(table, identities_per_batch=5)
  with pytest.raises(InputError, match="tracklet 't0'") as caught:
    take(plan, last_step=1)
  assert path in str(caught.value)


def test_a_missing_file_is_named(table):
  os.remove(table.frames.path(0))
  with pytest.raises(InputError, match=r"000.jpg of tracklet 't0' .*there is no such file"):
    list(pipeline.evaluation_batches(table, num_frames=4, batch_clips=2, image_size=SIZE))


@pytest.mark.parametrize("packed", [False, True])
def test_skipped_frames_are_zero_invalid_counted_and_logged_once(table, packed, caplog):
  whole = list(pipeline.evaluation_batches(table, num_frames=4, batch_clips=4, image_size=SIZE))
  damage(table, 0)  # all of t0: four copies in its clip
  damage(table, 29, b"")
  if packed:
    table = dataclasses.replace(table, frames=Memory(table.frames))
  batches = pipeline.evaluation_batches(
    table, num_frames=4, batch_clips=4, image_size=SIZE, on_unreadable="skip"
  )
  plan = EvaluationPlan(table, 4, 4)
  with caplog.at_level(python_logging.WARNING):
    found = list(batches)
  for number, (a, b) in enumerate(zip(whole, found, strict=True)):
    bad = np.isin(plan.batch(number).frames, [0, 29])
    np.testing.assert_array_equal(b.valid, a.valid & ~bad)
    assert (b.clips[bad] == 0).all()
    np.testing.assert_array_equal(b.clips[~bad], a.clips[~bad])
  assert not found[0].valid[0].any()
  assert batches.skipped == sum(
    int(np.isin(plan.batch(n).frames, [0, 29]).sum()) for n in range(plan.num_batches)
  )
  lines = [record.getMessage() for record in caplog.records if "left out" in record.getMessage()]
  assert len(lines) == 2
  assert "truncated" in lines[0]
  assert "'t0'" in lines[0]
  assert "empty" in lines[1]


def test_unknown_choices_are_refused(table):
  with pytest.raises(InputError, match=r"on_unreadable is 'skp'.*did you mean 'skip'"):
    pipeline.training_batches(make_plan(table), image_size=SIZE, on_unreadable="skp")
  with pytest.raises(InputError, match="resize_method is 'nearest'"):
    pipeline.training_batches(make_plan(table), image_size=SIZE, resize_method="nearest")
  with pytest.raises(InputError, match="image_size"):
    pipeline.training_batches(make_plan(table), image_size=(0, 16))


def test_real_frames_have_the_statistics_of_images(shared):
  tables = load_dataset("mars", shared / "data" / "mars_mini")
  plan = BatchPlan(tables.train, identities_per_batch=4, instances=2)
  batch = next(pipeline.training_batches(plan, image_size=(256, 128)))
  assert batch.clips.shape == (8, 4, 256, 128, 3)
  assert -2.2 < batch.clips.min() < batch.clips.max() < 2.7
  assert 0.3 < batch.clips.std() < 2


@pytest.mark.parametrize("how", [*AUGMENTATIONS, Augmentation("clip")])
def test_the_shares_of_processes_are_the_whole_batch_bit_for_bit(table, how):
  """Each process reads the frames of its own clips only, and augments them as one process would."""
  store = Memory(table.frames)
  plan = BatchPlan(dataclasses.replace(table, frames=store), 3, 2, num_frames=2, seed=5)

  def batches(share):
    store.reads.clear()
    settings = {"image_size": SIZE, "augmentation": how, "first_step": 4, "last_step": 7}
    return list(pipeline.training_batches(plan, **settings, share=share)), list(store.reads)

  whole, all_reads = batches((0, 1))
  shares, reads = zip(*(batches((i, 3)) for i in range(3)))
  for name in ("clips", "labels", "valid"):
    for step, wanted in enumerate(whole):
      found = np.concatenate([getattr(share[step], name) for share in shares])
      np.testing.assert_array_equal(found, getattr(wanted, name))
  assert [len(one) for one in reads] == [len(all_reads) // 3] * 3
  assert sorted(np.concatenate(reads).tolist()) == sorted(all_reads)
