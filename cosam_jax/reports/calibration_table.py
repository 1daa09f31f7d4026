"""A calibration on the terminal, and its curve as a picture."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from scipy.special import ndtri

from cosam_jax.reports.charts import SERIES, Chart, draw_chart, light
from cosam_jax.reports.results import WIDTH

_LEAST_SHOWN, _MOST_SHOWN = 1e-6, 0.99
_TICKS = (1e-5, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
_MOST_CAMERA_PAIRS = 20

Record = Mapping[str, Any]


def calibration_table(record: Record) -> str:
  """The rates at each threshold with their intervals; every line is under 80 columns.

  Args:
    record: a calibration as plain values, see `evaluation.calibration.Calibration`.
  """
  data, compared = record["data"], record["comparisons"]
  lines = [
    f"{'wished FMR':<12}{'threshold':>10}  {'FMR (95% interval)':<27}FNMR (95% interval)",
    "-" * WIDTH,
  ]
  for point in record["points"]:
    lines.append(
      f"{point['wished_fmr']:<12.4g}{point['threshold']:>10.4g}  "
      f"{_rate(point['fmr'], point['fmr_interval'], 2):<27}"
      f"{_rate(point['fnmr'], point['fnmr_interval'])}"
    )
  searches = record["identification"]
  rank = searches["rank"]
  lines += [
    "",
    f"{'searches':<12}{'threshold':>10}  {'FPIR':<21}{'FNIR, rank 1':<18}FNIR, rank {rank}",
    "-" * WIDTH,
  ]
  for kind, name in (("fmr", "FMR"), ("fpir", "FPIR")):
    for row in searches[f"at_{kind}"]:
      lines.append(
        f"{name} {row[f'wished_{kind}']:<{11 - len(name)}.4g}{row['threshold']:>10.4g}  "
        f"{_rate(row['fpir'], row['fpir_interval']):<21}"
        f"{_rate(row['fnir_rank_1'], row['fnir_rank_1_interval'], 0):<18}"
        f"{_rate(row['fnir_rank_r'], row['fnir_rank_r_interval'], 0)}"
      )
  equal = record["equal_error_rate"]
  kind = "of different cameras" if compared["compared"] == "other_cameras" else "of any cameras"
  lines += [
    "",
    f"people     {data['identities']:,} of {data['dataset']}"
    + (f" ({data['people'].replace('_', ' ')})" if data.get("people") else "")
    + f", {data['tracklets']:,} tracklets, {data['cameras']:,} cameras",
    f"pairs      {compared['mated']:,} of one person, {compared['non_mated']:,} of two people, "
    f"{kind}",
    f"EER        {_percent(equal['rate'])} at {equal['threshold']:.4g}",
    f"searches   in {searches['draws']} draws of {searches['enrolled']:,} enrolled people; DIR at "
    "FAR is 1 - FNIR, rank 1",
  ]
  return "\n".join(lines)


def camera_table(points: Sequence[Record], names: Mapping[int, str]) -> str:
  """The rates of the first point by pair of cameras; empty without such pairs.

  Args:
    points: a calibration's.
    names: camera number -> its name, for those that have one.
  """
  pairs = points[0]["camera_pairs"]
  if not pairs:
    return ""
  lines = [f"{'cameras':<24}{'pairs of one':>14}{'of two':>12}{'FMR':>12}{'FNMR':>10}", "-" * WIDTH]
  for pair in pairs[:_MOST_CAMERA_PAIRS]:
    both = " and ".join(str(names.get(camera, camera)) for camera in pair["cameras"])
    lines.append(
      f"{both[:23]:<24}{pair['mated']:>14,}{pair['non_mated']:>12,}"
      f"{_percent(pair['fmr'], 3):>12}{_percent(pair['fnmr']):>10}"
    )
  if len(pairs) > _MOST_CAMERA_PAIRS:
    lines.append(f"... and {len(pairs) - _MOST_CAMERA_PAIRS:,} more pairs of cameras")
  return "\n".join(lines)


def det_chart(directory: pathlib.Path, record: Record) -> Chart:
  """The DET curve: FNMR over FMR, both on the axes of normal deviates, with the thresholds marked.

  On these axes the curve of two normal distributions is a straight line (Martin et al., 1997).

  Args:
    directory: the folder above `figures`.
    record: see `calibration_table`.
  """
  det, points = record["det"], record["points"]
  curve = list(zip(det["fmr"], det["fnmr"]))
  marked = [(one["fmr"], one["fnmr"]) for one in points]

  def plot(axes) -> None:
    # Rates of 0 and 1, the curve's ends, lie infinitely far away.
    lines = [
      [pair for pair in pairs if min(pair) > 0 and max(pair) < 1] for pairs in (curve, marked)
    ]
    for pairs, (role, _), style, label in zip(lines, SERIES, ("-", "o"), ("DET", "thresholds")):
      x, y = zip(*pairs) if pairs else ((), ())
      axes.plot(ndtri(x), ndtri(y), style, color=light(role), markersize=5, label=label)
    shown = [pair for pairs in lines for pair in pairs]
    if not shown:  # The two kinds of comparisons have no distance in common.
      axes.text(0.5, 0.5, "no threshold has both kinds of errors", transform=axes.transAxes,
                horizontalalignment="center")  # fmt: skip
      return
    for axis, rates, name in zip((axes.xaxis, axes.yaxis), zip(*shown), ("FMR", "FNMR")):
      low, high = max(min(rates), _LEAST_SHOWN), min(max(rates), _MOST_SHOWN)
      ticks = [tick for tick in _TICKS if low / 2 <= tick <= min(2 * high, _MOST_SHOWN)] or [low]
      axis.set_ticks(ndtri(ticks), [f"{100 * tick:g}%" for tick in ticks])
      ends = ndtri((min(low, ticks[0]), max(high, ticks[-1])))
      axes.set(**{f"{axis.axis_name}lim": (ends[0] - 0.05, ends[1] + 0.05)})
      axis.set_label_text({"FMR": "false match rate (FMR)", "FNMR": "false non-match rate"}[name])
    axes.legend()

  words = "; ".join(f"FNMR {one['fnmr']:.4g} at FMR {one['fmr']:.4g}" for one in points)
  columns = {
    "distance": det["distance"], "FMR": det["fmr"], "FNMR": det["fnmr"],
    "threshold": [one["threshold"] for one in points],
  }  # fmt: skip
  return draw_chart(
    directory, "det", "Detection error trade-off", f"FNMR over FMR: {words}.", columns, plot
  )


def _rate(rate: float, interval: Sequence[float] | None, extra: int = 1) -> str:
  """A rate in percent with its interval; None: it is unknown.

  Args:
    rate: 0 to 1.
    interval: its ends.
    extra: decimals besides those for large rates.
  """
  if interval is None:
    return f"{_percent(rate, extra)} (unknown)"
  low, high = (_percent(value, extra)[:-1] for value in interval)
  return f"{_percent(rate, extra)} ({low}-{high})"


def _percent(rate: float, decimals: int = 2) -> str:
  """In percent; a small rate keeps two digits that count."""
  if 0 < rate < 0.001:
    return f"{100 * rate:.2g}%"
  return f"{100 * rate:.{decimals}f}%"
