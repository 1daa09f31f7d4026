"""Names of identities and cameras -> the whole numbers that tables hold."""

import re
from collections.abc import Iterable

from cosam_jax.data.listing import natural_key
from cosam_jax.data.tracklets import JUNK
from cosam_jax.errors import InputError

_JUNK_NAMES = ("-1", "00-1")


def numbers_of(names: Iterable[str], what: str) -> dict[str, int]:
  """Gives each different name a number, the same for all splits of a data set.

  Names that are numbers keep them (`0007` is 7), and so do names that are one common word and a
  number (`cam2` is 2). Any other set of names is counted from 1 in natural order. The identities
  `-1` and `00-1` are junk.

  Args:
    names: all names of the data set.
    what: `identity` or `camera`, for the error.

  Raises:
    InputError: two names are the same number, such as `1` and `01`.
  """
  result = {}
  others = sorted(set(names), key=lambda name: (natural_key(name), name))
  if what == "identity":
    result = {name: JUNK for name in others if name in _JUNK_NAMES}
    others = [name for name in others if name not in result]
  matches = [re.fullmatch(r"([^0-9]*)([0-9]{1,9})", name) for name in others]
  if not all(matches) or len({match[1] for match in matches if match}) > 1:
    return result | {name: number for number, name in enumerate(others, start=1)}
  first: dict[int, str] = {}
  for match in matches:
    if match is not None:
      other = first.setdefault(int(match[2]), match[0])
      if other != match[0]:
        raise InputError(
          f"{what} names {other!r} and {match[0]!r} are the same number {int(match[2])}; write "
          f"each {what} in one way"
        )
      result[match[0]] = int(match[2])
  return result
