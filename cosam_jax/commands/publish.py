"""`--mode=publish`: the folder of a network for the Hugging Face Hub, and its upload."""

import dataclasses
import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from cosam_jax.commands.call import Call
from cosam_jax.commands.export.companions import (
  COMPANIONS,
  keep_companions,
  kept_sentences,
  network_record,
)
from cosam_jax.commands.export.edited_cards import (
  NEW_CARD,
  check_licence,
  digest_of,
  is_edited,
  written_before,
)
from cosam_jax.commands.export.formats import reads_back, write_safetensors
from cosam_jax.errors import InputError, suggestion
from cosam_jax.evaluation.calibration_files import CALIBRATION_FILE, read_calibration
from cosam_jax.evaluation.link_files import LINKING_FILE, read_links
from cosam_jax.experiment.calibration_doubts import warnings_of
from cosam_jax.experiment.decisions import network_folder
from cosam_jax.experiment.exported_weights import recipe_of, shareable
from cosam_jax.experiment.network import Network, network_asked_for
from cosam_jax.models.exported_record import (
  CARD,
  CARD_DIGEST,
  CARD_FACTS,
  DIGESTS,
  RECORD,
  SAFETENSORS,
  TRAINED_HERE,
  digests_of,
)
from cosam_jax.models.foreign import ours
from cosam_jax.models.hub_errors import hub_client
from cosam_jax.models.hub_names import why_no_repository
from cosam_jax.models.hub_upload import upload
from cosam_jax.reports.model_card import LICENCES, Published, model_card
from cosam_jax.reports.protocol_card import PROTOCOL_FILE
from cosam_jax.reports.results import read_results
from cosam_jax.runtime.output_folders import OutputFolder
from cosam_jax.runtime.quiet import warn

_FILES = (SAFETENSORS, RECORD, *COMPANIONS)
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_LAW = (
  "A published network can single out people whom its publisher never meets: read "
  "docs/responsible_use.md first."
)


def run(call: Call) -> None:
  """Runs the mode."""
  with call.holding_output():
    publish(
      call.config,
      call.folder,
      call.path("output") or call.folder / "published",
      licence=call.flags["licence"],
      weights=call.flags["weights"],
      push=call.flags["push"],
    )


