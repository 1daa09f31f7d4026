"""What the tensorflow-datasets builders have in common: records, checksums, spans, restarting."""

import hashlib
import io
import os
import pathlib
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from cosam_jax.data import prepared
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.tracklets import Tables, TrackletTable
from cosam_jax.errors import InputError

_KEYS = 2**128


class TrackletBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """One record a frame; a subclass says which reader, and what the data set is."""

  VERSION = tfds.core.Version("1.0.0")
  RELEASE_NOTES = {"1.0.0": "Encoded frames in the order of tracklets, with checksums."}
  # Nothing is downloaded; looking for a checksum file would need a package that
  # tensorflow-datasets 4.9 does not install.
  url_infos = None
  DESCRIPTION = ""
  HOMEPAGE = ""
  CITATION = ""

  def __init__(self, *, file_format: Any = None, **kwargs: Any):
    # Records that are read at random are the point, whatever the default of tensorflow-datasets.
    super().__init__(file_format=file_format or "array_record", **kwargs)

  def read_tables(self, root: pathlib.Path) -> Tables:
    """The tables of an unpacked data set."""
    raise NotImplementedError

  def _info(self) -> tfds.core.DatasetInfo:
    features = {
      "image": tfds.features.Image(doc="As released; never encoded again."),
      "tracklet": tfds.features.Scalar(np.int32, doc="Number of the tracklet in its split."),
      "identity": tfds.features.Scalar(np.int32, doc="As released; 0 is a distractor in MARS."),
      "camera": tfds.features.Scalar(np.int32),
      "name": tfds.features.Text(doc="The file below the data set's directory."),
      "crc32": tfds.features.Scalar(np.int64, doc="zlib.crc32 of the encoded image."),
    }
    return tfds.core.DatasetInfo(
      builder=self,
      description=self.DESCRIPTION,
      features=tfds.features.FeaturesDict(features),
      homepage=self.HOMEPAGE,
      citation=self.CITATION,
      disable_shuffling=True,
      metadata=tfds.core.MetadataDict(),
    )

  def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
    root = pathlib.Path(dl_manager.manual_dir)
    # tensorflow-datasets gives all data sets one manual_dir by default.
    root = root / self.name if (root / self.name).is_dir() else root
    tables = self.read_tables(root)
    self.info.metadata.update(prepared.describe_tables(tables))
    return {
      split: self._generate_examples(split, getattr(tables, split), root)
      for split in prepared.SPLITS
    }

  def _generate_examples(
    self, split: str, table: TrackletTable, root: pathlib.Path
  ) -> Iterator[tuple[int, dict[str, Any]]]:
    sha = hashlib.sha256()
    count = 0
    for row in range(len(table)):
      for frame in table.frame_ids(row).tolist():
        path = table.frames.name(frame)
        try:
          data = table.frames.read(frame)
        except OSError as error:
          raise InputError(
            f"frame {path} of tracklet {str(table.names[row])!r} cannot be read "
            f"({error.strerror or error}); repair the data set, then prepare it again"
          ) from error
        sha.update(data)
        example = {
          "image": io.BytesIO(data),
          "tracklet": row,
          "identity": int(table.identities[row]),
          "camera": int(table.cameras[row]),
          "name": os.path.relpath(path, root),
          "crc32": zlib.crc32(data),
        }
        # Records are sorted by key, a bucket of keys at a time, in memory: keys that are spread
        # over all buckets keep the order and need a thousandth of the memory.
        yield count * (_KEYS // table.num_frames), example
        count += 1
    self.info.metadata["splits"][split]["sha256"] = sha.hexdigest()

  def download_and_prepare(self, **kwargs: Any) -> None:
    """As in tensorflow-datasets, and removes what a killed preparation has left behind."""
    if is_complete(self):
      super().download_and_prepare(**kwargs)
      return
    with prepared.only_preparer(pathlib.Path(self.data_path).parent):
      super().download_and_prepare(**kwargs)

  def _as_dataset(
    self, split: Any, decoders: Any = None, read_config: Any = None, shuffle_files: bool = False
  ) -> tf.data.Dataset:
    """Examples of a split in order, or shuffled, where tensorflow-datasets has no such reader."""
    if self.info.file_format != tfds.core.FileFormat.ARRAY_RECORD:
      return super()._as_dataset(split, decoders, read_config, shuffle_files)
    raw = tfds.decode.DeserializeMethod.RAW_BYTES
    source = self.as_data_source(split, deserialize_method=raw)
    features = self.info.features
    if isinstance(decoders, tfds.decode.PartialDecoding):
      features, decoders = decoders.extract_features(features), decoders.decoders

    def record(index: tf.Tensor) -> tf.Tensor:
      data = tf.numpy_function(lambda i: source[int(i)], [index], tf.string, stateful=False)
      return tf.ensure_shape(data, [])

    dataset = tf.data.Dataset.range(len(source))
    if shuffle_files:
      dataset = dataset.shuffle(len(source), seed=getattr(read_config, "shuffle_seed", None))
    dataset = dataset.map(record, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.map(
      lambda data: features.deserialize_example(data, decoders=decoders),
      num_parallel_calls=tf.data.AUTOTUNE,
    )


def is_complete(builder: TrackletBuilder) -> bool:
  """Whether a data set is prepared; its folder only gets its name when all of it is written."""
  return (pathlib.Path(builder.data_path) / "dataset_info.json").is_file()
