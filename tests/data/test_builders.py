"""Prepared sets: equal to the directory, checked on reading, and never half-made."""

import hashlib

import layouts
import numpy as np
import pytest
import tensorflow_datasets as tfds
from prepared_sets import frames_of, noise, verified

from cosam_jax.data import builders, load_dataset, pipeline
from cosam_jax.data.batches import BatchPlan
from cosam_jax.data.sets import registry
from cosam_jax.errors import InputError


def assert_same_tables(a, b):
  assert (a.name, a.warnings, a.official is None) == (b.name, b.warnings, b.official is None)
  for x, y in [
    (a.train, b.train),
    (a.query, b.query),
    (a.gallery, b.gallery),
    (a.gallery_with_queries(), b.gallery_with_queries()),
  ]:
    for column in ("lengths", "identities", "cameras", "names"):
      np.testing.assert_array_equal(getattr(x, column), getattr(y, column))
    assert frames_of(x) == frames_of(y)


def test_a_prepared_set_is_the_directory_in_other_clothes(unpacked, ready):
  direct, packed = load_dataset("mars", unpacked), builders.load_prepared("mars", ready)
  assert_same_tables(direct, packed)
  assert direct.official is not None
  assert len(direct.warnings) == 3
  metadata = builders.make_builder("mars", ready).info.metadata
  for split in registry.PARTS:
    sha = hashlib.sha256(b"".join(frames_of(getattr(direct, split)))).hexdigest()
    assert metadata["splits"][split]["sha256"] == sha
  assert verified("mars", ready) == 10 + 5 + 7


def test_batches_are_identical_from_either_source(unpacked, ready):
  direct, packed = load_dataset("mars", unpacked), builders.load_prepared("mars", ready)
  pairs = zip(
    pipeline.training_batches(
      BatchPlan(direct.train, 2, 2, 3), image_size=(16, 8), last_step=4, threads=3
    ),
    pipeline.training_batches(BatchPlan(packed.train, 2, 2, 3), image_size=(16, 8), last_step=4),
    strict=True,
  )
  for a, b in pairs:
    np.testing.assert_array_equal(a.clips, b.clips)
    np.testing.assert_array_equal(a.labels, b.labels)
  a, b = (
    next(
      pipeline.evaluation_batches(
        tables.gallery_with_queries(), num_frames=2, batch_clips=8, image_size=(16, 8)
      )
    )
    for tables in (direct, packed)
  )
  np.testing.assert_array_equal(a.clips, b.clips)
  np.testing.assert_array_equal(a.tracklets, b.tracklets)


def test_real_frames_come_back_as_they_are_on_disk(shared, tmp_path):
  source = shared / "data" / "mars_mini"
  direct, packed = load_dataset("mars", source), builders.prepare("mars", source, tmp_path)
  assert_same_tables(direct, packed)
  assert packed.official.frames is packed.query.frames is packed.gallery.frames
  name = packed.train.frames.name(3)
  assert name.startswith(f"bbox_train/0003/0003C4T0003F004.jpg (record 3 of train in {tmp_path}")


def test_a_manifest_is_packed_as_a_folder_is(unpacked, tmp_path):
  rows = ["path,identity,camera,tracklet"]
  for person, camera in [(1, 1), (1, 2), (7, 1)]:
    name = f"{person:04d}C{camera}T0001"
    rows.append(f"bbox_train/{person:04d}/{name}F*.jpg,{person},{camera},{name}")
  for camera, tracklet in [(1, 1), (2, 1), (2, 2)]:
    name = f"0002C{camera}T{tracklet:04d}"
    rows.append(f"bbox_test/0002/{name}F*.jpg,2,{camera},{name}")
  split = [",split", *[",train"] * 3, *[",test"] * 3]
  manifest = unpacked / "tracklets.csv"
  manifest.write_text("".join(f"{row}{end}\n" for row, end in zip(rows, split, strict=True)))
  direct = load_dataset("mars", manifest, seed=5)
  assert_same_tables(direct, builders.prepare("mars", manifest, tmp_path, seed=5))
  with pytest.raises(InputError, match="with seed 5, but split_seed is 0; use 5, or"):
    builders.load_prepared("mars", tmp_path)
  manifest.write_text("".join(f"{row}{end}\n" for row, end in zip(rows[:4], split[:4])))
  with pytest.raises(InputError, match="query of mars has no tracklets"):
    builders.prepare("mars", manifest, tmp_path / "empty")
  assert not (tmp_path / "empty" / "mars" / "1.0.0").exists()


