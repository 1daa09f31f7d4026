"""JSON values with one thing in them missing or of another kind, at every place, at any depth."""

import copy

WRONG = (None, True, -1, 0, 1.5, 10**30, "", "x", "\udc80", [], [[]], {}, {"x": []}, [None], ["x"])


def places(value, place=()):
  """The paths of all things in a value, of long lists the first two."""
  yield place
  if isinstance(value, dict):
    for name in value:
      yield from places(value[name], (*place, name))
  elif isinstance(value, list):
    for i in range(min(2, len(value))):
      yield from places(value[i], (*place, i))


def damaged(value, wrong=WRONG):
  """(path, what was done, the damaged copy) for every place and each wrong value."""
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
