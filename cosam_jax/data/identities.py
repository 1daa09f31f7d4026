"""The meaning of the numbers of a data set's identities and cameras, and their names.

`JUNK` is nobody in every table. The meaning of other numbers depends on the data set: in MARS 0 is
a distractor, a person whom nobody searches for; elsewhere 0 is a person like any other.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from cosam_jax.data.gaps import is_gap
from cosam_jax.data.sets.registry import data_set_of

JUNK = -1
"""Identity of tracklets that no protocol uses (MARS writes `00-1`); every reader drops them."""

is_no_identity = is_gap
"""Whether a folder's name or a field in a user's data marks the identity as unknown."""

UNKNOWN_CAMERA = -1
"""The camera of a tracklet if it is unknown; only training tracklets may have it."""


@dataclasses.dataclass(frozen=True)
class Numbering:
  """The meaning of the numbers of a table.

  Attributes:
    distractor: the identity that is nobody in particular and cannot be a query; None: no identity
      is.
    identities: number -> the name in the user's data, if it is not the number itself.
    cameras: likewise.
  """

  distractor: int | None = None
  identities: Mapping[int, str] = dataclasses.field(default_factory=dict)
  cameras: Mapping[int, str] = dataclasses.field(default_factory=dict)

  def identity(self, number: int) -> int | str:
    """The name of an identity, or its number."""
    return self.identities.get(int(number), int(number))

  def camera(self, number: int) -> int | str:
    """The name of a camera, or its number."""
    return self.cameras.get(int(number), int(number))

  def people(self, identities: np.ndarray) -> np.ndarray:
    """bool array: which identities are people, neither junk nor distractors."""
    identities = np.asarray(identities)
    return (identities != JUNK) & ~self.distractors(identities)

  def distractors(self, identities: np.ndarray) -> np.ndarray:
    """bool array: which identities are the data set's distractor."""
    identities = np.asarray(identities)
    if self.distractor is None:
      return np.zeros(identities.shape, bool)
    return identities == self.distractor

  def joined(self, other: "Numbering") -> "Numbering":
    """The numbering of tables that were put together."""
    return Numbering(
      self.distractor if other.distractor is None else other.distractor,
      {**self.identities, **other.identities},
      {**self.cameras, **other.cameras},
    )

  def record(self) -> dict[str, dict[str, str]]:
    """The names in a form that JSON can hold."""
    pairs = (("identities", self.identities), ("cameras", self.cameras))
    return {key: {str(number): name for number, name in names.items()} for key, names in pairs}


PLAIN = Numbering()
"""The numbering in which numbers are their own names, and every identity is a person."""


def numbering_of(dataset: str, record: Mapping[str, Mapping[str, str]] | None = None) -> Numbering:
  """The meaning of a data set's numbers, by its name.

  Args:
    dataset: its name.
    record: names, from `Numbering.record`; None if there are none.
  """
  names = {
    key: {int(number): str(name) for number, name in (record or {}).get(key, {}).items()}
    for key in ("identities", "cameras")
  }
  return Numbering(data_set_of(dataset).distractor, **names)
