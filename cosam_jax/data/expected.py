"""The counts of a data set's tables, and a warning if they are not those of the published set."""

import dataclasses

import numpy as np

from cosam_jax.data.sets.registry import Counts, data_set_of
from cosam_jax.data.tracklets import Tables, TrackletTable


def counts(table: TrackletTable) -> Counts:
  """The numbers of tracklets and identities of a table."""
  return Counts(len(table), table.num_identities)


def check_counts(tables: Tables) -> Tables:
  """Adds one warning for each split whose counts differ from the published ones, and one for
  identities that are both trained on and searched for.

  Returns:
    `tables` with `warnings` extended; each gives the expected and the found numbers.
  """
  warnings = list(tables.warnings)
  for split, expected in data_set_of(tables.name).expected.items():
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
