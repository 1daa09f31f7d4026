"""The configuration of weights that `--mode=export` wrote, from the record beside them."""

import pathlib
from collections.abc import Mapping
from typing import Any

from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.experiment import config as config_rules
from cosam_jax.runtime.json_files import read_json
from cosam_jax.runtime.quiet import warn

RECORD = "export.json"
SAFETENSORS, PICKLED = "model.safetensors", "model.pth.tar"
WEIGHTS = (SAFETENSORS, PICKLED)


def exported_configuration(path: pathlib.Path) -> dict[str, Any]:
  """The flat configuration of an exported file of weights; empty if it is none.

  Such a file says nothing of the frames that its network takes, nor of the network's settings.

  Raises:
    InputError: the record beside the file cannot be read.
  """
  record = _record(path)
  config = record.get("config")
  return config_rules.complete(config) if isinstance(config, Mapping) and config else {}


def warn_of_other_weights(path: pathlib.Path, variables: Mapping[str, Any]) -> None:
  """Warns if the record beside an exported file is of other weights than the file's."""
  wanted = _record(path).get("weights_hash")
  if wanted is not None and wanted != weights_hash(variables):
    warn(
      f"{path.name} has other weights than those that {RECORD} beside it is about; its "
      "configuration is used all the same"
    )


def _record(path: pathlib.Path) -> dict[str, Any]:
  place = path.with_name(RECORD)
  if path.name not in WEIGHTS or not place.is_file():
    return {}
  record = read_json(place, "the record of an export", "export again")
  return record if isinstance(record, dict) else {}
