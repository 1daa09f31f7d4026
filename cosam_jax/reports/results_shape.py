"""Checks the shape of a results file; an error names the place of damage or of a wrong edit.

Every value must be of the right kind. Values that an earlier version did not write may be missing;
asking for one raises an error with the file's name.
"""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from cosam_jax.errors import InputError


class Known(dict):
  """An object of a results file; a missing value is an InputError with the file and the place."""

  def __init__(self, values: Mapping[str, Any], place: str):
    super().__init__(values)
    self._place = place

  def __missing__(self, name: str) -> Any:
    raise InputError(f"{self._place} does not say {name!r}: evaluate again")


def checked_results(content: dict[str, Any], path: str | os.PathLike) -> dict[str, Any]:
  """The content of a results file, checked to have values of the right kinds.

  Raises:
    InputError: a value is of another kind; the error names its place.
  """
  place = os.fspath(path)
  _check(content, _CONTENT, place)
  for i, record in enumerate(content["results"]):
    _check_queries(record.get("queries", {}), f"{place}, results[{i}]")
  return _known(content, place)


def _known(value: Any, place: str) -> Any:
  """The value with all objects in it as `Known`."""
  if isinstance(value, dict):
    return Known({name: _known(item, _within(place, name)) for name, item in value.items()}, place)
  if isinstance(value, list) and any(isinstance(item, dict) for item in value):
    return [_known(item, f"{place}[{i}]") for i, item in enumerate(value)]
  return value


def _within(place: str, name: str) -> str:
  """The place of a value: "results.json, run.config"."""
  return f"{place}{'.' if ', ' in place else ', '}{name[:60]}"


# A check returns the requirement in words if a value does not meet it, else None.
_Check = Callable[[Any], str | None] | tuple[str, Any] | dict[str, Any]


def _text(value: Any) -> str | None:
  return None if isinstance(value, str) else "a text"


def _number(value: Any) -> str | None:
  plain = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63
  return None if plain else "a number"


def _flag(value: Any) -> str | None:
  return None if isinstance(value, bool) else "true or false"


def _count(value: Any) -> str | None:
  is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
  return None if is_count else "a whole number, not negative"


def _whole(value: Any) -> str | None:
  is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
  return None if is_whole else "a whole number"


def _person(value: Any) -> str | None:
  return _text(value) and _whole(value) and "a text or a whole number"


