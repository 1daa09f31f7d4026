"""The origin of embeddings, as their file states it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

_YES_OR_NO = ("flip", "learned")


@dataclasses.dataclass(frozen=True)
class Origin:
  """The origin of embeddings.

  Attributes:
    dataset: the data set's name.
    protocol: the protocol that they were made for, which decides the frames of a tracklet.
    num_frames: frames of a clip; None if unknown.
    split: number of the split, if the data set has several, else None.
    checkpoint: names the weights, for people; None if unknown.
    checkpoint_hash: of the weights, see `fingerprints.weights_hash`.
    config: the run's flat configuration; may be empty.
    config_hash: see `fingerprints.config_hash`.
    warnings: the reader's sentences about the data.
    frame_stride, most_frames: which frames of a tracklet were taken, see `taken_frames.Taking`;
      None if all were, or those of the protocol.
    numbering: the names of identities and cameras, see `identities.Numbering.record`; may be empty.
    test_set: a digest of the tracklets that the protocol evaluates; None if unknown.
    flip: whether a clip's vector is the mean of its own and its mirror image's.
    people: which people of the data set these are, see `calibration_names`; None if unknown.
    learned: whether the weights were trained on these people; None if unknown.
    vectors_hash: of the weights on which vectors depend, see `fingerprints.vectors_hash`.
    foreign: the facts about a foreign network, see `cards.Card`; empty for one of ours.
  """

  dataset: str
  protocol: str = "reference"
  num_frames: int | None = None
  split: int | None = None
  checkpoint: str | None = None
  checkpoint_hash: str | None = None
  config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  config_hash: str | None = None
  warnings: tuple[str, ...] = ()
  frame_stride: int | None = None
  most_frames: int | None = None
  numbering: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
  test_set: str | None = None
  flip: bool = False
  people: str | None = None
  learned: bool | None = None
  vectors_hash: str | None = None
  foreign: Mapping[str, Any] = dataclasses.field(default_factory=dict)

  @property
  def of_card(self) -> dict[str, Any]:
    """The fields of a result's card about the vectors."""
    names = ("num_frames", "split", "checkpoint", "checkpoint_hash", "flip", "foreign")
    return {name: getattr(self, name) for name in names}


def check_about(about: Any) -> None:
  """Raises ValueError if a description's fields have other types than `Origin`'s."""
  if not isinstance(about, dict):
    raise ValueError("its description is not a JSON object")
  kinds = {
    **dict.fromkeys(("num_frames", "split", "frame_stride", "most_frames"), int | None),
    **dict.fromkeys(("checkpoint", "checkpoint_hash", "config_hash", "test_set"), str | None),
    **dict.fromkeys(("people", "vectors_hash"), str | None),
    "learned": bool | None,
    **dict.fromkeys(("dataset", "protocol"), str),
    **dict.fromkeys(("config", "numbering", "foreign"), dict),
    "warnings": list,
    "flip": bool,
  }
  for name, kind in kinds.items():
    value = about.get(name)
    if name in about and (
      not isinstance(value, kind)
      or (isinstance(value, bool) and name not in _YES_OR_NO)
      or (not isinstance(value, bool) and isinstance(value, int) and not 0 <= value < 1 << 31)
      or (isinstance(value, list) and not all(isinstance(text, str) for text in value))
    ):
      raise ValueError(f"its {name} is {_shown(value)}")


def _shown(value: Any) -> str:
  """A value in a few letters; Python refuses to write the longest numbers."""
  return "a long number" if type(value) is int and abs(value) > 1 << 64 else repr(value)[:60]
