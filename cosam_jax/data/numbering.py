"""Names of identities and cameras -> the whole numbers that tables hold."""

import re
from collections.abc import Iterable, Mapping

from cosam_jax.data.identities import JUNK, is_no_identity
from cosam_jax.data.listing import natural_key
from cosam_jax.errors import InputError


def numbers_of(names: Iterable[str], what: str) -> dict[str, int]:
  """Gives each different name a number, the same for all splits of a data set.

  Names that are numbers keep them (`0007` and `7.0` are 7), and so do names that are one common
  word and a number (`cam2` is 2), up to nine digits. Any other set of names is counted from 1 in
  natural order. Identities that say that nobody knows them (`is_no_identity`) are junk.

  Args:
    names: all names of the data set.
    what: `identity` or `camera`, for the error.

  Raises:
    InputError: two names are the same number, such as `1` and `01`.
  """
  every = sorted(set(names), key=lambda name: (natural_key(name), name))
  unknown = [name for name in every if what == "identity" and is_no_identity(name)]
  result = dict.fromkeys(unknown, JUNK)
  others = [name for name in every if name not in result]
  parts = {name: _parts(name) for name in others}
  first: dict[tuple[str, int], str] = {}
  for name, found in parts.items():
    other = first.setdefault(found, name) if found else name
    if found and other != name:
      raise InputError(
        f"{what} names {other!r} and {name!r} are the same number {found[1]}; write each {what} in "
        "one way"
      )
  known = [found for found in parts.values() if found]
  words = {word for word, _ in known}
  if len(known) < len(others) or len(words) > 1 or any(n > 999_999_999 for _, n in known):
    return result | {name: number for number, name in enumerate(others, start=1)}
  return result | {name: found[1] for name, found in parts.items() if found}


def names_of(numbers: Mapping[str, int]) -> dict[int, str]:
  """Number -> its name, for all names but those that are the number itself, and junk."""
  return {
    number: name for name, number in numbers.items() if number != JUNK and name != str(number)
  }


def _parts(name: str) -> tuple[str, int] | None:
  """The word and the number of a name such as `cam2`, `0007` or `7.0`; None: it is none such."""
  match = re.fullmatch(r"([^0-9]*?)\+?([0-9]{1,60})(?:\.0*)?", name)
  return (match[1], int(match[2])) if match else None
