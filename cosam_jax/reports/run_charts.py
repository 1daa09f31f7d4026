"""Curves of a run: losses, learning rate and speed over its steps, and the CMC of its rankings."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from cosam_jax.reports.charts import SERIES, Chart, draw_chart, light

Row = Mapping[str, float]
_LOSSES = {"loss": "loss", "cross_entropy": "cross-entropy", "triplet": "triplet",
           "mask_mean": "mean of masks"}  # fmt: skip
_CURVES = (
  ("losses", "Losses", _LOSSES, "loss"),
  ("learning_rate", "Learning rate", {"learning_rate": "learning rate"}, "learning rate"),
  ("gradient_norm", "Gradient norm", {"gradient_norm": "gradient norm"}, "norm before clipping"),
  ("throughput", "Speed", {"clips_per_second": "clips a second"}, "clips a second"),
)
CMC_RANKS = 20


def training_charts(directory: pathlib.Path, rows: Sequence[Row]) -> list[Chart]:
  """Curves over the steps of scalars.jsonl; curves without values are left out."""
  charts = []
  for name, title, lines, axis in _CURVES:
    known = {label: key for key, label in lines.items() if any(key in row for row in rows)}
    if known:
      series = {
        label: [(row["step"], row[key]) for row in rows if key in row]
        for label, key in known.items()
      }
      charts.append(_curves(directory, name, title, series, "step", axis))
  return charts


def map_chart(
  directory: pathlib.Path, tested: Sequence[tuple[float, float]], rows: Sequence[Row]
) -> Chart:
  """mAP over the steps.

  Args:
    directory: the report's folder.
    tested: (step, fraction) of the test set before and after training, as far as they are known.
    rows: of validation.jsonl, with the mAP of the held-out people; may be empty.
  """
  series = {
    "test people": [(step, 100 * value) for step, value in tested],
    "held-out people": [(row["step"], 100 * row["mAP"]) for row in rows if "mAP" in row],
  }
  series = {label: points for label, points in series.items() if points}
  return _curves(directory, "map", "mAP", series, "step", "mAP (%)", mark="o")


def cmc_chart(directory: pathlib.Path, curves: Mapping[str, Sequence[float]]) -> Chart:
  """CMC curves; label -> shares, 0 .. 1, of queries found within the first 1, 2 ... places."""
  series = {
    label: [(rank, 100 * share) for rank, share in enumerate(shares[:CMC_RANKS], start=1)]
    for label, shares in list(curves.items())[: len(SERIES)]
  }
  return _curves(
    directory, "cmc", "Found within the first places", series, "places looked at",
    "queries with a match (%)", mark=".", whole=True,
  )  # fmt: skip


def training_seconds(rows: Sequence[Row], clips_per_step: int) -> float | None:
  """Seconds of all training steps by the logged rates; None if none was logged.

  A line's rate counts for the steps since the line before. The first compilation is not counted.
  """
  rates = [(row["step"], row.get("clips_per_second", 0.0)) for row in rows]
  known = [rate for _, rate in rates if rate > 0]
  if not known:
    return None
  seconds, before = 0.0, 0.0
  for step, rate in rates:
    # The first step has no rate.
    seconds += (step - before) * clips_per_step / (rate if rate > 0 else known[0])
    before = step
  return seconds


def _curves(
  directory: pathlib.Path,
  name: str,
  title: str,
  series: Mapping[str, Sequence[tuple[float, float]]],
  x_axis: str,
  y_axis: str,
  mark: str = "",
  whole: bool = False,
) -> Chart:
  """Lines in one chart; `whole`: the horizontal axis has marks at whole numbers only."""

  def plot(axes) -> None:
    for (role, style), (label, points) in zip(SERIES, series.items()):
      x, y = zip(*points) if points else ((), ())
      few = "o" if len(points) < 3 else mark
      axes.plot(x, y, style, color=light(role), marker=few, markersize=4, label=label)
    axes.set_xlabel(x_axis)
    axes.set_ylabel(y_axis)
    if whole:
      axes.xaxis.get_major_locator().set_params(integer=True)
    if all(value >= 0 for points in series.values() for _, value in points):
      axes.set_ylim(bottom=0)
    if len(series) > 1:
      axes.legend()

  parts = [
    f"{label} from {points[0][1]:.4g} at {points[0][0]:g} to {points[-1][1]:.4g} at "
    f"{points[-1][0]:g}"
    for label, points in series.items()
    if points
  ]
  columns: dict[str, Any] = {}
  for label, points in series.items():
    columns[x_axis if len(series) == 1 else f"{x_axis} ({label})"] = [x for x, _ in points]
    columns[label] = [y for _, y in points]
  description = f"{title}, by {x_axis}: {'; '.join(parts)}."
  return draw_chart(directory, name, title, description, columns, plot)
