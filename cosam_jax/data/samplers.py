"""The tracklets of an epoch's batches, drawn so that each of them comes.

Notation: P identities in a batch, K tracklets of each; S batches in an epoch; n tracklets of an
identity; a group is K tracklets of one identity, which come in one batch.
"""

import collections
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

Sampler = Literal["every_identity", "every_tracklet"]
"""`every_identity`: each identity comes at most once an epoch, as `batches.BatchPlan` draws it;
`every_tracklet`: each tracklet comes at least once, as `every_tracklet` draws it."""

SAMPLERS: tuple[str, ...] = get_args(Sampler)


def steps_of_every_tracklet(
  counts: Sequence[int] | np.ndarray, identities: int, instances: int
) -> int:
  """S, the fewest batches that hold every tracklet; it depends on the counts alone.

  An identity has ceil(n / K) groups, and a batch one group of each of P identities. So an epoch has
  at least as many batches as any identity has groups, and room for all groups.

  Args:
    counts: n of each identity, each at least 1.
    identities: P, at most the number of identities.
    instances: K.
  """
  groups = -(-np.asarray(counts, np.int64) // instances)
  return int(max(-(-groups.sum() // identities), groups.max()))


def every_tracklet(
  tracklets: Sequence[np.ndarray], identities: int, instances: int, rng: np.random.Generator
) -> np.ndarray:
  """Draws an epoch in which every tracklet comes at least once.

  Each identity's tracklets are shuffled into groups, see `grouped`. All groups stand in a queue in
  random order, and a batch takes from its front the first groups of P different identities; groups
  that it passes over, since their identity is in the batch already, stay in front. But an identity
  with as many groups left as there are batches left comes in each of them. If fewer than P
  identities have groups left, further groups of others, drawn anew, fill the batch.

  All groups find a place. With s batches left, no identity has more than s groups left, since those
  with s come now; and no more than P * s are left in all, since a batch takes P groups, or one of
  each identity that has any, which then are at most P * (s - 1) afterwards.

  Args:
    tracklets: of each identity the rows of its tracklets, int[n].
    identities: P, at most the number of identities.
    instances: K.
    rng: the source of the draw.

  Returns:
    int64[S, P * K], rows; those of one identity are next to each other, and no identity comes twice
    in a batch.
  """
  groups = [grouped(rows, instances, rng) for rows in tracklets]
  left = np.array([len(own) for own in groups])
  steps = steps_of_every_tracklet([len(rows) for rows in tracklets], identities, instances)
  queue = collections.deque(rng.permutation(np.repeat(np.arange(len(groups)), left)).tolist())
  early = [0] * len(groups)  # Groups that came before their turn, and are still in the queue.
  batches = []
  for step in range(steps):
    chosen = dict.fromkeys(np.flatnonzero(left == steps - step).tolist())
    for label in chosen:
      early[label] += 1
    passed = []
    while queue and len(chosen) < identities:
      label = queue.popleft()
      if early[label]:
        early[label] -= 1
      elif label in chosen:
        passed.append(label)
      else:
        chosen[label] = None
    queue.extendleft(reversed(passed))
    batch = [groups[label][-left[label]] for label in chosen]
    left[list(chosen)] -= 1
    if len(chosen) < identities:
      others = np.setdiff1d(np.arange(len(groups)), list(chosen))
      for label in rng.choice(others, identities - len(chosen), replace=False):
        rows = tracklets[label]
        batch.append(rng.choice(rows, instances, replace=len(rows) < instances))
    batches.append(np.concatenate(batch))
  return np.stack(batches).astype(np.int64)


def grouped(rows: np.ndarray, instances: int, rng: np.random.Generator) -> np.ndarray:
  """Shuffles an identity's tracklets into groups of K.

  What the last group lacks is drawn again: from the other groups' tracklets, without replacement,
  so that a group has K different tracklets; or, of fewer than K tracklets, with replacement.

  Args:
    rows: the identity's tracklets, int[n], at least 1.
    instances: K.
    rng: the source of the draw.

  Returns:
    int64[ceil(n / K), K], in random order.
  """
  order = rng.permutation(rows)
  lacking = -len(order) % instances
  few = len(order) < instances
  others = order if few else order[: len(order) - len(order) % instances]
  again = rng.choice(others, lacking, replace=few)
  return rng.permutation(np.concatenate([order, again]).reshape(-1, instances))
