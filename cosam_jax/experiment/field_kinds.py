"""The description of a field: its type, default, role and legal values."""

import dataclasses
import math
from typing import Any

PLACE, SPEED, REPORT = "place", "speed", "report"
MEASURING, NETWORK, TRAINING = "measuring", "network", "training"
ROLES: dict[str, str] = {
  PLACE: "The place of the data and how they are read: alters no number.",
  SPEED: "The speed, the parts of the work and the logs: alters no number.",
  REPORT: "Things shown besides the results: alters no number.",
  MEASURING: "The evaluation of a trained network: alters results, but no weight.",
  NETWORK: "The network: weights fit no other.",
  TRAINING: "The data that the network learns from, and how it learns.",
}
"""Role -> its meaning."""

FROM_PRESET = "preset"
"""The value of a field that a preset decides."""

_FREE_ON_RESUME = (PLACE, SPEED, REPORT, MEASURING)


@dataclasses.dataclass(frozen=True)
class Field:
  """One field of the configuration.

  Attributes:
    kind: its Python type; `tuple` means a tuple of integers.
    default: its value if a configuration does not state it.
    role: one of `ROLES`.
    help: its meaning, with its unit.
    legal: the values it may take, if they can be listed.
    least, most: inclusive bounds of a number (or of each number of a tuple). Every number has a
      `most`: far above what anybody needs, and where time, memory and float32 still suffice.
    above: exclusive lower bound.
    length: the number of entries of a tuple.
    path: whether it names a file or folder, so that `~` is the home directory.
    resumable: whether training may continue with another value; None: its role decides.
    before: the value of runs that are older than the field; None: the default.
    tested: whether the numbers of an evaluation of given weights depend on it; None: its role
      decides.
    late: whether there are runs that are older than the field. The hash of a configuration is
      without it if it has their value, so that the hash stays what it was.
  """

  kind: type
  default: Any
  role: str
  help: str
  legal: tuple[Any, ...] | None = None
  least: float | None = None
  most: float | None = None
  above: float | None = None
  length: int | None = None
  path: bool = False
  resumable: bool | None = None
  before: Any = None
  tested: bool | None = None
  late: bool = False

  @property
  def in_evaluation(self) -> bool:
    """Whether an evaluation of the same weights may have other numbers if the field changes."""
    return self.role in (NETWORK, MEASURING) if self.tested is None else self.tested

  @property
  def free_on_resume(self) -> bool:
    """Whether training may continue in its workdir after the field has changed."""
    return self.role in _FREE_ON_RESUME if self.resumable is None else self.resumable

  @property
  def earlier(self) -> Any:
    """The value of runs that are older than the field."""
    return self.default if self.before is None else self.before

  def allowed(self) -> str:
    """The legal values in words."""
    if self.legal is not None:
      return "one of " + ", ".join(str(value) for value in self.legal)
    noun = {bool: "True or False", int: "an integer", float: "a number", str: "a text"}.get(
      self.kind, f"a tuple of {self.length or 'any number of'} integers"
    )
    bounds = [f"at least {self.least}"] if self.least is not None else []
    bounds += [f"greater than {self.above}"] if self.above is not None else []
    bounds += [f"at most {self.most}"] if self.most is not None else []
    return " ".join([noun, " and ".join(bounds)]).strip()

  def accepts(self, value: Any) -> bool:
    """Whether `value` has the field's type and is one of its legal values."""
    if self.kind is float:
      # A whole number of hundreds of digits fits in no float.
      fits = type(value) is int or (type(value) is float and math.isfinite(value))
    elif self.kind is tuple:
      fits = isinstance(value, tuple | list) and all(type(item) is int for item in value)
      fits = fits and self.length in (None, len(value))
    else:
      fits = type(value) is self.kind
    if not fits or (self.legal is not None and value not in self.legal):
      return False
    if self.kind not in (int, float, tuple):
      return True
    return all(
      (self.least is None or item >= self.least)
      and (self.most is None or item <= self.most)
      and (self.above is None or item > self.above)
      for item in (value if self.kind is tuple else (value,))
    )


def choice(
  default: str, role: str, text: str, *values: str, preset: bool = False, **options: Any
) -> Field:
  """A field that has one of some values; with `preset`, also the value that a preset decides."""
  legal = (*values, FROM_PRESET) if preset else values
  return Field(str, default, role, text, legal=legal, **options)
