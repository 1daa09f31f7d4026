"""Decisions about two vectors by the calibration that is stored with their network."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibration import Calibration
from cosam_jax.evaluation.calibration_files import CALIBRATION_FILE, read_calibration
from cosam_jax.evaluation.distances import check_features
from cosam_jax.evaluation.fingerprints import vectors_hash
from cosam_jax.evaluation.search import exact_distances
from cosam_jax.evaluation.vector_spread import check_directions, check_lengths
from cosam_jax.experiment.flat_config import value_of
from cosam_jax.experiment.given_frames import Path, Tracklet
from cosam_jax.experiment.network import Network
from cosam_jax.experiment.network_settings import settings_of_network
from cosam_jax.runtime.given_values import kind_of_value
from cosam_jax.runtime.user_paths import user_path
from cosam_jax.training.checkpoints import BEST, LAST

VectorOrTracklet = np.ndarray | Tracklet
"""float[D], or a tracklet."""
_DIMENSIONS_OF_FRAME = 3


@dataclasses.dataclass(frozen=True)
class Decision:
  """The answer to whether two tracklets are of one person.

  Attributes:
    same: whether they are taken for one person: the distance is at most the threshold.
    distance: between their vectors.
    threshold: that of the calibration.
    false_match_rate: how many pairs of two people are at least as near, 0 to 1; rather too large
      than too small, and never below what so many people support (3 / pairs of people).
    probability: of one person, for the prior.
    prior: the share of pairs of one person that the probability is for.
    calibrated_on: the people on whom the rates were measured.
    note: a reason not to rely on the rates; None if none is known.
  """

  same: bool
  distance: float
  threshold: float
  false_match_rate: float
  probability: float
  prior: float
  calibrated_on: str
  note: str | None


class Stored:
  """The calibration of a network, which is read and checked when it is first needed.

  Args:
    path: the file; None if there is none.
    network: the network that makes the vectors.
  """

  def __init__(self, path: Path | None, network: Network):
    """Reads nothing yet; InputError if the file does not exist."""
    if path is not None and not _file_of(path).is_file():
      raise InputError(
        f"the calibration {os.fspath(path)} does not exist: give a file that --mode=calibrate wrote"
      )
    self.path, self._network = path, network

  @functools.cached_property
  def calibration(self) -> Calibration:
    """The calibration; InputError if there is none, it cannot be read, or is of another network."""
    if self.path is None:
      raise InputError(
        "there is no calibration beside the network, so nobody knows what its distances mean: make "
        "one with --mode=calibrate, or give the file"
      )
    found = read_calibration(self.path)
    if (why := found.misfit(network_facts(self._network))) is not None:
      raise InputError(
        f"{self.path} is the calibration of another network than this one ({why}): calibrate this "
        "one with --mode=calibrate"
      )
    return found

  def decision(self, first: np.ndarray, second: np.ndarray, prior: float | None) -> Decision:
    """The decision about two vectors float[D]; see `Embedder.same_person`."""
    calibration = self.calibration
    one, other = (check_features(vector[None], "given") for vector in (first, second))
    if one.shape != other.shape:
      raise InputError(
        f"the two vectors have {one.shape[1]} and {other.shape[1]} dimensions: both must come from "
        "this network"
      )
    width = self._network.embedding_size
    if one.shape[1] != width:
      raise InputError(
        f"the two vectors have {one.shape[1]} dimensions, and those of this network have {width}: "
        "give vectors that it made"
      )
    vectors, names = np.concatenate([one, other]), ("the first tracklet", "the second tracklet")
    kind = calibration.network["distance"]
    if kind == "cosine" or not vectors.any():  # Two of zeros are equal, whoever they show.
      check_directions(vectors, names)
    if kind != "cosine":
      check_lengths(vectors, names)
    distance = float(exact_distances(one[0], other, kind)[0])
    return Decision(
      same=calibration.is_same(distance),
      distance=distance,
      threshold=calibration.threshold,
      false_match_rate=calibration.false_match_rate(distance),
      probability=calibration.probability(distance, prior),
      prior=calibration.prior if prior is None else prior,
      calibrated_on=calibration.calibrated_on,
      note=note_of(calibration, self._network.flat.get("data.name")),
    )


def network_facts(network: Network) -> dict[str, Any]:
  """What `Calibration.misfit` compares, of a network in memory."""
  flat = network.flat
  return {
    "vectors_hash": vectors_hash(network.variables),
    "distance": flat.get("evaluation.distance"),
    "flip": bool(value_of(flat, "evaluation.flip")),
    **settings_of_network(network),
  }


def note_of(calibration: Calibration, dataset: str | None = None) -> str | None:
  """A reason not to rely on a calibration's rates; None if none is known.

  Args:
    calibration: see `Calibration`.
    dataset: the data set of the network's own run; None if unknown.
  """
  data = calibration.data
  if data.get("learned"):
    return "the network was trained on these people, so its rates are too favourable"
  if dataset is not None and data["dataset"] != dataset:
    return f"calibrated on other data ({data['dataset']}) than those of the network's run"
  first = calibration.points[0]
  if not first.supported:
    return (
      f"its threshold is for a false match rate of {first.wished_fmr:g}, and so few people support "
      f"none below {calibration.comparisons['smallest_fmr']:.2g}"
    )
  if data.get("learned", True) is None:
    return (
      "nobody knows whether the network was trained on these people; if it was, its rates are too "
      "favourable"
    )
  return None


def network_folder(path: Path) -> pathlib.Path:
  """The folder of a network, in which what was measured of it lies.

  Args:
    path: a workdir, which need not be there yet, its folder `checkpoints` or `best`, a checkpoint
      in there, or a weights file.
  """
  place = user_path(os.fspath(path)).absolute()
  if place.is_file():
    return place.parent
  if place.parent.name in (BEST, LAST):
    return place.parent.parent
  return place.parent if place.name in (BEST, LAST) else place


def calibration_beside(path: Path) -> pathlib.Path | None:
  """The calibration that is stored with a network; None if there is none.

  Args:
    path: see `network_folder`.
  """
  found = network_folder(path) / CALIBRATION_FILE
  return found if found.is_file() else None


def _file_of(path: Path) -> pathlib.Path:
  """The file that `read_calibration` reads."""
  if not isinstance(path, str | os.PathLike):
    raise InputError(f"the calibration is {kind_of_value(path)}: give the path of a file")
  place = user_path(path)
  return place / CALIBRATION_FILE if place.is_dir() else place


def is_vector(given: VectorOrTracklet) -> TypeGuard[np.ndarray | Sequence[float]]:
  """Whether an argument is a vector, and no tracklet: one row of real numbers, not of pictures."""
  if hasattr(given, "dtype"):
    # Others are not made arrays, since a list of frames would be copied.
    array = np.asarray(given)
    return array.ndim == 1 and array.dtype.kind == "f" and not np.ma.isMaskedArray(given)
  return (
    isinstance(given, list | tuple)
    and bool(given)
    and all(isinstance(value, float | np.floating) for value in given)
  )


def check_comparable(name: str, given: VectorOrTracklet) -> None:
  """Refuses what is neither a vector nor has the form of a tracklet, as a matrix with one row.

  Args:
    name: of the argument.
    given: as it was given.

  Raises:
    InputError: the reason is in what it is; frames of a tracklet are not looked at.
  """
  first: Any = given[0] if isinstance(given, list | tuple) and given else given
  if is_vector(given) or isinstance(first, str | os.PathLike | Iterator):
    return
  try:
    flat = np.ndim(first) < _DIMENSIONS_OF_FRAME
  except ValueError:  # Frames of several sizes.
    flat = False
  if flat or np.ma.isMaskedArray(given):
    kind = kind_of_value(given) + ("" if first is given else f" with {kind_of_value(first)} in it")
    raise InputError(
      f"{name} is {kind}: give a vector float[D] that this network made, or a tracklet as for embed"
    )
