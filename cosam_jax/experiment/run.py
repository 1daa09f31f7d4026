"""A run: everything that training and evaluation of one workdir share."""

import functools
import pathlib
import zlib
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from cosam_jax.data import Tables
from cosam_jax.data.holdout import hold_out_identities
from cosam_jax.data.single_tracklets import without_single_tracklets
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.evaluated_set import digest_of
from cosam_jax.experiment.foreign_networks import foreign_of, with_sizes
from cosam_jax.experiment.parts import build_model, read_tables
from cosam_jax.experiment.run_configuration import has_checkpoint
from cosam_jax.models.foreign import AnyNet, ours
from cosam_jax.models.weight_register import missing_weights
from cosam_jax.runtime import hosts
from cosam_jax.runtime.user_paths import user_path
from cosam_jax.training import mesh


class Run:
  """Everything that training and evaluation of one workdir share.

  Attributes:
    config: the configuration, checked and resolved.
    workdir: the folder of all files.
    mesh: all devices of all processes.
    tables: the data set.
    training_tables: the same, with the people held out for validation as the test set.
    train_table: the tracklets to learn from.
    num_classes: the number of people in them.
    model: the network; it may be a foreign one.
    steps_per_epoch: of the training; None in other modes.

  Raises:
    InputError: the configuration cannot work, or the data set cannot be read.
  """

  def __init__(self, config: ConfigDict, workdir: pathlib.Path):
    config_rules.check(config)
    self.config, self.workdir = config_rules.resolve(config), workdir
    foreign = foreign_of(self.config, workdir)
    if foreign is not None:
      self.config = with_sizes(self.config, foreign)
    self.mesh = mesh.make_mesh()
    mesh.check_divisible(self.mesh, "config.evaluation.batch_clips", config.evaluation.batch_clips)
    self.tables = hosts.first_before_others(self._read)
    hosts.check_agreement(
      _counts_of(self.tables),
      "give every process the same data, on a disk that all share or on copies of it",
    )
    held_out = self.config.data.validation_identities
    self.training_tables = (
      hold_out_identities(self.tables, held_out, self.config.seed) if held_out else self.tables
    )
    self.train_table = without_single_tracklets(
      self.training_tables.train, self.config.data.single_tracklet
    )
    self.num_classes = self.train_table.num_identities
    self.model: AnyNet = foreign or build_model(self.config, self.num_classes)
    self.steps_per_epoch: int | None = None

  def _read(self) -> Tables:
    """The data set; if its directory and the initial weights are missing, one error names both."""
    try:
      return read_tables(self.config)
    except InputError as error:
      begins = not user_path(self.config.data.dir).exists() and not has_checkpoint(self.workdir)
      if begins and (missing := missing_weights(self.config.init.weights)):
        raise InputError(f"{error}; and {missing}") from error
      raise

  def require_masks(self) -> None:
    """Raises InputError if the network has no COSAM, and so no masks."""
    ours(self.model)
    if self.config.model.cosam_stages:
      return
    way_out = "name stages among 2, 3, 4 and 5"
    if has_checkpoint(self.workdir):  # Its network cannot be given any.
      way_out = (
        "use a run that was trained with COSAM, or train one in another --workdir, such as with "
        "--cosam=4,5"
      )
    raise InputError(
      f"config.model.cosam_stages is empty, and a network without COSAM has no masks: {way_out}"
    )

  @property
  def flat(self) -> dict[str, Any]:
    """The configuration as dotted names and plain values."""
    return config_rules.plain(self.config)

  @functools.cached_property
  def test_set(self) -> str:
    """The digest of the test set, see `evaluated_set`."""
    return digest_of(self.tables, self.config.evaluation.gallery)


def _counts_of(tables: Tables) -> dict[str, Any]:
  """Counts by which copies of a data set may differ, without reading frames."""
  found: dict[str, Any] = {}
  for name, table in (
    ("train", tables.train),
    ("query", tables.query),
    ("gallery", tables.gallery),
  ):
    columns = (table.identities, table.cameras, table.lengths)
    digest = zlib.crc32(b"".join(np.ascontiguousarray(column).tobytes() for column in columns))
    found[f"the {name} set"] = f"{len(table)} tracklets, {table.total_frames} frames ({digest:08x})"
  return found
