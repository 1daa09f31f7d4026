"""Cuts long names where they are equal, not where they differ."""

from collections.abc import Callable, Iterable

_GAP = "..."


def cut_apart(name: str, others: Iterable[str], fits: Callable[[str], bool]) -> str:
  """The name, or its beginning and end, or its distinctive part if others would look the same.

  Args:
    name: of any length.
    others: names that are shown beside it; the name itself may be among them.
    fits: whether a text is short enough.
  """
  if fits(name):
    return name
  cut = _ends(name, fits)
  front, _, back = cut.partition(_GAP)
  # Only names with the same ends can look the same; they are few, and cutting a name takes time.
  near = [other for other in {*others} - {name} if other.startswith(front) and other.endswith(back)]
  alike = [other for other in near if not fits(other) and _ends(other, fits) == cut]
  if not alike:
    return cut
  start = min(_shared(name, other) for other in alike)
  end = len(name) - min(_shared(name[::-1], other[::-1]) for other in alike)
  return _around(name, start, max(end, start + 1), fits)


def _ends(name: str, fits: Callable[[str], bool]) -> str:
  """The beginning and the end; more of the end, which has the numbers of tracklets and frames."""
  low, high = 0, len(name) - 1  # Numbers of letters to keep; if any number fits, the first does.
  while low < high:
    kept = (low + high + 1) // 2
    low, high = (kept, high) if fits(_with_gap(name, kept)) else (low, kept - 1)
  return _with_gap(name, low)


def _with_gap(name: str, kept: int) -> str:
  front = 2 * kept // 5
  return f"{name[:front]}{_GAP}{name[len(name) - (kept - front) :]}"


def _around(name: str, start: int, end: int, fits: Callable[[str], bool]) -> str:
  """The part from `start` to `end`, or its beginning, and as much around it as fits."""

  def text(first: int, last: int) -> str:
    return f"{_GAP if first else ''}{name[first:last]}{_GAP if last < len(name) else ''}"

  while end > start + 1 and not fits(text(start, end)):
    end -= 1
  while True:
    wider = [(start - 1, end)] * (start > 0) + [(start, end + 1)] * (end < len(name))
    found = next((place for place in wider if fits(text(*place))), None)
    if found is None:
      return text(start, end)
    start, end = found


def _shared(a: str, b: str) -> int:
  """The number of letters at the beginning that two names share."""
  differ = (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
  return next(differ, min(len(a), len(b)))
