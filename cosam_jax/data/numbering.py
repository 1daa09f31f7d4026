"""Names of identities and cameras -> the whole numbers that tables hold."""

import re
from collections.abc import Iterable, Mapping

from cosam_jax.data.gaps import is_gap
from cosam_jax.data.identities import JUNK, UNKNOWN_CAMERA, Numbering
from cosam_jax.data.listing import natural_key
from cosam_jax.data.table_columns import MOST_NAME_LETTERS
from cosam_jax.errors import InputError


def numbers_of(names: Iterable[str], what: str) -> dict[str, int]:
  """Gives each different name a number, the same for all splits of a data set.

  If all names are numbers, they keep them (`0007`, `7.0` and `7.000e+00` are 7); likewise if all
  are the same word and a number (`cam2` is 2), up to nine digits. Any other set of names is counted
  from 1 in natural order. Names that mean "unknown" (`is_gap`) are `JUNK`, or `UNKNOWN_CAMERA`.

  Args:
    names: all names of the data set.
    what: `identity` or `camera`, for the error.

  Raises:
    InputError: two names are the same number, such as `1` and `01`, or one is too long.
  """
  every = sorted(set(names), key=lambda name: (natural_key(name), name))
  for name in every:
    if len(name) > MOST_NAME_LETTERS:
      raise InputError(
        f"{what} {name[:60]!r}... has {len(name):,} letters, and {MOST_NAME_LETTERS:,} are the "
        "most: correct it"
      )
  nobody = JUNK if what == "identity" else UNKNOWN_CAMERA
  result = dict.fromkeys(filter(is_gap, every), nobody)
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
  """Number -> its name, except for gaps and for names that are the number itself."""
  return {number: name for name, number in numbers.items() if number >= 0 and name != str(number)}


def numbering_by(identities: Mapping[str, int], cameras: Mapping[str, int]) -> Numbering:
  """The names behind the numbers of `numbers_of`."""
  unknown = {UNKNOWN_CAMERA: "unknown"} if UNKNOWN_CAMERA in cameras.values() else {}
  return Numbering(identities=names_of(identities), cameras=names_of(cameras) | unknown)


def _parts(name: str) -> tuple[str, int] | None:
  """The word and the number of a name such as `cam2`, `0007`, `7.0` or `7.0e+00`, else None."""
  match = re.fullmatch(
    r"([^0-9]*?)\+?([0-9]{1,60})(?:\.([0-9]{0,60}))?(?:[eE]([+-][0-9]{2,3}))?", name
  )
  if not match:
    return None
  fraction = match[3] or ""
  digits, shift = match[2] + fraction, int(match[4] or 0) - len(fraction)
  if shift >= 0:
    return match[1], int(digits) * 10**shift
  kept, cut = digits[:shift], digits[shift:]
  return None if cut.strip("0") else (match[1], int(kept or 0))
