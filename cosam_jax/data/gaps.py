"""Spellings that mark an identity or a camera as unknown.

Tables with gaps, trackers and annotation tools each have their own: `nan`, `-1`, `-1.000e+00`,
`person_-1`, `id_None`, `#N/A`. A number below 0 is a gap in any notation, alone or after a word. A
word such as `unknown` is a gap if it stands alone, or beside a name for the column, such as `id` or
`camera`.
"""

import re
import unicodedata

NO_IDENTITY = (
  "-1 (or another number below 0), nan, none, null, na, n/a, unknown, unlabeled, ? or nothing, "
  "also behind a word as in person_-1"
)
"""The ways in which users' own data may mark an identity as unknown."""

_MINUS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_EDGES = " \t\r\n\0\u200b\ufeff\"'`()[]{}<>,;"
_WORDS = {
  "00-1", "nan", "none", "null", "nil", "na", "n/a", "n/a n/a", "n a", "nat", "undefined", "undef",
  "unknown", "unk", "unlabeled", "unlabelled", "unidentified", "unassigned", "unspecified", "unset",
  "missing", "nobody", "junk", "background", "ignore", "ignored", "nan 0",
  "not known", "not available", "not labeled", "not labelled", "not assigned",
  "noid", "nolabel", "inf", "infinity", "1 ind", "1 qnan", "1 inf", "num!", "value!", "ref!",
  "div/0!", "name?", "null!",
}  # fmt: skip
_COLUMN = {
  "id", "pid", "uid", "person", "personid", "people", "identity", "subject", "pedestrian", "player",
  "track", "trackid", "tracklet", "label", "cam", "camid", "camera", "cameraid", "view",
}  # fmt: skip
_SEPARATORS = re.compile(r"[\s_.:#=|+()-]+")
_NUMBER = r"([0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:e[+-]?[0-9]+)?"
_BELOW_ZERO = (
  re.compile(rf"-\s*{_NUMBER}"),
  re.compile(rf".*[^\W\d_].*[\s_.:#=|(-]-{_NUMBER}"),
  re.compile(rf"[^\W\d_][\s_.:#=|(-]-{_NUMBER}"),
)
_PUNCTUATION = re.compile(r"[-?._*…]*")
_LONGEST = 200
"""Longer names are not checked."""


def is_gap(name: str) -> bool:
  """Whether the name of a folder, or a field, marks its identity or camera as unknown."""
  name = name.strip(_EDGES)
  if len(name) > _LONGEST:
    return False
  plain = unicodedata.normalize("NFKC", name).casefold().translate(_MINUS).strip(_EDGES)
  if plain in _WORDS or _PUNCTUATION.fullmatch(plain):
    return True
  if any((match := form.fullmatch(plain)) and re.search("[1-9]", match[1]) for form in _BELOW_ZERO):
    return True
  parts = [part for part in _SEPARATORS.split(plain) if part]
  if parts[:1] in (["no"], ["without"]):
    return len(parts) > 1 and set(parts[1:]) <= _COLUMN
  while parts and parts[0] in _COLUMN:
    del parts[0]
  while parts and parts[-1] in _COLUMN:
    del parts[-1]
  return " ".join(parts) in _WORDS