def publish(
  config: ConfigDict | None,
  workdir: pathlib.Path,
  directory: pathlib.Path,
  *,
  licence: str,
  weights: str | None = None,
  push: str | None = None,
) -> dict[str, Any]:
  """Writes weights, configuration, protocol card, calibrations and model card; uploads them.

  Args:
    config, weights: see `network.network_asked_for`.
    workdir: the folder of the checkpoints, or an export.
    directory: the output folder. Its model card stays if somebody edited it.
    licence: of the weights, as the Hub names it.
    push: `org/name`, to which the folder is uploaded; None: nothing is uploaded.

  Returns:
    The content of `export.json`.

  Raises:
    InputError: there is no network or its configuration is unknown, a name cannot be one, a user's
      files are in the way, or the upload failed; the folder is then complete.
  """
  licence = licence.strip().lower()
  if not _LICENCE.fullmatch(licence):
    raise InputError(
      f"--licence is {licence!r}: give the name that the Hub has for it, such as apache-2.0, "
      "cc-by-nc-4.0 or other"
    )
  if push is not None:
    if why := why_no_repository(push):
      raise InputError(f"--push is {push!r}, which cannot be a repository, since {why}")
    hub_client("--push")
  if licence not in LICENCES:
    near = suggestion(licence, LICENCES)
    warn(
      f"--licence {licence} is none of the licences known here, so the Hub may not know it{near}"
    )
  folder = OutputFolder(directory, "publish", (*_FILES, CARD, NEW_CARD), RECORD)
  card, edited = directory / CARD, is_edited(directory, folder)
  before = written_before(directory, CARD_FACTS)
  if edited:
    check_licence(card, licence)
    folder = dataclasses.replace(folder, spared=(CARD,))
  folder.check()
  network = network_asked_for(config, workdir, weights)
  ours(network.model)  # A foreign network is somebody else's to publish.
  if not network.flat:
    raise InputError(
      f"the configuration of {network.label} is unknown, and a published network says how frames "
      "are read: give --config with its fields"
    )
  beside = network_folder(network.place if weights and network.place else workdir)
  with folder.replacing() as partial:
    write_safetensors(network, partial / SAFETENSORS)
    if not reads_back(partial / SAFETENSORS, network):
      raise InputError(f"{SAFETENSORS} does not give the weights again: nothing is written")
    record = {**network_record(network), "config": shareable(network.flat)}
    record |= keep_companions(network, beside, partial)
    names = [name for name in _FILES if (partial / name).is_file()]
    record[DIGESTS] = digests_of(partial, names)
    about = _about(network, record, partial, licence)
    text = model_card(dataclasses.replace(about, name=push))
    record |= {CARD_DIGEST: digest_of(text), CARD_FACTS: digest_of(model_card(about))}
    outdated = edited and record[CARD_FACTS] != before
    if not edited or outdated:
      (partial / (NEW_CARD if outdated else CARD)).write_text(text, encoding="utf-8")
    (partial / RECORD).write_text(json.dumps(record, indent=1) + "\n")
  if edited:
    print(f"{card} was edited, so it stays as it is")
  for sentence in (f"{SAFETENSORS} has {network.label}", *kept_sentences(record)):
    print(f"{directory}: {sentence}")
  if "protocol" not in record:
    warn(f"no results of these weights lie in {beside}, so the model card has no numbers")
  if not record[TRAINED_HERE] and not edited:
    warn(
      f"these weights ({network.label}) were not trained by this program, as far as it knows: say "
      f"in {card} on whom they were trained"
    )
  if record[TRAINED_HERE] and record["config"]["data.name"] == "dukemtmc_vidreid":
    warn("DukeMTMC was withdrawn by its authors: think again before you publish what it taught")
  print(f"{card} is the model card: read it, and add what you know")
  print(_LAW)
  if outdated:
    warn(
      f"{card} may be outdated, since a new card would say other things than the one that was "
      f"edited: compare it with {directory / NEW_CARD}"
    )
    if push is not None:
      raise InputError(f"nothing was uploaded: bring {card} up to date, and give the command again")
  if push is None:
    print(f"nothing was uploaded; --push=ORGANISATION/NAME uploads {directory}")
  else:
    print(f"uploaded: {upload(directory, (CARD, RECORD, *names), push, (CARD, *_FILES))}")
  return record


def _about(
  network: Network,
  record: Mapping[str, Any],
  folder: pathlib.Path,
  licence: str,
) -> Published:
  """What the model card tells, but for the repository's name, from the files that go with it."""
  numbers = read_results(folder / PROTOCOL_FILE) if "protocol" in record else None
  calibration, links, doubts = None, None, list[str]()
  if "calibration" in record:
    measured = read_calibration(folder / CALIBRATION_FILE)
    calibration, doubts = dataclasses.asdict(measured), warnings_of(measured)
  if "linking" in record:
    found = read_links(folder / LINKING_FILE)
    kind = found.kinds[found.kind_for(found.data["linked_tracklets"])]
    links = {
      "people": found.data["linked_people"],
      "of": found.data["dataset"],
      "numbers": kind.numbers,
      "intervals": kind.intervals,
    }
  people = (numbers or {}).get("run", {}).get("training_identities")
  return Published(
    name=None,
    licence=licence,
    config=record["config"],
    weights=network.label,
    weights_hash=record["weights_hash"],
    people=people or network.ours.num_classes,
    trained=record[TRAINED_HERE],
    recipe=recipe_of(record["config"], record[TRAINED_HERE]),
    numbers=numbers,
    calibration=calibration,
    links=links,
    doubts=doubts,
  )
