"""Damaged copies of a JSON value: one item missing or of a wrong kind, at every place and depth."""

import copy

WRONG = (None, True, -1, 0, 1.5, 10**30, "", "x", "\udc80", [], [[]], {}, {"x": []}, [None], ["x"])


def places(value, place=()):
  """Yields the path of every item in a value; of each list, only of the first two items."""
  yield place
  if isinstance(value, dict):
    for name in value:
      yield from places(value[name], (*place, name))
  elif isinstance(value, list):
    for i in range(min(2, len(value))):
      yield from places(value[i], (*place, i))


def damaged(value, wrong=WRONG):
  """Yields (path, change, damaged copy) for every place and each wrong value."""
  for place in places(value):
    if not place:
      yield from ((place, other, copy.deepcopy(other)) for other in wrong)
      continue
    for other in ("missing", *wrong):
      changed = copy.deepcopy(value)
      above = changed
      for name in place[:-1]:
        above = above[name]
      if other == "missing":
        del above[place[-1]]
      else:
        above[place[-1]] = copy.deepcopy(other)
      yield place, other, changed
