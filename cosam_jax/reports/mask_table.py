"""The terminal table of mask numbers, with those before and after training."""

from collections.abc import Mapping
from typing import Any

_SHARES = {"on figure": "share_on_figure", "uniform": "uniform_share", "fixed": "fixed_mask_share"}
_WEIGHTS = ("mean", "min", "max", "spread")
_NOTES = {
  "on figure": "share of the masks' weight that falls on the person",
  "uniform": "that of a mask equal everywhere: the person's share of the area",
  "fixed": "that of the stage's mean mask, put on every frame: position alone",
  "spread": "standard deviation within a frame; near 0 a mask picks nothing out",
}


def mask_table(masks: Mapping[str, Any], frames: str = "test frames") -> str:
  """A row for each stage and each state of the network; every line is under 80 columns.

  Args:
    masks: label, such as "after training" -> {"frames", "of_frames", "stages"}; `stages` is the
      stage's number -> `MaskStatistics.record`. Shares are in the table if they are known.
    frames: says of what the frames are.
  """
  rows = [
    (f"COSAM {stage} {label}", record)
    for stage in sorted({stage for part in masks.values() for stage in part["stages"]}, key=int)
    for label, part in masks.items()
    if (record := part["stages"].get(stage)) is not None
  ]
  shares = [name for name, key in _SHARES.items() if any(key in record for _, record in rows)]
  width = 24
  lines = [
    f"{'masks':<{width}}" + "".join(f"{name:>10}" for name in shares)
    + "".join(f"{name:>{7 if name == 'spread' else 6}}" for name in _WEIGHTS)
  ]  # fmt: skip
  lines.append("-" * len(lines[0]))
  for name, record in rows:
    line = f"{name[: width - 1]:<{width}}"
    for share in shares:
      value = record.get(_SHARES[share])
      line += f"{'':>10}" if value is None else f"{100 * value:>9.1f}%"
    line += "".join(
      f"{record[name]:>7.3f}" if name == "spread" else f"{record[name]:>6.2f}" for name in _WEIGHTS
    )
    lines.append(line)
  part = list(masks.values())[-1]
  lines.append(f"{'measured':<11}on {part['frames']:,} of {part['of_frames']:,} {frames}")
  lines += [f"{name:<11}{_NOTES[name]}" for name in (*shares, "spread") if name in _NOTES]
  return "\n".join(lines)
