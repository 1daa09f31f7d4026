"""The terminal table of `--mode=attention`."""

from collections.abc import Mapping
from typing import Any


def attention_table(record: Mapping[str, Any]) -> str:
  """Lines under 80 columns: the masks' shape, frame weights, and the deletion test."""
  head = f"{'mask of':<12}{'std':>10}{'max/mean':>10}{'entropy':>10}{'between frames':>17}"
  lines = [head, "-" * len(head)]
  for stage, one in record["stages"].items():
    lines.append(
      f"{'COSAM ' + stage:<12}{one['std']:>10.4f}{one['peak']:>10.3f}{one['entropy']:>10.4f}"
      f"{one['between_frames']:>17.4f}"
    )
  lines += [
    "std, entropy: over the grid, mean of all frames; entropy 1 is an even mask",
    "between frames: standard deviation of a place over its clip's frames",
    f"frame weights: {record['frame_weights']['note']}",
    "",
  ]
  head = f"{'half of each query frame hidden':<32}{'cosine':>10}{'first match':>13}{'rank-1':>10}"
  lines += [head, "-" * len(head)]
  whole = record["whole"]
  lines.append(f"{'none':<32}{1:>10.3f}{whole['mean_rank']:>13.2f}{100 * whole['rank1']:>9.1f}%")
  for stage, one in record["stages"].items():
    for which, cut in one["deletion"].items():
      lines.append(
        f"{f'COSAM {stage}, {which} weights':<32}{cut['cosine']:>10.3f}{cut['mean_rank']:>13.2f}"
        f"{100 * cut['rank1']:>9.1f}%"
      )
  lines += [
    "cosine: of a query's vector with that of its whole frames, mean of the queries",
    "first match: mean rank of the first right entry in the whole gallery",
    f"measured on {record['queries']} queries, {record['gallery']} gallery tracklets, "
    f"{record['frames_per_tracklet']} frames each",
  ]
  return "\n".join(lines)
