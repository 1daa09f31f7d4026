"""Calibrates links beside a calibration of distances: `linking.npz` of `--mode=calibrate`."""

import pathlib

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibration import Calibration, labelled_rows
from cosam_jax.evaluation.embeddings import Embeddings
from cosam_jax.evaluation.link_calibration import LinkCalibration, calibrate_links
from cosam_jax.evaluation.link_files import LINKING_FILE, write_links
from cosam_jax.evaluation.vector_spread import check_directions

_MOST_RESAMPLES = 1000


def calibrate_and_write_links(
  embeddings: Embeddings, calibration: Calibration, place: pathlib.Path, resamples: int
) -> str:
  """Writes `linking.npz`, or removes that of earlier vectors if it cannot be made.

  Args:
    embeddings: of labelled tracklets.
    calibration: of their distances, whose facts about network and people it shares.
    place: the folder.
    resamples: how often people are drawn for intervals, at most 1000 times.

  Returns:
    A sentence on the outcome.
  """
  path = place / LINKING_FILE
  known = labelled_rows(embeddings)
  try:
    check_directions(embeddings.vectors[known], embeddings.names[known])
    found = calibrate_links(
      embeddings.vectors[known],
      embeddings.identities[known],
      embeddings.cameras[known],
      network=calibration.network,
      data={name: calibration.data[name] for name in ("dataset", "people", "learned")},
      resamples=min(resamples, _MOST_RESAMPLES),
    )
  except InputError as error:
    earlier = f"; the earlier {path} is removed" if path.is_file() else ""
    path.unlink(missing_ok=True)
    return f"no calibration for --mode=link: {error}{earlier}"
  write_links(path, found)
  return links_sentence(found, path) + _drawn_people(found, embeddings.identities[known])


def _drawn_people(found: LinkCalibration, identities: np.ndarray) -> str:
  """How many people were drawn, if not all were used."""
  used, given = found.data["identities"], len(np.unique(identities))
  return "" if used == given else f"; {used:,} of {given:,} people were drawn for it"


def links_sentence(found: LinkCalibration, path: pathlib.Path) -> str:
  """What is known about links, in words."""
  kind = found.kind_for(found.data["linked_tracklets"])
  numbers, (low, high) = found.kinds[kind].numbers, found.kinds[kind].intervals["bcubed_f"]
  return (
    f"people linked in halves of {found.data['linked_people']:,}: B-cubed precision "
    f"{numbers['bcubed_precision']:.3f}, recall {numbers['bcubed_recall']:.3f}, F "
    f"{numbers['bcubed_f']:.3f} ({low:.3f} to {high:.3f}), {numbers['found']:,} people found for "
    f"{numbers['people']:,}; {path} is for --mode=link"
  )
