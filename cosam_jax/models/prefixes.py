"""Finds and removes the prefix that a training program put before all names of a network.

Wrappers (`module.`, `_orig_mod.`, `model.`), methods that train several networks at once
(`backbone.`, `module.encoder_q.`) and others give every name the same beginning.
"""

import collections
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from cosam_jax.errors import InputError
from cosam_jax.models.state_names import is_plain, of_file

# Beginnings of second copies of a network, which follow the first one.
_COPY = re.compile(
  r"(^|[._])(encoder_k|key_encoder|teacher|momentum|target|ema|swa|avg|averaged?|shadow)([._]|$)"
)
_QUEUES = ("queue", "queue_ptr")


class Names(NamedTuple):
  """The names of a state dict without the prefix that all share.

  Attributes:
    names: name in the file -> name without the prefix; copies are left out.
    prefix: the prefix, with its dot; empty if there is none.
    copies: names in the file that belong to a second copy of the network.
    note: a sentence on both; empty if nothing was done.
  """

  names: dict[str, str]
  prefix: str = ""
  copies: tuple[str, ...] = ()
  note: str = ""


def without_prefix(keys: Iterable[str]) -> Names:
  """Removes the prefix without which most names are those of a network of ours.

  Names without that prefix, such as a classifier beside `backbone.`, stay as they are.

  Raises:
    InputError: there are several networks, and none is known as a copy of another.
  """
  keys = [str(key) for key in keys]
  counts: collections.Counter[str] = collections.Counter()
  for key in keys:
    ends = [0, *(place + 1 for place, letter in enumerate(key) if letter == ".")][:-1]
    counts.update(key[:end] for end in ends[:8] if is_plain(of_file(key[end:])))
  most = max(counts.values(), default=0)
  # Among equal prefixes the shortest counts: `model.` and `model.module.` mean the same.
  likely = [prefix for prefix in sorted(counts, key=len) if 10 * counts[prefix] >= 9 * most]
  likely = [prefix for prefix in likely if not prefix.startswith(tuple({*likely} - {prefix}))]
  if not likely or counts[""] * 2 >= most:
    return Names({key: key for key in keys})
  first = [prefix for prefix in likely if not _COPY.search(prefix)] or likely
  if len(first) > 1:
    raise InputError(
      f"the weights have {len(first)} networks, whose names begin with "
      f"{', '.join(map(repr, sorted(first)))}: keep the names of one of them"
    )
  prefix = first[0]
  others = tuple(sorted({*likely} - {prefix}))
  copies = tuple(key for key in keys if key.startswith(others)) if others else ()
  if others:
    copies += tuple(key for key in keys if key.rpartition(".")[2] in _QUEUES)
  names = {key: key.removeprefix(prefix) for key in keys if key not in {*copies}}
  taken = sum(key.startswith(prefix) for key in names)
  all_of = "all" if taken == len(keys) else f"{taken} of"
  note = f"{prefix!r} is taken off the beginning of {all_of} {len(keys)} names"
  if others:
    note += f"; {', '.join(map(repr, others))} is a copy of the same network and left out"
  return Names(names, prefix, copies, note)


def classes_of(weights: Mapping[str, Any]) -> int | None:
  """The number of classes of a file's classifier; None if it has none.

  Args:
    weights: name in the file -> array.
  """
  for name, short in without_prefix(weights).names.items():
    if of_file(short) == "classifier.weight" and weights[name].ndim:
      return int(weights[name].shape[0])
  return None
