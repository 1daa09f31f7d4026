"""What the tensorflow-datasets builders share: one record a frame, spans beside them.

A record holds a frame as it was on disk, never decoded or encoded again. Records are in the order
of the split's tracklets, so that a tracklet is a span of record numbers; the spans are in
`metadata.json`, with SHA-256 over the bytes of each split.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from cosam_jax.data import load_dataset, prepared
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.prepared import SPLITS, PackedFrames
from cosam_jax.data.tracklets import Tables, TrackletTable
from cosam_jax.errors import InputError

FORMAT = "array_record"
_INCOMPLETE = "incomplete."  # How tensorflow-datasets begins the name of a folder in the making.


class _LocalInfo(tfds.core.DatasetInfo):
  """Information about data that no public bucket holds."""

  def initialize_from_bucket(self) -> None:
    """Does not ask the network, which takes minutes to say no where there is none."""


class TrackletBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """What the builders share: splits `train`, `query` and `gallery`, one record a frame.

  `gallery` is the reference one, with the queries taken out and junk dropped.
  """

  VERSION = tfds.core.Version("1.0.0")
  RELEASE_NOTES = {"1.0.0": "Encoded frames, with the spans of the tracklets in metadata.json."}
  DATASET: str
  DESCRIPTION: str
  HOMEPAGE: str
  CITATION: str
  SEEDED = False
  # Nothing is downloaded. Left to itself, tensorflow-datasets looks for checksums of downloads with
  # a package that it does not install.
  url_infos: dict[str, Any] = {}

  def __init__(self, *, seed: int = 0, file_format: Any = None, **kwargs: Any):
    """As any builder.

    Args:
      seed: the reader's; PRID2011 draws its splits with it.
      file_format: `array_record`, the only one in which frames are read at random.
      **kwargs: as for any builder (`data_dir`, `config`, `version`).
    """
    self.seed = seed
    self.seeded = self.SEEDED
    self.tables: Tables | None = None
    _check_format(self.name, file_format or FORMAT)
    super().__init__(file_format=FORMAT, **kwargs)
    self._original_state["seed"] = seed  # What a copy made by pickling starts from.

  def _info(self) -> tfds.core.DatasetInfo:
    features = {
      "image": tfds.features.Image(doc="The frame, encoded as it was on disk."),
      "tracklet": tfds.features.Scalar(np.int64, doc="Row of the tracklet in its split."),
      "identity": tfds.features.Scalar(np.int64, doc="The data set's number; 0 is a distractor."),
      "camera": tfds.features.Scalar(np.int64, doc="The data set's number."),
      "name": tfds.features.Text(doc="Path of the frame below the data directory."),
      "crc32": tfds.features.Scalar(np.int64, doc="CRC-32 of the encoded frame."),
    }
    return _LocalInfo(
      builder=self,
      description=self.DESCRIPTION,
      homepage=self.HOMEPAGE,
      citation=self.CITATION,
      features=tfds.features.FeaturesDict(features),
      supervised_keys=("image", "identity"),
      disable_shuffling=True,
      metadata=tfds.core.MetadataDict(),
    )

  @property
  def split(self) -> int:
    """Which of the published splits this configuration is; 0 where there is one only."""
    return int(self.builder_config.name.removeprefix("split")) if self.builder_config else 0

  def download_and_prepare(
    self, *, download_config: Any = None, file_format: Any = None, **kwargs: Any
  ) -> None:
    """Packs the data set unless it is there already; see `GeneratorBasedBuilder`.

    A half-made set lies in a folder of another name until all of it has been read back. What an
    interrupted run has left is removed.

    Raises:
      InputError: bad data, a damaged directory, or another process that prepares the same set.
    """
    config = download_config or tfds.download.DownloadConfig()
    if config.max_examples_per_split is not None:
      raise InputError(
        f"max_examples_per_split is {config.max_examples_per_split}, but tracklets are packed "
        "whole; leave it out, or give a smaller directory"
      )
    config = dataclasses.replace(config, try_download_gcs=False)
    _check_format(self.name, file_format or FORMAT)
    folder = pathlib.Path(self.data_path)
    with _alone(folder):
      for stale in folder.parent.glob(f"{_INCOMPLETE}*_{folder.name}"):
        shutil.rmtree(stale)
      super().download_and_prepare(download_config=config, **kwargs)

  def _download_and_prepare(self, dl_manager: Any, download_config: Any) -> None:
    if self.tables is None:
      self.tables = load_dataset(
        self.DATASET, dl_manager.manual_dir, split=self.split, seed=self.seed
      )
    expected = [_expected_split(split, getattr(self.tables, split)) for split in SPLITS]
    self.info.set_splits(tfds.core.SplitDict(expected))  # Gives the progress bars their ends.
    super()._download_and_prepare(dl_manager, download_config)
    # Read back before the folder gets its name: what a full disk cut off must not look complete.
    read_back = self.load()
    for split in SPLITS:
      if prepared.checksum(getattr(read_back, split)) != self.metadata["splits"][split]["sha256"]:
        raise InputError(
          f"split {split} of {self.DATASET} reads back from {self.data_path} other than it was "
          "written; check the disk, or give another prepared_dir"
        )

  def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[tuple[int, dict]]]:
    del dl_manager
    assert self.tables is not None
    self.metadata.update(self.description())
    return {split: self._generate_examples(split) for split in SPLITS}

  def _generate_examples(self, split: str) -> Iterator[tuple[int, dict]]:
    digest = hashlib.sha256()
    table = getattr(self.tables, split)
    # Records too many for memory go through 1,000 files, each sorted in memory. Keys from a quarter
    # of the range of keys spread them over 250 of those, less than any limit of open files.
    step = 2**126 // table.num_frames
    for i, record in enumerate(prepared.frame_records(table, digest)):
      yield i * step, record
    self.metadata["splits"][split]["sha256"] = digest.hexdigest()

  @property
  def metadata(self) -> Any:
    """What `description` gave when the set was packed, with each split's `sha256`."""
    return self.info.metadata

  def description(self) -> dict[str, Any]:
    """What rebuilds the tables, and what they were read with."""
    assert self.tables is not None
    seed = self.seed if self.seeded else None
    return {**prepared.describe(self.tables), "split": self.split, "seed": seed}

  def matches(self) -> bool:
    """Whether the prepared set describes the tracklets of `tables`."""
    self.require_complete()
    described = json.loads(json.dumps(self.description()))
    for split in SPLITS:
      described["splits"][split]["sha256"] = self.metadata["splits"][split]["sha256"]
    return all(self.metadata[key] == value for key, value in described.items())

  def require_complete(self) -> None:
    """Raises InputError when files of the prepared set are missing, as after half a copy."""
    folder = pathlib.Path(self.data_path)
    files = [folder / "metadata.json", folder / "dataset_info.json"]
    for split in self.info.splits.values():
      files += [pathlib.Path(file) for file in split.filepaths]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
      raise InputError(
        f"the prepared set {folder} lacks {missing[0]} ({len(missing)} such files); copy it again, "
        "or delete it and pack it again with --mode=prepare"
      )

  def load(self) -> Tables:
    """The tables of the prepared set."""
    # Not decoding, of which skipping the image alone is a part, reads several times as many frames.
    method = tfds.decode.DeserializeMethod.DESERIALIZE_NO_DECODE
    stores = {}
    for split in SPLITS:
      records = self.as_data_source(split, deserialize_method=method)
      stores[split] = PackedFrames(records, split, str(self.data_path))
    return prepared.rebuild(self.metadata, stores)

  def _as_dataset(
    self, split: Any, decoders: Any = None, read_config: Any = None, shuffle_files: bool = False
  ) -> tf.data.Dataset:
    """The records as a tf.data set, which tensorflow-datasets lacks for files of random access."""
    features = self.info.features
    if isinstance(decoders, tfds.decode.PartialDecoding):
      features, decoders = decoders.extract_features(features), decoders.decoders
    raw = self.as_data_source(split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES)

    def load(record: tf.Tensor) -> Any:
      read = tf.numpy_function(lambda i: bytes(raw[int(i)]), [record], tf.string, stateful=False)
      return features.deserialize_example(tf.ensure_shape(read, []), decoders=decoders)

    records = tf.data.Dataset.range(len(raw))
    if shuffle_files:
      records = records.shuffle(len(raw), seed=read_config and read_config.shuffle_seed)
    return records.map(load, num_parallel_calls=tf.data.AUTOTUNE)


def _expected_split(split: str, table: TrackletTable) -> tfds.core.SplitInfo:
  if not len(table):
    raise InputError(f"split {split} has no tracklets, and an empty one cannot be packed")
  return tfds.core.SplitInfo(name=split, shard_lengths=[table.num_frames], num_bytes=0)


def _check_format(name: str, file_format: Any) -> None:
  if tfds.core.FileFormat.from_value(file_format).value != FORMAT:
    raise InputError(
      f"file_format of {name} is {file_format!r}, but only {FORMAT!r} can be read at random"
    )


@contextlib.contextmanager
def _alone(folder: pathlib.Path) -> Iterator[None]:
  """Keeps other processes from preparing `folder`; the lock ends with the process, however."""
  folder.parent.mkdir(parents=True, exist_ok=True)
  with open(folder.parent / f".{folder.name}.lock", "w") as lock:
    try:
      fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
      raise InputError(
        f"{folder} is being prepared by another process; wait for its end, then run again"
      ) from None
    yield
