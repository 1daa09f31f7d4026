"""What goes along with exported or published weights: the record, and what was measured of them.

Beside the weights lie, as far as they exist and are of the same network, its calibration, its
calibration of links, and its protocol card: the numbers of its evaluation and how they were made.
"""

import json
import pathlib
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import cosam_jax
from cosam_jax.data.pixel_numbers import IMAGENET_MEAN, IMAGENET_STD
from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibrated_network import network_misfit
from cosam_jax.evaluation.calibration_files import CALIBRATION_FILE, read_calibration
from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.evaluation.link_files import LINKING_FILE, read_links
from cosam_jax.experiment.decisions import network_facts
from cosam_jax.experiment.inference import Reading
from cosam_jax.experiment.network import Network
from cosam_jax.experiment.trained_here import is_trained_here
from cosam_jax.models.exported_record import RECORD_FORMAT, TRAINED_HERE
from cosam_jax.reports.protocol_card import PROTOCOL_FILE, protocol_card
from cosam_jax.reports.results import read_results, write_json
from cosam_jax.runtime.json_files import read_json

COMPANIONS = (CALIBRATION_FILE, LINKING_FILE, PROTOCOL_FILE)
"""The files that may lie beside the weights."""
_RESULTS = "results.json"

Keep = Callable[[Network, pathlib.Path, pathlib.Path], dict[str, Any] | None]


def network_record(network: Network) -> dict[str, Any]:
  """The part of `export.json` about the network itself."""
  return {
    "format": RECORD_FORMAT,
    "program": f"cosam-jax {cosam_jax.__version__}",
    "weights": network.label,
    "weights_hash": weights_hash(network.variables),
    TRAINED_HERE: is_trained_here(network),
    "mean": list(IMAGENET_MEAN),
    "std": list(IMAGENET_STD),
    "resize": Reading.of(network.flat).resize_method,
    "config": dict(network.flat),
  }


def keep_companions(
  network: Network, beside: pathlib.Path | None, folder: pathlib.Path
) -> dict[str, Any]:
  """Copies what was measured of a network; a sentence is printed for what is of another one.

  Args:
    network: the network.
    beside: the folder that may have it: a run's, or that of an export; None: nothing does.
    folder: receives the files.

  Returns:
    Their part of `export.json`: name of the entry -> `file`, and facts about it.
  """
  found: dict[str, Any] = {}
  for name, (files, keep) in _KINDS.items():
    for path in (beside / file for file in files) if beside is not None else ():
      if not path.is_file():
        continue
      try:
        entry = keep(network, path, folder)
      except InputError as error:
        print(f"left out: {error}")
        continue
      if entry is not None:
        found[name] = entry
        break
  return found


def kept_sentences(record: Mapping[str, Any]) -> list[str]:
  """A sentence on each file of `keep_companions`."""
  return [
    f"{record[name]['file']} has the network's {words}"
    for name, words in _WORDS.items()
    if record.get(name)
  ]


def _keep_calibration(
  network: Network, path: pathlib.Path, folder: pathlib.Path
) -> dict[str, Any] | None:
  found = read_calibration(path)
  if (why := found.misfit(network_facts(network))) is not None:
    print(f"left out: {path}, the calibration of another network ({why})")
    return None
  content = read_json(path, "the calibration", "calibrate again")
  content["command"] = ""  # It names places on this disk.
  (folder / CALIBRATION_FILE).write_text(json.dumps(content, indent=1) + "\n")
  return {
    "file": CALIBRATION_FILE,
    "calibrated_on": found.calibrated_on,
    "distance": found.network["distance"],
    "threshold": found.threshold,
    "wished_fmr": found.points[0].wished_fmr,
  }


def _keep_links(
  network: Network, path: pathlib.Path, folder: pathlib.Path
) -> dict[str, Any] | None:
  found, width = read_links(path), network.variables["params"]["classifier"]["kernel"].shape[0]
  why = network_misfit(found.network, network_facts(network))
  if len(found.space.centre) != width:
    why = f"its vectors have {len(found.space.centre)} dimensions, and these {width}"
  if why is not None:
    print(f"left out: {path}, the calibration of links of another network ({why})")
    return None
  shutil.copyfile(path, folder / LINKING_FILE)
  facts = {name: found.data.get(name) for name in ("dataset", "people", "identities")}
  return {"file": LINKING_FILE, **facts}


def _keep_numbers(
  network: Network, path: pathlib.Path, folder: pathlib.Path
) -> dict[str, Any] | None:
  card = protocol_card(read_results(path), weights_hash(network.variables))
  if card is None:
    print(f"left out: {path}, the results of other weights")
    return None
  write_json(folder / PROTOCOL_FILE, card)
  return {"file": PROTOCOL_FILE, "results": len(card["results"])}


_KINDS: dict[str, tuple[tuple[str, ...], Keep]] = {
  "calibration": ((CALIBRATION_FILE,), _keep_calibration),
  "linking": ((LINKING_FILE,), _keep_links),
  "protocol": ((PROTOCOL_FILE, _RESULTS), _keep_numbers),
}
_WORDS = {
  "calibration": "calibration",
  "linking": "calibration of links",
  "protocol": "numbers, and the protocol by which they were measured",
}
