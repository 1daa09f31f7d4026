"""Makes the calibration of a network from embeddings, and keeps it beside the network."""

import dataclasses
import pathlib
from collections.abc import Sequence

from ml_collections import ConfigDict

from cosam_jax.data.identities import numbering_of
from cosam_jax.data.sets.registry import data_set_of
from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibrated_network import network_of_embeddings
from cosam_jax.evaluation.calibration import (
  Calibration,
  Wishes,
  calibrate,
  digest_of_labelled,
  labelled_rows,
)
from cosam_jax.evaluation.calibration_files import (
  CALIBRATION_FILE,
  check_calibration_replaceable,
  read_calibration,
  write_calibration,
)
from cosam_jax.evaluation.calibration_names import HELD_OUT_PEOPLE, TEST_PEOPLE
from cosam_jax.evaluation.embeddings import EMBEDDINGS_FILE, Embeddings, read_embeddings
from cosam_jax.evaluation.link_files import LINKING_FILE, check_linking_replaceable
from cosam_jax.evaluation.vector_spread import said_if_same
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.calibration_doubts import warnings_of
from cosam_jax.experiment.fields import FIELDS
from cosam_jax.experiment.link_calibrating import calibrate_and_write_links
from cosam_jax.experiment.network_settings import settings_of_embeddings
from cosam_jax.experiment.people_of_run import people_folder
from cosam_jax.experiment.saved_rankings import embed
from cosam_jax.reports.calibration_table import calibration_table, camera_table, det_chart
from cosam_jax.reports.results import write_json
from cosam_jax.runtime import command_line
from cosam_jax.runtime.json_files import check_ours
from cosam_jax.runtime.output_folders import OutputFolder
from cosam_jax.runtime.quiet import warn

CHECK_FILE = "calibration_check.json"
"""The rates of a calibration's thresholds on other people."""
PICTURES_OF_RATES = "calibration"
"""The folder beside `calibration.json` with the DET curve as a picture and as numbers."""


def calibrate_run(
  config: ConfigDict,
  workdir: pathlib.Path,
  wishes: Wishes,
  *,
  people: str | None = None,
  allow_test: bool = False,
  arguments: Sequence[str] | None = None,
) -> Calibration:
  """Embeds a part of a run's people, and calibrates on it.

  Args:
    config: of the run.
    workdir: the run's folder, which receives the calibration.
    wishes: what to calibrate for.
    people: see `calibration_names.PARTS_OF_PEOPLE`; None: those held out.
    allow_test: whether the test set may be used.
    arguments: the command line.

  Raises:
    InputError: as `embed` and `calibrate_file`; or the run held nobody out.
  """
  people = people or HELD_OUT_PEOPLE
  if people == TEST_PEOPLE and not allow_test:
    raise InputError(_refusal("--people=test is", config.data.name))
  _check_place(workdir)
  embeddings = embed(config, workdir, people)
  print()
  path = people_folder(workdir, people) / EMBEDDINGS_FILE
  distance = config_rules.resolve(config).evaluation.distance
  return _calibrate(embeddings, path, distance, workdir, wishes, allow_test, arguments)


def calibrate_file(
  path: pathlib.Path,
  wishes: Wishes,
  *,
  config: ConfigDict | None = None,
  workdir: pathlib.Path | None = None,
  allow_test: bool = False,
  arguments: Sequence[str] | None = None,
) -> Calibration:
  """Calibrates on saved embeddings of labelled tracklets; writes and prints the outcome.

  Args:
    path: a file that `--mode=embed` wrote.
    wishes: what to calibrate for.
    config: says by which distance to compare; None: the embeddings' own does.
    workdir: receives `calibration.json` and the curve; None: the folder of the embeddings.
    allow_test: whether the test set of a known data set may be used.
    arguments: the command line.

  Raises:
    InputError: the file cannot be read, is of the test set, or has too few labelled tracklets.
  """
  place = workdir or path.parent
  embeddings = read_embeddings(path)
  _check_place(place)
  if config is not None:
    distance = config_rules.resolve(config).evaluation.distance
  else:
    own = config_rules.complete(embeddings.origin.config)
    distance = own.get("evaluation.distance", FIELDS["evaluation.distance"].default)
  return _calibrate(embeddings, path, distance, place, wishes, allow_test, arguments)


