"""Decides whether results may be compared: the same queries, put to the same gallery."""

from collections.abc import Mapping, Sequence
from typing import Any

from cosam_jax.errors import InputError

PROTOCOL_FIELDS = (
  "dataset", "protocol", "gallery_size", "queries_in_gallery", "distractors", "junk", "queries",
  "valid_queries", "not_counted", "frames", "frames_used", "tail", "distance",
  "pooling", "flip", "attribute", "attribute_gallery",
)  # fmt: skip
"""Fields of a card that must agree. Weights, clip length and split may differ."""
_BEFORE = {"pooling": "mean", "flip": False}  # For cards that are older than the field.


def protocol_differences(cards: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
  """The differences between the protocols of cards.

  Args:
    cards: (name of the file, card) of each result.

  Returns:
    A phrase for each field of `PROTOCOL_FIELDS` that does not agree, with the first two values and
    their files; empty if the results may be compared.
  """
  found = []
  for field in PROTOCOL_FIELDS:
    values: dict[str, str] = {}
    for name, card in cards:
      values.setdefault(_text(card.get(field, _BEFORE.get(field))), name)
    if len(values) > 1:
      places = [f"{value} ({name})" for value, name in values.items()]
      found.append(f"{field.replace('_', ' ')} {' and '.join(places[:2])}")
  return found


def check_alike(
  cards: Sequence[tuple[str, Mapping[str, Any]]], *, allow_mixed: bool = False
) -> list[str]:
  """Returns `protocol_differences`, which must be empty unless mixing is allowed.

  Raises:
    InputError: the results have different protocols, and mixing is not allowed.
  """
  differences = protocol_differences(cards)
  if differences and not allow_mixed:
    raise InputError(
      f"results of different protocols cannot be compared: {'; '.join(differences)}; evaluate them "
      "alike, or give --allow_mixed_protocols, which marks the outcome"
    )
  return differences


def _text(value: Any) -> str:
  if isinstance(value, Mapping):
    return ", ".join(f"{count} {reason}" for reason, count in sorted(value.items())) or "none"
  return str(value)
