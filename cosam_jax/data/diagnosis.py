"""The doctor's findings, and how they are printed."""

import collections
import dataclasses

from cosam_jax.errors import printable

ERROR, WARNING, NOTE = "error", "warning", "note"


@dataclasses.dataclass(frozen=True)
class Finding:
  """One fault of a data set, or one remark on it.

  Attributes:
    severity: `error` (a run would stop or be worthless), `warning` or `note`.
    what: a sentence with the numbers.
    advice: what to do about it.
    examples: the names of the first few cases.
  """

  severity: str
  what: str
  advice: str
  examples: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Diagnosis:
  """The outcome of `diagnose`: counts by split, decoded frames, and findings, the worst first."""

  name: str
  counts: tuple[str, ...]
  findings: tuple[Finding, ...]

  @property
  def errors(self) -> tuple[Finding, ...]:
    """The findings that must be fixed before a run."""
    return tuple(finding for finding in self.findings if finding.severity == ERROR)

  def render(self) -> str:
    """The whole diagnosis as lines of text for a terminal."""
    return "\n".join(text for text, _ in self.blocks())

  def blocks(self) -> list[tuple[str, bool]]:
    """The diagnosis in pieces: text for a terminal, and whether it is a warning or an error."""
    blocks = [([f"data set {self.name}", *(f"  {line}" for line in self.counts)], False)]
    for finding in self.findings:
      lines = [f"{finding.severity}: {finding.what}"]
      lines += [f"    {example}" for example in finding.examples]
      blocks.append(([*lines, f"  -> {finding.advice}"], finding.severity != NOTE))
    if not self.findings:
      blocks.append((["nothing found: the data set is ready"], False))
    else:
      tally = collections.Counter(finding.severity for finding in self.findings)
      kinds = [kind for kind in (ERROR, WARNING, NOTE) if tally[kind]]
      parts = ", ".join(f"{tally[kind]} {kind}{'s' * (tally[kind] > 1)}" for kind in kinds)
      blocks.append(([f"found {parts}"], False))
    # A line break in a name must not begin a new line.
    return [("\n".join(map(printable, lines)), serious) for lines, serious in blocks]