def check_on_others(
  path: pathlib.Path,
  calibration_file: pathlib.Path,
  wishes: Wishes,
  *,
  workdir: pathlib.Path | None = None,
) -> Calibration:
  """Measures the rates of a calibration's thresholds on other people; chooses nothing.

  Prints a table and writes `calibration_check.json`.

  Args:
    path: labelled embeddings of the same network, also of the test set.
    calibration_file: the calibration.
    wishes: `rank` and `resamples` count; the rest is the calibration's.
    workdir: receives the file; None: the folder of the embeddings.

  Raises:
    InputError: a file cannot be read, or the embeddings are of another network.
  """
  place = workdir or path.parent
  embeddings, calibration = read_embeddings(path), read_calibration(calibration_file)
  distance, settings = calibration.network["distance"], settings_of_embeddings(embeddings)
  why = calibration.misfit(network_of_embeddings(embeddings, distance, settings))
  if why is not None:
    raise InputError(
      f"{calibration_file} is the calibration of another network than that of {path} ({why}): "
      "embed with the same network"
    )
  if calibration.data.get("digest") == digest_of_labelled(embeddings):
    raise InputError(
      f"{path} has the very tracklets that {calibration_file} was made from, on which its rates "
      "are bound to come true: give the embeddings of other people"
    )
  target = place / CHECK_FILE
  check_ours(target, ("checked", "points"))
  found = calibrate(
    embeddings,
    distance,
    dataclasses.replace(
      wishes,
      fmr=tuple(one.wished_fmr for one in calibration.points),
      fpir=(),
      compared=calibration.comparisons["compared"],
    ),
    thresholds=[one.threshold for one in calibration.points],
    settings=settings,
  )
  record = dataclasses.asdict(found)
  kept = ("network", "data", "comparisons", "points", "identification", "uncertainty")
  write_json(
    target,
    {"checked": str(calibration_file), "calibrated_on": calibration.calibrated_on}
    | {name: record[name] for name in kept},
  )
  print(f"thresholds of {calibration_file}, calibrated on {calibration.calibrated_on}\n")
  print(calibration_table(record))
  if alike := said_if_same(embeddings.vectors[labelled_rows(embeddings)]):
    warn(alike)
  print(f"\n{target}")
  return found


def is_of_test_set(embeddings: Embeddings) -> bool:
  """Whether embeddings are of the test set of a known data set.

  Files of earlier versions do not say; with queries they are.
  """
  origin = embeddings.origin
  test = origin.people == TEST_PEOPLE or (origin.people is None and len(embeddings.query_rows) > 0)
  return test and not data_set_of(origin.dataset).own


def pictures_folder(directory: pathlib.Path) -> OutputFolder:
  """The folder of the curve's files, beside `calibration.json`."""
  return OutputFolder(
    directory / PICTURES_OF_RATES, "calibration", ("figures/det.*",), "figures/det.csv",
    remedy="move it away, or give another --workdir",
  )  # fmt: skip


def _check_place(place: pathlib.Path) -> None:
  check_calibration_replaceable(place / CALIBRATION_FILE)
  check_linking_replaceable(place / LINKING_FILE)
  pictures_folder(place).check()


def _calibrate(
  embeddings: Embeddings,
  path: pathlib.Path,
  distance: str,
  place: pathlib.Path,
  wishes: Wishes,
  allow_test: bool,
  arguments: Sequence[str] | None,
) -> Calibration:
  if is_of_test_set(embeddings) and not allow_test:
    raise InputError(_refusal(f"{path} is of", embeddings.origin.dataset))
  settings = settings_of_embeddings(embeddings)
  calibration = calibrate(embeddings, distance, wishes, settings=settings)
  record = dataclasses.asdict(calibration)
  target, before = place / CALIBRATION_FILE, None
  if target.is_file():
    try:
      before = read_calibration(target)
    except InputError:
      before = None
  command = "" if arguments is None else command_line.command(arguments)
  write_calibration(target, calibration, command)
  with pictures_folder(place).replacing() as folder:
    det_chart(folder, record)
  print(calibration_table(record))
  cameras = numbering_of(embeddings.origin.dataset, embeddings.origin.numbering).cameras
  if by_camera := camera_table(record["points"], cameras):
    print(f"\n{by_camera}")
  print()
  print(calibrate_and_write_links(embeddings, calibration, place, wishes.resamples))
  alike = said_if_same(embeddings.vectors[labelled_rows(embeddings)])
  for sentence in [*([alike] if alike else []), *warnings_of(calibration)]:
    warn(sentence)
  if calibration.data["learned"] is None:
    print(
      "note: nobody knows whether the weights were trained on these people; if they were, the "
      "rates are too favourable"
    )
  if before is not None:
    same = before.network.get("vectors_hash") == embeddings.origin.vectors_hash
    of = "the same weights" if same else f"other weights ({before.network.get('label')})"
    print(f"this replaces the calibration of {of}, made on {before.calibrated_on}")
  print(f"{target}, and the curve in {place / PICTURES_OF_RATES / 'figures'}")
  return calibration


def _refusal(what: str, dataset: str) -> str:
  return (
    f"{what} the test set of {dataset}, and a threshold chosen on it would make its results "
    "worthless: use --people=held_out or --people=training, or give --allow_test_people"
  )
