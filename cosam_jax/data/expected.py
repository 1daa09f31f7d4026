"""How many tracklets and identities each published data set has, and the warning when it has not.

Sources: the official MARS index; the data sets' own papers for DukeMTMC-VideoReID (the gallery
holds 702 test identities and 408 distractors), iLIDS-VID and PRID2011 (half of the identities for
training, one tracklet of each identity and camera).
"""

import dataclasses

import numpy as np

from cosam_jax.data.tracklets import Tables, TrackletTable


@dataclasses.dataclass(frozen=True)
class Counts:
  """Tracklets and identities of one split; for a gallery the distractors count as well."""

  tracklets: int
  identities: int

  def __str__(self) -> str:
    return f"{self.tracklets:,} tracklets of {self.identities:,} identities"


SPLITS = ("train", "query", "gallery")

EXPECTED = {
  "mars": dict(zip(SPLITS, (Counts(8298, 625), Counts(1980, 626), Counts(9330, 621)))),
  "dukemtmc_vidreid": dict(zip(SPLITS, (Counts(2196, 702), Counts(702, 702), Counts(2636, 1110)))),
  "ilids_vid": dict(zip(SPLITS, (Counts(300, 150), Counts(150, 150), Counts(150, 150)))),
  "prid2011": dict(zip(SPLITS, (Counts(178, 89), Counts(89, 89), Counts(89, 89)))),
}
"""Published counts by data set and split; data sets that are a person's own have none."""


def counts(table: TrackletTable) -> Counts:
  """Tracklets and identities of a table."""
  return Counts(len(table), table.num_identities)


def check_counts(tables: Tables) -> Tables:
  """Adds one warning for each split whose counts differ from the published ones, and one for
  identities that are both trained on and searched for.

  Returns:
    `tables` with `warnings` extended; each holds the expected and the found numbers.
  """
  warnings = list(tables.warnings)
  for split, expected in EXPECTED.get(tables.name, {}).items():
    found = counts(getattr(tables, split))
    if found != expected:
      fewer = found.tracklets <= expected.tracklets and found.identities <= expected.identities
      reason = (
        "this is a subset, so its results cannot be set beside published ones"
        if fewer
        else "this is another release, or the layout was changed"
      )
      warnings.append(f"{tables.name} {split}: expected {expected}, found {found}; {reason}")
  shared = np.intersect1d(tables.train.identities, tables.query.identities)
  if len(shared):
    first = tables.query.numbering.identity(shared[0])
    warnings.append(
      f"{tables.name}: {len(shared)} identities are in train and in query (first: {first}), so the "
      "test measures people that training has seen"
    )
  return dataclasses.replace(tables, warnings=tuple(warnings))
