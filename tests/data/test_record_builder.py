"""Records of tracklets as tensorflow-datasets packs, lists and reads them."""

import errno
import zlib

import layouts
import numpy as np
import pytest
import tensorflow_datasets as tfds
from prepared_sets import frames_of

from cosam_jax.data import builders, load_dataset
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.record_builder import ExampleRecords
from cosam_jax.errors import InputError


def test_progress_bars_know_their_end(unpacked, tmp_path, monkeypatch):
  totals = {}
  bar = tfds.core.utils.tqdm

  def noted(*args, **kwargs):
    totals[kwargs["desc"]] = kwargs.get("total")
    return bar(*args, **kwargs)

  monkeypatch.setattr(tfds.core.utils, "tqdm", noted)
  builders.prepare("mars", unpacked, tmp_path)
  for split, frames in (("train", 10), ("query", 5), ("gallery", 7)):
    assert totals[f"Generating {split} examples..."] == frames


def test_others_load_it_by_name(unpacked, ready):
  skip = {"image": tfds.decode.SkipDecoding()}
  table = load_dataset("mars", unpacked).train
  examples = list(
    tfds.load("mars", split="train", data_dir=ready, decoders=skip).as_numpy_iterator()
  )
  assert [e["image"] for e in examples] == frames_of(table)
  assert [int(e["tracklet"]) for e in examples] == np.repeat(range(4), table.lengths).tolist()
  assert examples[3]["name"] == b"bbox_train/0001/0001C2T0001F001.jpg"
  decoded = next(iter(tfds.load("mars", split="train[5:]", data_dir=ready)))
  expected = tf.io.decode_image(examples[5]["image"])
  np.testing.assert_array_equal(decoded["image"], expected)
  some = tfds.decode.PartialDecoding({"identity": True})
  ids = tfds.load("mars", split="query", data_dir=ready, decoders=some, shuffle_files=True)
  assert [sorted(e) for e in ids.as_numpy_iterator()] == [["identity"]] * 5
  source = tfds.data_source("mars", split="gallery", data_dir=ready, decoders=skip)
  assert bytes(source[6]["image"]) == frames_of(load_dataset("mars", unpacked).gallery)[6]


def test_other_file_formats_keep_the_order_of_more_frames_than_memory(
  unpacked, tmp_path, monkeypatch
):
  monkeypatch.setattr("tensorflow_datasets.core.shuffle.MAX_MEM_BUFFER_SIZE", 1000)
  builder = builders.Mars(data_dir=str(tmp_path), file_format="tfrecord")
  config = tfds.download.DownloadConfig(manual_dir=str(unpacked))
  builder.download_and_prepare(download_config=config)
  skip = {"image": tfds.decode.SkipDecoding()}
  examples = builder.as_dataset("train", decoders=skip).as_numpy_iterator()
  assert [e["image"] for e in examples] == frames_of(load_dataset("mars", unpacked).train)


def test_a_frame_that_cannot_be_read_stops_the_packing(unpacked, tmp_path, monkeypatch):
  def fail(self, frame):
    raise PermissionError(errno.EACCES, "Permission denied", self.path(frame))

  monkeypatch.setattr("cosam_jax.data.tracklets.FilePaths.read", fail)
  with pytest.raises(InputError, match=r"0001C1T0001F001.jpg of tracklet '0001C1T0001'") as caught:
    builders.prepare("mars", unpacked, tmp_path)
  assert "Permission denied" in str(caught.value)
  assert not (tmp_path / "mars" / "1.0.0").exists()


def test_a_record_has_its_tracklets_numbers_and_its_frames_checksum(ready):
  skip = {"image": tfds.decode.SkipDecoding()}
  records = list(
    tfds.load("mars", split="train", data_dir=ready, decoders=skip).as_numpy_iterator()
  )
  rows = [(row, one) for row, one in enumerate(layouts.MARS_TRAIN) for _ in range(one[-1])]
  assert len(records) == len(rows) == 10
  for record, (row, (identity, camera, *_)) in zip(records, rows, strict=True):
    found = [int(record[key]) for key in ("tracklet", "identity", "camera", "crc32")]
    assert found == [row, identity, camera, zlib.crc32(record["image"])]


def test_examples_are_read_as_mappings():
  def example(data, name):
    values = {
      "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[data])),
      "name": tf.train.Feature(bytes_list=tf.train.BytesList(value=[name])),
      "crc32": tf.train.Feature(int64_list=tf.train.Int64List(value=[zlib.crc32(data)])),
    }
    return tf.train.Example(features=tf.train.Features(feature=values))

  records = ExampleRecords([example(b"one", b"a/1.jpg"), example(b"two", b"a/2.jpg")])
  assert len(records) == 2
  assert records[1] == {"image": b"two", "crc32": zlib.crc32(b"two"), "name": b"a/2.jpg"}


def test_something_else_in_the_place_of_a_prepared_set_is_left_alone(tmp_path):
  builder = builders.make_builder("mars", tmp_path)
  (tmp_path / "mars" / "1.0.0").mkdir(parents=True)
  (tmp_path / "mars" / "1.0.0" / "mine.txt").write_text("mine")
  with pytest.raises(InputError, match=r"1\.0\.0 exists, but without a dataset_info.json"):
    builder.download_and_prepare()
  assert (tmp_path / "mars" / "1.0.0" / "mine.txt").read_text() == "mine"
