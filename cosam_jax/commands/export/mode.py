"""`--mode=export`: the network of a configuration or a workdir, the example, and the output."""

import os
import pathlib
from typing import Any

from ml_collections import ConfigDict

from cosam_jax.commands.call import Call
from cosam_jax.commands.export import exporter
from cosam_jax.commands.export.companions import kept_sentences
from cosam_jax.commands.export.folder import export_folder
from cosam_jax.data import TrackletTable
from cosam_jax.data.own_tracklets import read_tracklets
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.decisions import network_folder
from cosam_jax.experiment.flat_config import value_of
from cosam_jax.experiment.inference import Reading
from cosam_jax.experiment.network import Network, network_asked_for
from cosam_jax.experiment.parts import read_tables
from cosam_jax.models.foreign import ours


def run(call: Call) -> None:
  """Runs the mode."""
  with call.holding_output():
    export(
      call.config,
      call.folder,
      call.path("output") or call.folder / "export",
      given=call.flags["format"],
      inputs=call.flags["export_input"] or "clips",
      folder=call.flags["input"],
      weights=call.flags["weights"],
    )


def export(
  config: ConfigDict | None,
  workdir: pathlib.Path,
  directory: pathlib.Path,
  *,
  given: str | None = None,
  inputs: str = "clips",
  folder: str | os.PathLike | None = None,
  weights: str | None = None,
) -> dict[str, Any]:
  """Exports a run's network; see `cosam_jax.commands.export.exporter.export`.

  Args:
    config, weights: see `network.network_asked_for`.
    workdir: the folder of the checkpoints.
    directory: the output folder.
    given: formats, separated by commas, each of which must work; None: all that work.
    inputs: the input of the exported programs.
    folder: tracklets for the example; None: the first of the run's test set.

  Returns:
    The content of export.json.

  Raises:
    InputError: there is no network or no frames, a format does not work, or a user's files are in
      the way.
  """
  formats = tuple(exporter.FORMATS) if given is None else exporter.parse_formats(given)
  export_folder(directory).check()
  network = network_asked_for(config, workdir, weights)
  ours(network.model)  # A foreign network is refused before any frame is read.
  if value_of(network.flat, "evaluation.flip"):
    print(
      "note: config.evaluation.flip is True, and an exported program embeds a clip without its "
      "mirror image: give it both, and take the mean of the two vectors"
    )
  table = _frames(network, folder)
  export_folder(directory).check(*([folder] if folder is not None else []))
  record = exporter.export(
    network,
    directory,
    table,
    formats=formats,
    inputs=inputs,
    must=given is not None,
    beside=network_folder(network.place if weights and network.place else workdir),
  )
  print(f"\n{directory}: example.npz has clips and their features, export.json the rest")
  for sentence in kept_sentences(record):
    print(f"{directory}: {sentence}")
  return record


def _frames(network: Network, folder: str | os.PathLike | None) -> TrackletTable:
  if folder is not None:
    return read_tracklets(folder, follow_links=Reading.of(network.flat).follow_links)
  config = config_rules.unflatten(network.flat)
  try:
    return read_tables(config).query
  except InputError as error:
    raise InputError(
      f"the exported network is tested on real frames, and the run's test set cannot be read "
      f"({error}): give a folder of tracklets with --input"
    ) from error
