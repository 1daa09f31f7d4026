"""What results say about a foreign network, in words: its file, and how its frames are prepared."""

from collections.abc import Mapping
from typing import Any

_DIGITS = 16
_FIELDS_OF_BOTH = ("data.", "evaluation.", "clips.image_size", "clips.num_frames", "clips.resize")
"""Fields that mean the same for a foreign network and for one of ours."""


def network_words(foreign: Mapping[str, Any]) -> list[str]:
  """The file and its digests, such as ["foreign: model.onnx", "sha256 0123456789abcdef"]."""
  found = [f"foreign: {foreign.get('file', 'unknown')}"]
  found.append(f"sha256 {str(foreign.get('sha256', 'unknown'))[:_DIGITS]}")
  for name, digest in _mapping(foreign.get("weights_beside")).items():
    found.append(f"with {name}, sha256 {str(digest)[:_DIGITS]}")
  return found


def input_words(foreign: Mapping[str, Any]) -> list[str]:
  """How a frame becomes the network's input, and its output a vector."""
  how = _mapping(foreign.get("preprocessing"))
  frames = how.get("frames", 1)
  found = ["x".join(_texts(how.get("size")))]
  found.append(str(how.get("channels", "unknown colours")))
  found.append(f"0 to {how.get('range', 'unknown')}")
  for name in ("mean", "deviation"):
    found.append(f"{name} {' '.join(_texts(how.get(name)))}")
  found.append(str(how.get("resize", "unknown resizing")))
  found.append("one frame at a time" if frames == 1 else f"clips of {frames}")
  found.append(f"output {how.get('output', 'unknown')}")
  found.append("of length 1 before the mean" if how.get("normalise") else "as it is in the mean")
  return [part for part in found if part]


def with_networks(
  fields: Mapping[str, Any], config: Mapping[str, Any], foreign: Mapping[str, Any]
) -> dict[str, Any]:
  """The fields of one side's run for a comparison in which a network is foreign.

  `network` takes the place of all fields that describe and train networks of ours.

  Args:
    fields: those that decide results, dotted name -> value.
    config: the whole configuration.
    foreign: the facts on the run's card; empty if its network is ours.
  """
  if not fields:
    return {}
  kept = {name: value for name, value in fields.items() if name.startswith(_FIELDS_OF_BOTH)}
  words = ", ".join([*network_words(foreign), *input_words(foreign)])
  own = f"ours: {config.get('model.backbone', 'unknown')}"
  return {"network": words if foreign else own, **kept}


def _mapping(value: Any) -> Mapping[str, Any]:
  """The value if it is an object; else an empty one, since a file may have been edited."""
  return value if isinstance(value, Mapping) else {}


def _texts(value: Any) -> list[str]:
  numbers = value if isinstance(value, list | tuple) else []
  return [f"{x:g}" if isinstance(x, int | float) else str(x) for x in numbers]
