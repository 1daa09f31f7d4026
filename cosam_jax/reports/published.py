"""Every number of the poster's tables, from the data file beside this module, checked on reading.

Metrics are in percent, as printed, under the names that results.json uses.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.reports.poster_rows import Row
from cosam_jax.runtime.json_files import read_json

TABLES = {
  "baselines": "Baselines: backbone and temporal aggregation",
  "positions": "COSAM at different positions, temporal average",
  "temporal": "COSAM with each temporal aggregation",
  "num_frames": "Number of frames in a clip",
  "frame_selection": "Frame selection",
  "attributes": "Attribute-wise results",
  "state_of_the_art": "Comparison with other methods",
}
"""Name of a table of the poster -> its subject."""

POSTER_DATASETS = ("mars", "dukemtmc_vidreid", "ilids_vid")
"""Data sets for which the poster has numbers, in its order."""
ATTRIBUTES = ("handbag", "hat", "backpack")
METRICS = {"mAP": "mAP", "R1": "Rank-1", "R5": "Rank-5", "R20": "Rank-20"}
"""The poster's name of a metric -> its name in results.json."""

# The poster's networks in the comparison with other methods, in our terms.
_NETWORKS = {
  "RevisitTempPool": Row("resnet50", (), "ta"),
  "RevisitTempPool + SE-ResNet50 + TPavg": Row("se_resnet50", (), "tp"),
  "SE-ResNet50 + COSAM4,5 + TPavg": Row("se_resnet50", (4, 5), "tp"),
  "SE-ResNet50 + COSAM4,5 + TPavg + re-ranking": Row("se_resnet50", (4, 5), "tp"),
}


@dataclasses.dataclass(frozen=True)
class PublishedRow:
  """A line of a table.

  Attributes:
    table: a key of `TABLES`.
    name: for people, such as "SE-ResNet-50 COSAM4,5 TP".
    row: the network to train for it; None for other people's methods.
    attribute: one of `ATTRIBUTES` in the attributes' table, else None.
    reranked: whether the numbers are after re-ranking.
    numbers: data set -> metric, as in results.json -> percent.
  """

  table: str
  name: str
  row: Row | None
  numbers: Mapping[str, Mapping[str, float]]
  attribute: str | None = None
  reranked: bool = False


def read_published(path: str | os.PathLike | None = None) -> dict[str, list[PublishedRow]]:
  """The poster's tables: name -> lines, in the poster's order.

  Args:
    path: another file of the same form; None means the package's.

  Raises:
    InputError: a table or field is missing or unknown, a number is outside 0..100, or a Rank-k is
      below one of smaller k.
  """
  path = pathlib.Path(path or pathlib.Path(__file__).with_name("published_results.json"))
  content = read_json(path, "published results", "install the package again")
  if not isinstance(content, dict) or set(content) != set(TABLES):
    found = sorted(content) if isinstance(content, dict) else type(content).__name__
    raise InputError(f"{path} must have the tables {', '.join(TABLES)}, and has {found}")
  try:
    return {table: _lines(table, content[table]) for table in TABLES}
  except (KeyError, TypeError, AttributeError) as error:
    raise InputError(f"{path} lacks a field, or has one of another kind: {error}") from error
  except ValueError as error:
    raise InputError(f"{path}: {error}") from error


def _lines(table: str, content: Any) -> list[PublishedRow]:
  if table == "state_of_the_art":
    return _networks(content)
  lines = []
  for entry in content:
    row = Row(
      entry["backbone"],
      tuple(entry["cosam"]),
      entry["temporal"],
      entry.get("num_frames", 4),
      entry.get("frame_selection", "sequential"),
    )
    if table == "attributes":
      for attribute in ATTRIBUTES:
        numbers = {entry["dataset"]: _numbers(entry[attribute])}
        name = f"{row.title} ({attribute})"
        lines.append(PublishedRow(table, name, row, numbers, attribute=attribute))
    else:
      numbers = {name: _numbers(entry[name]) for name in POSTER_DATASETS if name in entry}
      if not numbers:
        raise ValueError(f"a row of {table} has no numbers of {', '.join(POSTER_DATASETS)}")
      lines.append(PublishedRow(table, row.title, row, numbers))
  return lines


def _networks(content: Mapping[str, Any]) -> list[PublishedRow]:
  """Lines of the comparison; a network of several data sets is one line."""
  numbers: dict[str, dict[str, dict[str, float]]] = {}
  for dataset, entries in content.items():
    if dataset not in POSTER_DATASETS:
      raise ValueError(f"{dataset!r} is not one of the data sets {', '.join(POSTER_DATASETS)}")
    for entry in entries:
      printed = {name: entry[name] for name in METRICS if entry[name] is not None}
      numbers.setdefault(entry["network"], {})[dataset] = _numbers(printed)
  return [
    PublishedRow("state_of_the_art", name, _NETWORKS.get(name), values,
                 reranked=name.endswith("re-ranking"))
    for name, values in numbers.items()
  ]  # fmt: skip


def _numbers(printed: Mapping[str, Any]) -> dict[str, float]:
  """Percentages by our names, checked."""
  unknown = set(printed) - set(METRICS)
  if unknown or "R1" not in printed:
    raise ValueError(f"metrics are {sorted(printed)}: R1 and others of {', '.join(METRICS)}")
  for name, value in printed.items():
    if type(value) not in (int, float) or not 0 <= value <= 100:
      raise ValueError(f"{name} is {value!r}: it must be a percentage, 0 to 100")
  ranks = [printed[name] for name in ("R1", "R5", "R20") if name in printed]
  if ranks != sorted(ranks):
    raise ValueError(f"the Rank-k {ranks} must not fall as k grows")
  return {METRICS[name]: float(value) for name, value in printed.items()}