def _or_none(check: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
  def found(value: Any) -> str | None:
    wanted = None if value is None else check(value)
    return wanted and f"{wanted}, or null"

  return found


def _pair(value: Any) -> str | None:
  pair = isinstance(value, list) and len(value) == 2 and not any(map(_number, value))
  return None if pair else "two numbers"


def _stage(name: Any) -> str | None:
  return None if re.fullmatch("[0-9]{1,3}", name) else "a stage's number"


def _reranking(value: Any) -> str | None:
  fits = isinstance(value, dict) and not any(map(_number, value.values()))
  return None if fits else "an object of numbers"


_MASKS: Any = ("each", {"stages": ("stages", ("each", _number))})
_FOREIGN = {
  "file": _text, "sha256": _text, "comparable_with": _text, "weights_beside": ("each", _text),
  "preprocessing": {
    "size": ("all", _count), "channels": _text, "range": _count, "mean": ("all", _number),
    "deviation": ("all", _number), "resize": _text, "frames": _count, "normalise": _flag,
    "layout": _text, "output": _text,
  },
}  # fmt: skip
_CARD = {
  "dataset": _text, "protocol": _text, "frames": _text, "tail": _text, "distance": _text,
  "pooling": _text, "split": _or_none(_whole), "gallery_size": _count,
  "queries_in_gallery": _count, "distractors": _count, "junk": _count, "queries": _count,
  "valid_queries": _count, "frames_used": _count, "num_frames": _or_none(_count),
  "checkpoint": _or_none(_text), "checkpoint_hash": _or_none(_text),
  "reranking": _or_none(_reranking), "attribute": _or_none(_text),
  "attribute_gallery": _or_none(_text), "flip": _flag, "foreign": _FOREIGN,
  "not_counted": ("each", _count), "unannotated": ("each", _count), "warnings": ("all", _text),
}  # fmt: skip
_CONFIG = {
  "seed": _whole, "model.backbone": _text, "model.temporal": _text, "model.width": _number,
  "model.cosam_stages": ("all", _count), "clips.num_frames": _count, "clips.selection": _text,
  "train.identities_per_batch": _count, "train.instances": _count, "train.epochs": _count,
  "data.dir": _text, "data.name": _text, "init.weights": _text,
}  # fmt: skip
_RECORD: dict[str, Any] = {
  "label": _text,
  "card": _CARD,
  "metrics": ("each", {"fraction": _number, "percent": _number}),
  "cmc": ("all", _number),
  "uncertainty": {"level": _number, "identities": _count, "intervals": ("each", _pair)},
  "queries": {
    "name": ("all", _text),
    "identity": ("all", _person),
    "average_precision": ("all", _or_none(_number)),
    "inverse_negative_penalty": ("all", _or_none(_number)),
    "first_match": ("all", _count),
  },
}
_CONTENT = {
  "program": _text,
  "run": {
    "config": _CONFIG, "step": _or_none(_count), "steps_per_epoch": _count,
    "seed": _or_none(_whole), "masks": _MASKS,
    "warnings": ("all", _text), "devices": ("all", _text), "unreadable_frames_skipped": _count,
    "training_identities": _or_none(_count), "processes": _count,
  },
  "results": ("all", _RECORD),
}  # fmt: skip
# Every version wrote these values, and results are useless without them.
_NEEDED = {id(_CONTENT): ("run", "results"), id(_RECORD): ("card", "metrics"),
           id(_CARD): ("dataset",), id(_RECORD["metrics"][1]): ("fraction", "percent"),
           id(_MASKS[1]): ("stages",)}  # fmt: skip


def _check(value: Any, wanted: Any, place: str) -> None:
  """Checks a value and its parts.

  Args:
    value: a value of the file.
    wanted: for a single value, a check; for an object, {name: wanted}, whose other names may hold
      anything; for a list, ("all", wanted); for all values of an object, ("each", wanted), or
      ("stages", wanted) if its names must be numbers.
    place: where the value is in the file.
  """
  if callable(wanted):
    _require(wanted(value), place, value)
  elif isinstance(wanted, dict):
    _require(None if isinstance(value, dict) else "an object", place, value)
    for name in _NEEDED.get(id(wanted), ()):
      if name not in value:
        raise InputError(f"{place} does not say {name!r}: evaluate again")
    for name in wanted.keys() & value.keys():
      _check(value[name], wanted[name], _within(place, name))
  elif wanted[0] == "all":
    _require(None if isinstance(value, list) else "a list", place, value)
    if wanted[1] is _RECORD and not value:
      raise InputError(f"{place} is an empty list: evaluate again")
    for i, item in enumerate(value):
      _check(item, wanted[1], f"{place}[{i}]")
  else:
    _require(None if isinstance(value, dict) else "an object", place, value)
    for name, item in value.items():
      if wanted[0] == "stages":
        _require(_stage(name), f"{place}: its name", name)
      _check(item, wanted[1], _within(place, name))


def _require(wanted: str | None, place: str, value: Any) -> None:
  if wanted is not None:
    shown = type(value).__name__ if isinstance(value, dict | list) else repr(value)[:60]
    raise InputError(
      f"{place} is {shown}, and must be {wanted}: the file was damaged or changed; evaluate again"
    )


def _check_queries(queries: Mapping[str, Any], place: str) -> None:
  lengths = {name: len(values) for name, values in queries.items() if isinstance(values, list)}
  if len(set(lengths.values())) > 1:
    found = ", ".join(f"{count} of {name}" for name, count in lengths.items())
    raise InputError(f"{place}.queries has lists of several lengths ({found}): evaluate again")
