"""Finds the state dict among the contents of a saved checkpoint.

Training programs save weights under many names, beside averages of them (EMA), an optimizer's
state, and their own settings and objects. The state dict is the dictionary of tensors among these.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from cosam_jax.models.torch_objects import Box, Foreign, Tensor, UnreadableError

# Names of the state dict in checkpoints of training programs; the first is the published code's.
_NAMES = (
  "state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params",
  "module", "backbone", "encoder",
)  # fmt: skip
_AVERAGED = re.compile(r"(^|_)(ema|swa|teacher|avg|averaged?|shadow)(_|$)", re.IGNORECASE)
# Dictionaries of tensors that are not the weights of a network.
_NO_WEIGHTS = re.compile(
  r"optim|sched|scaler|momentum|exp_avg|(criterion|loss(es)?|metrics?|results?|buffers?|opt)$",
  re.IGNORECASE,
)
_DEPTH = 5
_UNKNOWN, _AVERAGE = 100, 200  # Ranks behind those of `_NAMES`.

Path = tuple[str, ...]


class Found(NamedTuple):
  """A state dict: tensors and arrays by name, and sentences on the choice."""

  tensors: dict[str, Tensor | np.ndarray]
  notes: tuple[str, ...]


def state_dict(value: Any) -> Found:
  """The state dict in the contents of a pickle.

  Everything beside it is ignored. Notes of a program among the tensors themselves (a counter,
  settings, an optimizer) are left out and named. Of several dictionaries of tensors, the one with
  the best known name is taken; plain weights are preferred to averaged ones.

  Raises:
    UnreadableError: there is none, several could be meant, or it holds something besides tensors.
  """
  candidates = dict(_candidates(value, (), set()))
  if not candidates:
    raise UnreadableError(_why_none(value))
  ranked = sorted(candidates, key=_rank)
  best = [path for path in ranked if _rank(path) == _rank(ranked[0])]
  if len(best) > 1:  # No name is known; a network's weights are matrices of named modules.
    best = [path for path in best if _looks_like_weights(candidates[path])] or best
  if len(best) > 1:
    raise UnreadableError(
      f"holds {len(best)} dictionaries of tensors ({_shown(best)}), and none has a name that says "
      "it is the network: save its state_dict() alone"
    )
  taken = best[0]
  tensors: dict[str, Tensor | np.ndarray] = {}
  beside = []
  for key, raw in candidates[taken].items():
    entry = _plain(raw)
    if isinstance(key, str) and isinstance(entry, Tensor | np.ndarray):
      tensors[key] = entry
    elif _is_company(key, entry):
      beside.append(key)
    else:
      raise UnreadableError(
        f"is not a state dict: it holds {_name(key)}{_what(entry)}, and only named tensors are "
        "allowed; save model.state_dict()"
      )
  others = [path for path in ranked if path != taken]
  return Found(tensors, (*_notes(taken, others), *_company_notes(beside)))


def _candidates(value: Any, path: Path, seen: set[int]) -> list[tuple[Path, Mapping[Any, Any]]]:
  """Dictionaries of tensors in a value, each with the keys that lead to it."""
  if isinstance(value, list | tuple) and len(value) <= 16:
    value = {str(i): entry for i, entry in enumerate(value) if isinstance(entry, dict)}
  elif not isinstance(value, dict) or id(value) in seen:
    return []
  seen.add(id(value))  # An object may occur twice, or in a ring.
  if "param_groups" in value or len(path) > _DEPTH:  # The first is an optimizer's state.
    return []
  tensors = [key for key, entry in value.items() if isinstance(key, str) and _is_array(entry)]
  in_modules = sum("." in key for key in tensors)
  with_axes = any(map(_has_axes, value.values()))
  if with_axes and (len(tensors) == len(value) or 0 < 2 * in_modules >= len(value)):
    return [(path, value)]
  below = [
    found
    for key, entry in value.items()
    if isinstance(key, str) and not _NO_WEIGHTS.search(key)
    for found in _candidates(entry, (*path, key), seen)
  ]
  if with_axes and in_modules and not below:  # Few tensors among many notes.
    kept = set(tensors)
    if all(key in kept or _is_company(key, _plain(entry)) for key, entry in value.items()):
      return [(path, value)]
  return below


def _is_company(key: Any, entry: Any) -> bool:
  """Whether an entry beside named tensors is a program's note: a counter, settings, an optimizer.

  Args:
    key: the entry's name; a name with a dot is a parameter's.
    entry: its value, which is not a tensor.
  """
  if not isinstance(key, str) or "." in key:
    return False
  if _NO_WEIGHTS.search(key) or _AVERAGED.search(key):
    return True
  if isinstance(entry, Foreign):  # It may be a tensor of a type that numpy lacks.
    return not entry.what.startswith("torch.")
  return not _candidates(entry, (key,), set())


def _rank(path: Path) -> tuple[int, ...]:
  def of(key: str) -> int:
    if key in _NAMES:
      return _NAMES.index(key)
    return _AVERAGE if _AVERAGED.search(key) else _UNKNOWN

  ranks = [of(key) for key in path]
  return (max(ranks, default=0) if _AVERAGE in ranks else 0, *ranks)


def _looks_like_weights(tensors: Mapping[Any, Any]) -> bool:
  return any(isinstance(key, str) and key.endswith(".weight") for key in tensors)


def _notes(taken: Path, others: list[Path]) -> tuple[str, ...]:
  notes = []
  averaged = any(map(_AVERAGED.search, taken))
  if averaged or others or any(key not in _NAMES for key in taken):
    kind = ", an average over training (EMA)" if averaged else ""
    rest = f"; {_shown(others)} {'is' if len(others) == 1 else 'are'} left out" if others else ""
    notes.append(f"the weights are those under {_shown([taken])}{kind}{rest}")
  return tuple(notes)


def _company_notes(beside: list[str]) -> tuple[str, ...]:
  if not beside:
    return ()
  verbs = ("stands", "is") if len(beside) == 1 else ("stand", "are")
  shown = _shown([(key,) for key in beside])
  return (f"{shown} {verbs[0]} among the tensors and {verbs[1]} left out: no weights",)


def _why_none(value: Any) -> str:
  entries = value if isinstance(value, dict) else {"": value}
  foreign = [entry for raw in entries.values() if isinstance(entry := _plain(raw), Foreign)]
  if isinstance(value, dict) and "param_groups" in value:
    return "holds an optimizer's state and no weights: save model.state_dict()"
  if foreign:
    return (
      f"holds no dictionary of tensors, and asks to run {foreign[0].what!r}, which no state dict "
      "needs and which is therefore refused: save model.state_dict() alone, with torch.save or as "
      ".safetensors"
    )
  if not isinstance(value, dict):
    return "holds no dictionary of tensors: save model.state_dict()"
  other = [key for key, entry in value.items() if not _is_array(entry)] or list(value)
  shown = ", ".join(map(_name, other[:3])) or "nothing"
  return (
    f"is not a state dict: it holds {shown}, and only named tensors are allowed; save "
    "model.state_dict()"
  )


def _plain(value: Any) -> Any:
  for _ in range(3):  # boxes may hold boxes; in a damaged file they may form a ring
    value = value.value if isinstance(value, Box) else value
  return np.asarray(value) if isinstance(value, np.generic) else value


def _is_array(value: Any) -> bool:
  return isinstance(_plain(value), Tensor | np.ndarray)


def _has_axes(value: Any) -> bool:
  plain = _plain(value)
  return bool(plain.size) if isinstance(plain, Tensor) else np.ndim(plain) > 0 and _is_array(plain)


def _what(value: Any) -> str:
  return f" ({value.what})" if isinstance(value, Foreign) else ""


def _name(key: Any) -> str:
  if isinstance(key, int) and abs(key) >= 10**18:
    return "a long number"  # Python refuses to write the longest.
  return key.what if isinstance(key, Foreign) else repr(key)[:60]


def _shown(paths: list[Path]) -> str:
  more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
  return ", ".join(repr(".".join(path))[:80] for path in paths[:3]) + more
