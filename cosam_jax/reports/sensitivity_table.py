"""The terminal table of results by distance, pooling and number of frames."""

from collections.abc import Mapping, Sequence
from typing import Any

from cosam_jax.reports.results import COLUMNS, WIDTH, metric_cells


def sensitivity_table(records: Sequence[Mapping[str, Any]]) -> str:
  """A row for each combination, those of all frames first; every line is under 80 columns.

  Args:
    records: from `evaluation/sensitivity.py`.
  """
  heads = "".join(f"{key:>8}" for key in COLUMNS)
  lines = [f"{'frames':<9}{'clips':<11}{'distance':<11}{heads}", "-" * WIDTH]
  before = None
  for record in records:
    card = record["card"]
    if before not in (None, card["frames"]):
      lines.append("")
    before = card["frames"]
    name = f"{card['frames'][:8]:<9}{card['pooling']:<11}{card['distance']:<11}"
    lines.append(f"{name}{metric_cells(record)}")
  card = records[0]["card"]
  lines += [
    "",
    f"{card['dataset']}, {card['protocol']}: {card['valid_queries']:,} queries count, "
    f"{card['gallery_size']:,} in the gallery; percent.",
    "clips: a tracklet's vector is the mean of its clips', as they are (mean) or",
    "each scaled to length 1 first (normalised).",
  ]
  return "\n".join(lines)