def test_others_prepare_it_by_name(unpacked, tmp_path):
  manual = tmp_path / "manual"
  manual.mkdir()
  (manual / "mars").symlink_to(unpacked)
  config = tfds.download.DownloadConfig(manual_dir=str(manual))
  data, info = tfds.load(
    "mars",
    data_dir=tmp_path / "data",
    with_info=True,
    download_and_prepare_kwargs={"download_config": config},
  )
  assert set(data) == {"train", "query", "gallery"}
  assert "zheng2016mars" in info.citation
  assert info.homepage.startswith("http")
  assert info.splits["train"].num_examples == 10
  assert_same_tables(
    load_dataset("mars", unpacked), builders.load_prepared("mars", tmp_path / "data")
  )


def test_every_builder_says_what_a_person_needs():
  for name, cls in builders.BUILDERS.items():
    assert cls.name in tfds.list_builders()
    assert cls.name == {"dukemtmc_vidreid": "dukemtmc_video_reid"}.get(name, name)
    assert "manual_dir is the folder" in cls.MANUAL_DOWNLOAD_INSTRUCTIONS
    assert cls.CITATION.startswith("@inproceedings")
    assert str(cls.VERSION) in cls.RELEASE_NOTES
    configs = [config.name for config in cls.BUILDER_CONFIGS]
    ten = name in ("ilids_vid", "prid2011")
    assert configs == ([f"split{i}" for i in range(10)] if ten else [])


def test_the_other_data_sets(tmp_path):
  duke = tmp_path / "duke"
  for split, person in (("train", 1), ("query", 2), ("gallery", 2)):
    folder = duke / "DukeMTMC-VideoReID" / split / f"{person:04d}" / "0001"
    for frame in (1, 2):
      camera = 5 if split == "gallery" else 6
      layouts.image(folder / f"{person:04d}C{camera}F{frame:04d}X00010.jpg")
  ilids = layouts.ilids(tmp_path / "ilids")
  prid = layouts.prid(tmp_path / "prid", *[dict.fromkeys((1, 2, 3, 4, 5), 28)] * 2)
  for name, root, split, seed in [
    ("dukemtmc_vidreid", duke, 0, 0),
    ("ilids_vid", ilids, 1, 0),
    ("prid2011", prid, 0, 0),
    ("prid2011", prid, 2, 7),
  ]:
    packed = builders.prepare(name, noise(root), tmp_path / "out", split=split, seed=seed)
    assert_same_tables(load_dataset(name, root, split=split, seed=seed), packed)
  with pytest.raises(InputError, match=r"no complete prepared set of prid2011 at .*split2/1"):
    builders.load_prepared("prid2011", tmp_path / "out", 2)


def read_error(store, frame):
  """The error of reading a record, or None."""
  try:
    store.read(frame)
  except InputError as error:
    return error
  return None


def test_a_damaged_record_is_named(unpacked, tmp_path):
  builders.prepare("mars", unpacked, tmp_path)
  (path,) = tmp_path.glob("mars/1.0.0/mars-train.array_record*")
  data = bytearray(path.read_bytes())
  written = np.flatnonzero(np.frombuffer(bytes(data), np.uint8))  # Blocks are padded with zeros.
  data[written[len(written) // 2]] ^= 0xFF
  path.write_bytes(data)
  table = builders.load_prepared("mars", tmp_path).train
  errors = {frame: read_error(table.frames, frame) for frame in range(len(table.frames))}
  ((frame, error),) = [(frame, error) for frame, error in errors.items() if error]
  assert isinstance(error, OSError)
  assert f"record {frame} of train" in str(error)
  assert "prepare it again" in str(error)
  assert "\n" not in str(error)
  batches = pipeline.evaluation_batches(table, num_frames=2, batch_clips=9, image_size=(16, 8))
  with pytest.raises(InputError, match=f"record {frame} of train .*of tracklet"):
    list(batches)
  skipping = pipeline.evaluation_batches(
    table, num_frames=2, batch_clips=9, image_size=(16, 8), on_unreadable="skip"
  )
  list(skipping)
  assert skipping.skipped >= 1


def test_a_set_that_was_cut_short_is_refused(unpacked, tmp_path):
  config = tfds.download.DownloadConfig(manual_dir=str(unpacked), max_examples_per_split=3)
  builders.Mars(data_dir=str(tmp_path)).download_and_prepare(download_config=config)
  with pytest.raises(InputError, match=r"train in .* has 3 records, but its tracklets have 10"):
    builders.load_prepared("mars", tmp_path)


def test_names_directories_and_splits_are_checked(tmp_path):
  with pytest.raises(InputError, match=r"'folder' has no prepared form: choose one of mars, "):
    builders.prepare("folder", tmp_path, tmp_path)
  with pytest.raises(InputError, match="split 10 of ilids_vid does not exist: choose 0 to 9"):
    builders.load_prepared("ilids_vid", tmp_path, 10)
  with pytest.raises(InputError, match=r"nowhere does not exist; it must hold MARS: bbox_train/"):
    builders.prepare("mars", tmp_path / "nowhere", tmp_path)
