"""The common part of the tensorflow-datasets builders: records, checksums, spans, restarting."""

import abc
import contextlib
import dataclasses
import hashlib
import io
import os
import pathlib
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core import example_serializer

from cosam_jax.data import prepared, shards
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.sets.registry import PARTS
from cosam_jax.data.tracklets import Tables, TrackletTable
from cosam_jax.errors import InputError

# A quarter of all keys. tensorflow-datasets sorts in up to 1,000 open files if memory is too small;
# keys up to here use 250 of them, fewer than any system's limit of open files.
_KEYS = 2**126


class _LocalInfo(tfds.core.DatasetInfo):
  """Information about data that no public bucket holds."""

  def initialize_from_bucket(self) -> None:
    """Does not ask the network: without one, the refusal may take minutes."""


class TrackletBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """Writes one record a frame; a subclass names the reader and describes the data set."""

  VERSION = tfds.core.Version("1.0.0")
  RELEASE_NOTES = {"1.0.0": "Encoded frames in the order of tracklets, with checksums."}
  # Nothing is downloaded; looking for a checksum file would need a package that
  # tensorflow-datasets 4.9 does not install.
  url_infos = None
  DESCRIPTION = ""
  HOMEPAGE = ""
  CITATION = ""

  def __init__(self, *, file_format: Any = None, **kwargs: Any):
    # Records must be read at random, which the default of tensorflow-datasets need not allow.
    super().__init__(file_format=file_format or "array_record", **kwargs)
    self.tables: Tables | None = None  # What to pack; None: the contents of `manual_dir`.
    self.seed: int | None = None  # Drew the tables, if the configuration has no seed.

  @abc.abstractmethod
  def read_tables(self, root: pathlib.Path) -> Tables:
    """The tables of an unpacked data set."""

  def _info(self) -> tfds.core.DatasetInfo:
    features = {
      "image": tfds.features.Image(doc="As released; never encoded again."),
      "tracklet": tfds.features.Scalar(np.int32, doc="Number of the tracklet in its split."),
      "identity": tfds.features.Scalar(np.int64, doc="As released; 0 is a distractor in MARS."),
      "camera": tfds.features.Scalar(np.int64),
      "name": tfds.features.Text(doc="The file below the data set's directory."),
      "crc32": tfds.features.Scalar(np.int64, doc="zlib.crc32 of the encoded image."),
    }
    return _LocalInfo(
      builder=self,
      description=self.DESCRIPTION,
      features=tfds.features.FeaturesDict(features),
      homepage=self.HOMEPAGE,
      citation=self.CITATION,
      disable_shuffling=True,
      metadata=tfds.core.MetadataDict(),
    )

  def _download_and_prepare(
    self, dl_manager: tfds.download.DownloadManager, download_config: Any = None
  ) -> None:
    if self.tables is None:
      root = pathlib.Path(dl_manager.manual_dir)
      # tensorflow-datasets gives all data sets one manual_dir by default.
      root = root / self.name if (root / self.name).is_dir() else root
      self.tables = self.read_tables(root)
    expected = []
    for split in PARTS:
      frames = getattr(self.tables, split).total_frames
      if not frames:
        raise InputError(
          f"{split} of {self.tables.name} has no tracklets, and a prepared set cannot do without; "
          "read the directory itself"
        )
      expected.append(tfds.core.SplitInfo(name=split, shard_lengths=[frames], num_bytes=0))
    # The numbers of frames are known beforehand, so the progress bars can show their ends.
    self.info.set_splits(tfds.core.SplitDict(expected))
    super()._download_and_prepare(dl_manager, download_config)

  def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
    del dl_manager
    assert self.tables is not None
    self.info.metadata.update(prepared.describe_tables(self.tables), seed=self.seed)
    return {split: self._generate_examples(split, getattr(self.tables, split)) for split in PARTS}

  def _generate_splits(
    self, dl_manager: tfds.download.DownloadManager, download_config: tfds.download.DownloadConfig
  ) -> list[tfds.core.SplitInfo]:
    """Packs the splits in shards that outlive a killed process."""
    if (
      self.info.file_format != tfds.core.FileFormat.ARRAY_RECORD
      or download_config.max_examples_per_split is not None
    ):
      return super()._generate_splits(dl_manager, download_config)
    self._split_generators(dl_manager)  # This makes the metadata.
    return [self._packed_split(split, getattr(self.tables, split)) for split in PARTS]

  def _packed_split(self, split: str, table: TrackletTable) -> tfds.core.SplitInfo:
    serializer = example_serializer.ExampleSerializer(self.info.features.get_serialized_info())

    def serialize(row: int, frame: int) -> shards.Record:
      data, example = self._example(table, row, frame)
      encoded = self.info.features.encode_example(example)
      return shards.Record(serializer.serialize_example(encoded), data)

    bar = tfds.core.utils.tqdm(
      total=table.total_frames,
      desc=f"Generating {split} examples...",
      unit=" examples",
      leave=False,
      mininterval=1.0,
    )
    with bar:
      packed = shards.pack(self._unfinished, table, serialize, bar.update)
    template = self._get_filename_template(split_name=split)
    count = len(packed.shards)
    for i, shard in enumerate(packed.shards):
      target = template.sharded_filepath(shard_index=i, num_shards=count)
      shards.place(shard, pathlib.Path(target))
    self.info.metadata["splits"][split]["sha256"] = packed.sha256
    return tfds.core.SplitInfo(
      name=split,
      shard_lengths=packed.lengths,
      num_bytes=packed.num_bytes,
      filename_template=template,
    )

  @property
  def _unfinished(self) -> pathlib.Path:
    """The folder, beside the set, that holds the shards until all are packed."""
    return pathlib.Path(self.data_path).parent / f"shards.{self.version}"

  def _generate_examples(
    self, split: str, table: TrackletTable
  ) -> Iterator[tuple[int, dict[str, Any]]]:
    """The examples for other file formats, which tensorflow-datasets writes itself."""
    sha = hashlib.sha256()
    rows = np.repeat(np.arange(len(table)), table.lengths).tolist()
    frames = (frame for row in range(len(table)) for frame in table.frame_ids(row).tolist())
    for count, (row, frame) in enumerate(zip(rows, frames, strict=True)):
      data, example = self._example(table, row, frame)
      sha.update(data)
      # Records are sorted by key in memory, one bucket of keys at a time. Ascending keys that are
      # spread over all buckets keep the order, and need a thousandth of the memory.
      yield count * (_KEYS // table.total_frames), example
    self.info.metadata["splits"][split]["sha256"] = sha.hexdigest()

  def _example(self, table: TrackletTable, row: int, frame: int) -> tuple[bytes, dict[str, Any]]:
    """The encoded frame, and the record that is packed for it."""
    try:
      data = table.frames.read(frame)
    except OSError as error:
      raise InputError(
        f"frame {table.frames.name(frame)} of tracklet {str(table.names[row])!r} cannot be read "
        f"({error.strerror or error}); repair the data set, then prepare it again"
      ) from error
    return data, {
      "image": io.BytesIO(data),
      "tracklet": row,
      "identity": int(table.identities[row]),
      "camera": int(table.cameras[row]),
      "name": prepared.relative_name(table.frames, frame),
      "crc32": zlib.crc32(data),
    }

  def download_and_prepare(self, *, download_config: Any = None, **kwargs: Any) -> None:
    """As in tensorflow-datasets, but continues where a killed preparation stopped.

    Raises:
      InputError: another process prepares the same set, or something else is in its place.
    """
    config = download_config or tfds.download.DownloadConfig()
    config = dataclasses.replace(config, try_download_gcs=False)  # No public bucket has them.
    folder = pathlib.Path(self.data_path)
    if is_complete(self):
      super().download_and_prepare(download_config=config, **kwargs)
      return
    with prepared.only_preparer(folder.parent):
      if folder.exists():
        raise InputError(
          f"{folder} exists, but without a dataset_info.json, so it is not a prepared set, or only "
          "a part of one; remove it and prepare it again"
        )
      try:
        super().download_and_prepare(download_config=config, **kwargs)
        shutil.rmtree(self._unfinished, ignore_errors=True)
      finally:
        with contextlib.suppress(OSError):  # It holds a user's downloads.
          os.removedirs(pathlib.Path(self.data_dir_root) / "downloads" / "extracted")

  def _as_dataset(
    self, split: Any, decoders: Any = None, read_config: Any = None, shuffle_files: bool = False
  ) -> tf.data.Dataset:
    """Examples of a split in order, or shuffled; tensorflow-datasets has no reader for this."""
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


class ExampleRecords(Sequence[Mapping[str, Any]]):
  """Records of `tf.train.Example` as the mappings that a `RecordStore` reads."""

  def __init__(self, examples: Sequence[Any]):
    self._examples = examples

  def __len__(self) -> int:
    return len(self._examples)

  def __getitem__(self, record):
    feature = self._examples[record].features.feature
    return {
      "image": feature["image"].bytes_list.value[0],
      "crc32": feature["crc32"].int64_list.value[0],
      "name": feature["name"].bytes_list.value[0],
    }
