"""A table as rows and columns, before it is written in any format."""

import dataclasses
from collections.abc import Mapping

from cosam_jax.reports.published import TABLES


@dataclasses.dataclass(frozen=True)
class Line:
  """A row of a block.

  Attributes:
    name: for people.
    ours: metric -> percent; empty if nothing was run.
    spreads: metric -> standard deviation over seeds; empty with one seed.
    published: metric -> percent; empty if the poster has none, or none that can be compared.
    note: a sentence about the row; may be empty.
    comparable: whether ours may be subtracted from the published.
  """

  name: str
  ours: Mapping[str, float]
  spreads: Mapping[str, float]
  published: Mapping[str, float]
  note: str
  comparable: bool

  def difference(self, metric: str) -> float | None:
    """Ours less the published, in percentage points; None if the two cannot be compared."""
    if not self.comparable or metric not in self.ours or metric not in self.published:
      return None
    return self.ours[metric] - self.published[metric]


@dataclasses.dataclass(frozen=True)
class Block:
  """One table on one data set.

  Attributes:
    table: a key of `published.TABLES`.
    dataset: the data set.
    metrics: the columns.
    lines: the rows.
    obstacles: reasons against comparing the block's numbers with the poster's; empty if there are
      none.
    notes: the protocol, the settings, and differences between rows.
  """

  table: str
  dataset: str
  metrics: tuple[str, ...]
  lines: tuple[Line, ...]
  obstacles: tuple[str, ...]
  notes: tuple[str, ...]

  @property
  def title(self) -> str:
    """The block's title, for people."""
    return f"{TABLES[self.table]}: {self.dataset} (%)"

  @property
  def has_published(self) -> bool:
    """Whether the block has a published number."""
    return any(line.published for line in self.lines)
