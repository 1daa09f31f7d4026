"""The calibration by which a search gives its distances rates."""

import dataclasses
import pathlib
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibration import Calibration
from cosam_jax.evaluation.calibration_files import CALIBRATION_FILE, read_calibration
from cosam_jax.experiment.decisions import note_of
from cosam_jax.experiment.search_sides import Side
from cosam_jax.experiment.stored_calibrations import first_fitting
from cosam_jax.runtime.quiet import warn


@dataclasses.dataclass(frozen=True)
class Rates:
  """A calibration and its file.

  Attributes:
    calibration: see `Calibration`.
    path: of its file.
  """

  calibration: Calibration
  path: pathlib.Path

  def of(self, distance: float) -> dict[str, Any]:
    """What a distance means: `same`, `false_match_rate` and `probability`."""
    return {
      "same": self.calibration.is_same(distance),
      "false_match_rate": self.calibration.false_match_rate(distance),
      "probability": self.calibration.probability(distance),
    }

  def record(self) -> dict[str, Any]:
    """The facts about the calibration, as plain values."""
    one = self.calibration
    return {
      "file": str(self.path),
      "calibrated_on": one.calibrated_on,
      "threshold": one.threshold,
      "wished_fmr": one.points[0].wished_fmr,
      "prior": one.prior,
    }

  def sentence(self) -> str:
    """What the rates are, for people."""
    one = self.calibration
    return (
      f"FMR: how many pairs of two people are at least as near, measured on {one.calibrated_on}. "
      f"Up to {one.threshold:.3g} (FMR {one.points[0].wished_fmr:g}) two are taken for one person."
    )


def rates_for(
  asked: Side,
  searched: Side,
  distance: str,
  *,
  given: pathlib.Path | None = None,
  workdir: pathlib.Path | None = None,
) -> Rates | None:
  """The calibration for a search; None if there is none.

  Args:
    asked, searched: the queries and the gallery.
    distance: by which they are compared.
    given: the file that was asked for; None: one in the workdir, or near a side's file, counts if
      it is surely of the same network, and is passed over with a sentence if not.
    workdir: of the network.

  Raises:
    InputError: the given file cannot be read, or is of another network.
  """
  network = network_of_sides(asked, searched, distance)

  def misfit(found: Calibration) -> str | None:
    return found.misfit(network) or found.misfit(dict(searched.settings))

  def unsure(found: Calibration) -> bool:
    return None in (network["vectors_hash"], found.network["vectors_hash"])

  if given is not None:
    found = read_calibration(given)
    if (why := misfit(found)) is not None:
      raise InputError(
        f"{given} is the calibration of another network than that of {asked.path} and "
        f"{searched.path} ({why}): give that of the same network, or leave --calibration out"
      )
    if unsure(found):
      warn(f"nothing says whether {given} is of the network of these vectors; its rates are used")
    return _told(Rates(found, given))
  sides = (searched.path, asked.path)
  fitting = first_fitting(CALIBRATION_FILE, sides, workdir, read_calibration, misfit, unsure)
  return None if fitting is None else _told(Rates(*fitting))


def network_of_sides(asked: Side, searched: Side, distance: str) -> dict[str, Any]:
  """What `Calibration.misfit` compares, of the two sides of a search."""
  flips = [side.flip for side in (asked, searched) if side.flip is not None]
  return {
    "vectors_hash": asked.vectors_hash or searched.vectors_hash,
    "distance": distance,
    "flip": flips[0] if flips else None,
    **searched.settings,
    **asked.settings,
  }


def _told(rates: Rates) -> Rates:
  if note := note_of(rates.calibration):
    warn(f"{rates.path}: {note}")
  return rates
