"""Notices training that learns nothing, while there is time to stop it."""

import collections
import math

import numpy as np

_AFTER, _LATEST = 250, 100  # Numbers of steps.


class StartWatch:
  """Watches the losses of the first steps of a process, and gives at most one warning.

  Args:
    num_classes: training identities; the cross-entropy of guessing is its logarithm, with smoothed
      labels too.
    triplet_margin: the margin of the triplet loss, which is also its value while all vectors are
      one point; 0 if its weight is zero.
  """

  def __init__(self, num_classes: int, triplet_margin: float):
    self._chance = math.log(num_classes)
    self._margin = triplet_margin
    self._latest: collections.deque[tuple[float, float]] = collections.deque(maxlen=_LATEST)
    self._seen = 0

  def __call__(self, step: int, values: dict[str, float]) -> str | None:
    """Takes the values of a step; each step once and in order.

    Args:
      step: its number, from 1.
      values: hold `cross_entropy` and `triplet`.

    Returns:
      A sentence to print if this step shows that training learns nothing; else None.
    """
    self._seen += 1
    if self._seen > _AFTER:
      return None
    self._latest.append((values["cross_entropy"], values["triplet"]))
    if self._seen < _AFTER:
      return None
    entropy, triplet = np.mean(self._latest, axis=0)
    if entropy < 0.98 * self._chance:
      return None
    text = (
      f"step {step}: cross-entropy over the last {_LATEST} steps is {entropy:.2f}, and guessing "
      f"gives {self._chance:.2f}: people are not told apart yet."
    )
    if self._margin and abs(triplet / self._margin - 1) < 0.2:
      return (
        f"{text} The triplet loss is at its margin ({triplet:.2f}), as if all vectors were one "
        "point: try --config.loss.triplet_weight=0.1, or trained weights (init.weights)"
      )
    return f"{text} Try another optim.learning_rate, or trained weights (init.weights)"
