"""tensorflow-datasets builders over the readers: encoded frames, packed once, read at random.

After `import cosam_jax.data.builders`, `tfds.load` and `tfds.data_source` know `mars`, `ilids_vid`,
`dukemtmc_video_reid` and `prid2011`. `manual_dir` is the folder of the images that you unpacked.
"""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow_datasets as tfds

from cosam_jax.data import links, load_dataset, prepared
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.record_builder import ExampleRecords, TrackletBuilder, is_complete
from cosam_jax.data.sets.manifest import is_manifest
from cosam_jax.data.sets.registry import DATASETS, PARTS, DataSet, has_splits
from cosam_jax.data.tracklets import Tables
from cosam_jax.errors import InputError, suggestion
from cosam_jax.runtime import user_paths


class SplitConfig(tfds.core.BuilderConfig):
  """One division of the identities into training and test, and the seed that drew it."""

  def __init__(self, split: int, seed: int = 0):
    name = f"split{split}" if seed == 0 else f"split{split}_seed{seed}"
    super().__init__(name=name, description=f"Split {split}, seed {seed}.")
    self.split, self.seed = split, seed


class SetBuilder(TrackletBuilder, skip_registration=True):  # type: ignore[call-arg]
  """The builder of a row of the registry; `SET` is its name there."""

  SET = ""

  def read_tables(self, root: pathlib.Path) -> Tables:
    """The tables of the data set unpacked at `root`."""
    config = self.builder_config
    options = {"split": config.split, "seed": config.seed} if config else {}
    return DATASETS[self.SET].tables(root, name=self.SET, **options)


def _builder(name: str, row: DataSet) -> type[SetBuilder]:
  about = row.about()
  several = row.num_splits if has_splits(name) else 0
  members = {
    "SET": name,
    "BUILDER_CONFIGS": [SplitConfig(split) for split in range(several)],
    "DESCRIPTION": about.description,
    "HOMEPAGE": about.homepage,
    "CITATION": about.citation,
    "MANUAL_DOWNLOAD_INSTRUCTIONS": about.unpacking,
    "__module__": __name__,
    "__doc__": about.description,
  }
  return type(row.prepared, (SetBuilder,), members)


BUILDERS: dict[str, type[SetBuilder]] = {
  name: _builder(name, row) for name, row in DATASETS.items() if row.prepared
}
"""Builders by the names that `load_dataset` uses."""
globals().update({cls.__name__: cls for cls in BUILDERS.values()})  # `builders.Mars` and others.


def make_builder(
  name: str, prepared_dir: str | os.PathLike, *, split: int = 0, seed: int = 0
) -> TrackletBuilder:
  """The builder of a data set; InputError if the name or split has none."""
  if name not in BUILDERS:
    raise InputError(
      f"dataset {name!r} has no prepared form: choose one of {', '.join(BUILDERS)}"
      f"{suggestion(name, BUILDERS)}, or read the directory itself"
    )
  cls = BUILDERS[name]
  splits = len(cls.BUILDER_CONFIGS) or 1
  if not 0 <= split < splits:
    raise InputError(f"split {split} of {name} does not exist: choose 0 to {splits - 1}")
  kwargs = {}
  if cls.BUILDER_CONFIGS:
    # If the seed draws the splits, another seed makes another data set.
    drawn = "seed" in DATASETS[name].options and seed != 0
    kwargs["config"] = SplitConfig(split, seed) if drawn else f"split{split}"
  place = user_paths.user_path(prepared_dir)
  try:
    return cls(data_dir=place, **kwargs)
  except Exception as error:  # JSON, protocol buffers and tensorflow-datasets have their own.
    raise InputError(
      f"the dataset_info.json of the prepared {name} in {place} cannot be read; {_AGAIN}"
    ) from error


