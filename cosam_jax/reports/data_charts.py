"""Charts of a data set: counts of people, cameras and frames, and lengths of tracklets."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from cosam_jax.data.identities import UNKNOWN_CAMERA
from cosam_jax.data.sets.registry import PARTS
from cosam_jax.data.tracklets import Tables, TrackletTable
from cosam_jax.reports.charts import SERIES, Chart, draw_chart, light, mark

_BINS = 24


def data_facts(tables: Tables) -> dict[str, dict[str, Any]]:
  """Split -> its counts: people (without distractors and junk), tracklets, cameras, frames."""
  return {name: _facts(getattr(tables, name)) for name in PARTS}


def _facts(table: TrackletTable) -> dict[str, Any]:
  identities = np.unique(table.identities)
  lengths = table.lengths if len(table) else np.zeros(1, np.int32)
  return {
    "people": int(table.numbering.people(identities).sum()),
    "tracklets": len(table),
    "distractors": int(table.numbering.distractors(table.identities).sum()),
    "cameras": len(np.setdiff1d(table.cameras, [UNKNOWN_CAMERA])),
    "frames": table.total_frames,
    "shortest": int(lengths.min()),
    "median": float(np.median(lengths)),
    "longest": int(lengths.max()),
  }


def data_charts(directory: pathlib.Path, tables: Tables) -> list[Chart]:
  """Tracklet lengths, tracklets by camera, and tracklets of a person, by split."""
  splits = {name: getattr(tables, name) for name in PARTS}
  splits = {name: table for name, table in splits.items() if len(table)}
  return [
    _lengths(directory, splits),
    _by_camera(directory, splits),
    _by_person(directory, splits),
  ]


def _lengths(directory: pathlib.Path, splits: Mapping[str, TrackletTable]) -> Chart:
  lengths = {name: table.lengths for name, table in splits.items()}
  low = min(int(values.min()) for values in lengths.values())
  high = max(int(values.max()) for values in lengths.values())
  # Each bar covers whole numbers of frames.
  width = max(1, -(-(high - low + 1) // _BINS))
  edges = np.arange(low, high + width + 1, width) - 0.5
  counts = {name: np.histogram(values, edges)[0] for name, values in lengths.items()}

  def plot(axes) -> None:
    for (role, style), (name, values) in zip(SERIES, counts.items()):
      axes.stairs(values, edges, color=light(role), linestyle=style, linewidth=1.6, label=name)
    axes.set_xlabel("frames of a tracklet")
    axes.set_ylabel("tracklets")
    axes.set_ylim(bottom=0)
    axes.legend()

  medians = ", ".join(f"{name} {np.median(values):g}" for name, values in lengths.items())
  description = (
    f"Histogram of tracklet lengths, from {low} to {high} frames; the medians are {medians}."
  )
  columns = {"frames from": (edges[:-1] + 0.5).astype(int).tolist(),
             "frames to": (edges[1:] - 0.5).astype(int).tolist()}  # fmt: skip
  columns |= {name: values.tolist() for name, values in counts.items()}
  return draw_chart(directory, "tracklet_lengths", "Tracklet lengths", description, columns, plot)


def _by_camera(directory: pathlib.Path, splits: Mapping[str, TrackletTable]) -> Chart:
  cameras = np.unique(np.concatenate([table.cameras for table in splits.values()]))
  counts = {
    name: [int((table.cameras == camera).sum()) for camera in cameras]
    for name, table in splits.items()
  }
  description = f"Tracklets of each of the {len(cameras)} cameras, by split."
  numbering = next(iter(splits.values())).numbering
  marks = [numbering.camera(camera) for camera in cameras]
  return _bars(directory, "cameras", "Cameras", description, "camera", marks, counts)


def _by_person(directory: pathlib.Path, splits: Mapping[str, TrackletTable]) -> Chart:
  of_person = {}
  for name, table in splits.items():
    people = table.identities[table.numbering.people(table.identities)]
    of_person[name] = np.bincount(np.unique(people, return_counts=True)[1], minlength=1)
  most = max(len(counts) for counts in of_person.values()) - 1
  # The last bar takes the rest of a long tail.
  last = min(most, 20)
  values = list(range(1, last + 1))
  counts = {
    name: [int(found[n]) if n < len(found) else 0 for n in values[:-1]] + [int(found[last:].sum())]
    for name, found in of_person.items()
  } if values else {name: [] for name in of_person}  # fmt: skip
  description = f"People by their number of tracklets, which is at most {most}."
  marks = [str(n) for n in values]
  if last < most:
    marks[-1] += "+"
  axis = "tracklets of a person"
  return _bars(directory, "people", "People", description, axis, marks, counts, what="people")


def _bars(
  directory: pathlib.Path,
  name: str,
  title: str,
  description: str,
  axis: str,
  marks: list[Any],
  counts: Mapping[str, list[int]],
  what: str = "tracklets",
) -> Chart:
  """A group of bars at each mark, with one bar for each split."""

  def plot(axes) -> None:
    width = 0.8 / max(len(counts), 1)
    for number, (split, values) in enumerate(counts.items()):
      place = np.arange(len(marks)) + (number - (len(counts) - 1) / 2) * width
      hatch = ("", "////", "....")[number % 3]
      axes.bar(place, values, width, color=light(SERIES[number][0]), label=split, hatch=hatch,
               edgecolor=light("paper"), linewidth=0)  # fmt: skip
    shown = range(0, len(marks), max(1, len(marks) // 10))
    axes.set_xticks(list(shown), [mark(marks[i]) for i in shown])
    axes.set_xlabel(axis)
    axes.set_ylabel(what)
    axes.grid(axis="x", visible=False)
    axes.legend()

  columns = {axis: marks, **counts}
  return draw_chart(directory, name, title, description, columns, plot)
