"""Training identities with one tracklet: kept, left out, or refused."""

import numpy as np

from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.errors import InputError


def without_single_tracklets(table: TrackletTable, policy: str) -> TrackletTable:
  """Keeps, leaves out or refuses training identities that have one tracklet only.

  All clips of such an identity come from the same few seconds of one camera, so its triplets teach
  nothing about seeing a person again.

  Args:
    table: training tracklets.
    policy: `repeat` keeps them (the published sampler draws their tracklet K times), `drop` leaves
      them out, `error` refuses.

  Raises:
    InputError: there are such identities and the policy is `error`, or none would be left.
  """
  identities, counts = np.unique(table.identities, return_counts=True)
  single = identities[counts == 1]
  if policy == "repeat" or not len(single):
    return table
  names = [str(table.numbering.identity(identity)) for identity in single[:5]]
  listed = f"{', '.join(names)}{', ...' if len(single) > 5 else ''}"
  if policy == "error":
    raise InputError(
      f"{len(single)} of {len(identities)} training identities have one tracklet only ({listed}): "
      "add tracklets, or set data.single_tracklet to drop or repeat"
    )
  if len(single) == len(identities):
    raise InputError(
      f"all {len(identities)} training identities have one tracklet only ({listed}), so none is "
      "left after dropping them: add tracklets, or set data.single_tracklet to repeat"
    )
  return table.select(~np.isin(table.identities, single))