def prepare(
  name: str,
  manual_dir: str | os.PathLike,
  prepared_dir: str | os.PathLike,
  *,
  split: int = 0,
  seed: int = 0,
  follow_links: bool = False,
) -> Tables:
  """Packs the encoded frames of a data set, once; a prepared set is left as it is.

  If the process is killed or fails, there is no prepared set; the next call keeps the finished
  shards (see `shards`) and continues.

  Args:
    name: one of `BUILDERS`.
    manual_dir: the unpacked data set, or a manifest of it.
    prepared_dir: where prepared sets lie; this one goes to `<name>/[<split>/]<version>`.
    split: number of the split, from 0, of a set with several.
    seed: draws the splits if the set has none of its own, and those that a manifest leaves open.
    follow_links: whether links that lead out of `manual_dir` are packed.

  Returns:
    The tables of the prepared set.

  Raises:
    InputError: the reader refuses the data, a frame cannot be read, the disk is full, or another
      process prepares the same set.
  """
  builder = make_builder(name, prepared_dir, split=split, seed=seed)
  if not is_complete(builder):
    builder.tables = load_dataset(
      name, manual_dir, split=split, seed=seed, follow_links=follow_links
    )
    builder.seed = seed if is_manifest(manual_dir) else None
    config = tfds.download.DownloadConfig(manual_dir=str(user_paths.user_path(manual_dir)))
    try:
      builder.download_and_prepare(download_config=config)
    except InputError:
      raise
    except (OSError, RuntimeError, tf.errors.OpError) as error:
      raise InputError(
        f"preparing {name} in {prepared_dir} failed ({str(error).splitlines()[0]}); check the free "
        "space on its disk and the permission to write there, then prepare again"
      ) from error
  return load_prepared(name, prepared_dir, split=split, seed=seed)


def load_prepared(
  name: str,
  prepared_dir: str | os.PathLike,
  split: int = 0,
  *,
  seed: int = 0,
  follow_links: bool = False,
) -> Tables:
  """The tables of a prepared set: those of the reader, with records instead of files.

  With `follow_links`, its files may be links that lead out of its directory.

  Raises:
    InputError: there is no complete prepared set, another seed drew it, or its records do not
      match its metadata.
  """
  builder = make_builder(name, prepared_dir, split=split, seed=seed)
  directory = os.fspath(builder.data_path)
  if not is_complete(builder):
    raise InputError(
      f"there is no complete prepared set of {name} at {directory}; make it with --mode=prepare, "
      "or correct prepared_dir"
    )
  metadata = _metadata(builder)
  drawn = metadata.get("seed")
  if drawn is not None and drawn != seed:
    raise InputError(
      f"the prepared set {directory} was drawn from a manifest with seed {drawn}, but split_seed "
      f"is {seed}; use {drawn}, or prepare it in another prepared_dir"
    )
  try:
    return prepared.tables_of(metadata, _stores(builder, directory, follow_links))
  except InputError:
    raise
  except Exception as error:  # A damaged description of the set raises many kinds.
    raise InputError(
      f"the prepared set {directory} cannot be read ({type(error).__name__}: {error}); {_AGAIN}"
    ) from error


def _stores(
  builder: TrackletBuilder, directory: str, follow_links: bool
) -> dict[str, prepared.RecordStore]:
  # Without the decoding of tensorflow-datasets, reading is five times as fast.
  method = tfds.decode.DeserializeMethod.DESERIALIZE_NO_DECODE
  stores = {}
  for part in PARTS:
    if part not in builder.info.splits:
      raise InputError(f"the prepared set {directory} has no {part}; {_AGAIN}")
    files = builder.info.splits[part].filepaths
    if missing := [file for file in files if not file.exists()]:
      raise InputError(f"{missing[0]} is missing ({len(missing)} such files); {_AGAIN}")
    # The names come from the set's own description, which a stranger may have written.
    links.require_inside(pathlib.Path(directory), files, allowed=follow_links)
    records = ExampleRecords(builder.as_data_source(part, deserialize_method=method))
    stores[part] = prepared.RecordStore(records, part, directory)
  return stores


_AGAIN = "remove the prepared set and prepare it again"


def _metadata(builder: TrackletBuilder) -> Mapping[str, Any]:
  try:
    return builder.info.metadata
  except ValueError as error:
    raise InputError(
      f"{pathlib.Path(builder.data_path) / 'metadata.json'} cannot be read ({error}); {_AGAIN}"
    ) from error
