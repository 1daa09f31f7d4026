"""Guesses at the flag that was meant by one that does not exist."""

import difflib
from collections.abc import Iterable

from cosam_jax.experiment.fields import SCHEMA
from cosam_jax.experiment.synthetic_fields import SYNTHETIC_SCHEMA

_MOST = 3
"""If more fields than these share a name, it is too vague for a guess."""


def meant(name: str, flags: Iterable[str]) -> str:
  """Returns `"; did you mean '--x'?"`, or an empty string.

  A field of the configuration may be meant by its whole name or by the last part of it:
  `train.epochs` and `epochs` both mean `--config.train.epochs`.

  Args:
    name: the unknown flag, without dashes.
    flags: the names of all flags.
  """
  ways: dict[str, list[str]] = {}
  for field in SCHEMA | SYNTHETIC_SCHEMA:
    for way in dict.fromkeys((field, field.rpartition(".")[2])):
      ways.setdefault(way, []).append(f"--config.{field}")
  # A field whose name has no group, such as `seed`, is meant before those of groups.
  ways |= {field: [f"--config.{field}"] for field in SCHEMA if field in ways}
  ways |= {flag: [f"--{flag}"] for flag in flags if not flag.startswith("config.")}
  # Without dashes: two that are the same would make any two short names alike.
  close = difflib.get_close_matches(name, list(ways), n=1, cutoff=0.6)
  found = ways[close[0]] if close else []
  guesses = " or ".join(map(repr, found))
  return f"; did you mean {guesses}?" if 0 < len(found) <= _MOST else ""
