"""Words and tables of the page, made of results.json and the logs. Plain values only."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cosam_jax.data.sets.registry import data_set_of
from cosam_jax.data.tracklets import Tables
from cosam_jax.reports.foreign_words import input_words, network_words
from cosam_jax.reports.poster_rows import row_of
from cosam_jax.reports.published import POSTER_DATASETS, read_published
from cosam_jax.reports.rankings import Rankings
from cosam_jax.reports.run_charts import training_seconds

COLUMNS = ("mAP", "Rank-1", "Rank-5", "Rank-10", "Rank-20", "mINP")
FEW_QUERIES = 100
_HEADS = {
  "tp": "temporal average", "ta": "temporal attention", "rnn": "LSTM", "ap": "attention pooling"
}  # fmt: skip

Record = Mapping[str, Any]


def title(config: Mapping[str, Any], card: Record) -> str:
  """Data set and network, such as "mars: se_resnet50 with COSAM4,5, temporal average"."""
  if foreign := card.get("foreign"):
    return f"{_data_set(card)}: {foreign['file']}, a foreign network"
  return f"{_data_set(card)}: {network_title(config)}"


def network_title(config: Mapping[str, Any]) -> str:
  """The network alone, such as "se_resnet50 with COSAM4,5, temporal average"."""
  stages = ",".join(map(str, config["model.cosam_stages"]))
  cosam = f"with COSAM{stages}" if stages else "without COSAM"
  head = _HEADS.get(config["model.temporal"], config["model.temporal"])
  return f"{config['model.backbone']} {cosam}, {head}"


def _data_set(card: Record) -> str:
  split = f", split {card['split']}" if card.get("split") is not None else ""
  return f"{card['dataset']}{split}"


def row_label(record: Record) -> str:
  """Names a result, such as "after training, re-ranked"."""
  label = record.get("label") or "as ranked"
  return f"{label}, re-ranked" if record["card"].get("reranking") else label


def number_rows(results: Sequence[Record], untrained: Sequence[Record]) -> list[dict[str, Any]]:
  """A row for each result: its label, and the percentage and interval of each of `COLUMNS`."""
  rows = []
  for record in [*untrained, *results]:
    cells = []
    for name in COLUMNS:
      metric = record["metrics"].get(name)
      text = None if metric is None else f"{metric['percent']:.2f}"
      cells.append({"name": name, "percent": text, "interval": _interval(record, name)})
    rows.append({"label": row_label(record), "cells": cells})
  return rows


def tested(
  untrained: Sequence[Record], results: Sequence[Record], run: Record
) -> list[tuple[float, float]]:
  """(step, mAP as a fraction) before training and of the results, as far as they are known."""
  points = [(0.0, untrained[0])] if untrained else []
  if run.get("step") is not None:
    points.append((float(run["step"]), results[0]))
  return [(step, record["metrics"]["mAP"]["fraction"]) for step, record in points]


def _interval(record: Record, name: str) -> str | None:
  """The interval's bounds in percent; None if the evaluation has none."""
  bounds = record.get("uncertainty", {}).get("intervals", {}).get(name)
  return None if bounds is None else f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f}"


def summary(results: Sequence[Record], untrained: Sequence[Record]) -> str:
  """The outcome in one or two sentences."""
  record = results[0]
  queries = record["card"]["valid_queries"]
  interval = _interval(record, "mAP")
  between = f" (95% interval {interval})" if interval else ""
  text = (
    f"mAP is {_percent(record, 'mAP')}{between} and Rank-1 {_percent(record, 'Rank-1')} over "
    f"{queries:,} {'query' if queries == 1 else 'queries'} ({row_label(record)})."
  )
  if untrained:
    text += f" Before training, mAP was {_percent(untrained[0], 'mAP')}."
  return text


def _percent(record: Record, name: str) -> str:
  return f"{record['metrics'][name]['percent']:.1f}%"


def warnings(run: Record, results: Sequence[Record]) -> list[str]:
  """Warnings for a reader of the numbers."""
  card = results[0]["card"]
  # As they are: many begin with a path, which must stay one.
  found = [f"{warning}." for warning in run.get("warnings", [])]
  skipped = run.get("unreadable_frames_skipped", 0)
  if skipped:
    found.append(f"{skipped:,} unreadable frames were skipped.")
  found += [
    f"{count:,} of {card['queries']:,} queries do not count: {reason}."
    for reason, count in card["not_counted"].items()
  ]
  if card["valid_queries"] < FEW_QUERIES:
    found.append(
      f"Only {card['valid_queries']:,} queries count: one of them is "
      f"{100 / max(1, card['valid_queries']):.1f} points of Rank-1."
    )
  if card.get("foreign"):
    found.append(
      "The network is of another program, so the fields of the configuration on networks and "
      "training are not about it. The numbers are its own only if its frames are prepared as by "
      "its authors."
    )
  if data_set_of(card["dataset"]).drawn:
    found.append("The people are drawn figures: the numbers say nothing about real cameras.")
  return found


def poster_rows(
  config: Mapping[str, Any], tables: Tables, results: Sequence[Record]
) -> dict[str, Any]:
  """The poster's rows for the same network, or the reason why there are none."""
  reason = _not_comparable(config, tables, results[0]["card"])
  if reason:
    return {"rows": [], "reason": reason}
  row = row_of(config)
  reranked = any(record["card"].get("reranking") for record in results)
  found = {}
  for lines in read_published().values():
    for line in lines:
      numbers = line.numbers.get(tables.name)
      fits = line.row == row and line.attribute is None and (reranked or not line.reranked)
      if fits and numbers and line.reranked not in found:
        label = "the poster, re-ranked" if line.reranked else "the poster"
        cells = [
          {"name": name, "percent": f"{numbers[name]:.1f}" if name in numbers else None,
           "interval": None}
          for name in COLUMNS
        ]  # fmt: skip
        found[line.reranked] = {"label": label, "cells": cells}
  if not found:
    return {"rows": [], "reason": "The poster has no row for this network on this data set."}
  return {"rows": [found[key] for key in sorted(found)], "reason": ""}


def _not_comparable(config: Mapping[str, Any], tables: Tables, card: Record) -> str:
  if card.get("foreign"):
    return "The network is foreign, so it is none of the poster's rows."
  if tables.name not in POSTER_DATASETS:
    return f"The poster has no numbers for {tables.name}, so none are shown beside these."
  if tables.warnings:
    return (
      f"This is not the {tables.name} that the poster used (see the warnings), so its numbers are "
      "not shown beside these."
    )
  if card["protocol"] != "reference":
    return (
      f"The protocol is {card['protocol']}, the poster's is reference (queries taken out of the "
      "gallery, all frames), so its numbers are not shown beside these."
    )
  if card.get("flip"):
    return (
      "Each clip was embedded with its mirror image, and the poster's were not, so its numbers are "
      "not shown beside these."
    )
  if config["model.width"] != 1:
    return (
      f"The network has {config['model.width']:g} of the poster's width, so the poster's numbers "
      "are not shown beside these."
    )
  return ""


def protocol(card: Record) -> list[tuple[str, str]]:
  """(name, value) pairs that say how the numbers were measured."""
  gallery = f"{card['gallery_size']:,} tracklets, {card['distractors']:,} of them distractors"
  if card["queries_in_gallery"]:
    gallery += f"; {card['queries_in_gallery']:,} queries are in it too"
  if card["junk"]:
    gallery += f"; {card['junk']:,} junk tracklets were dropped"
  clips = f", in clips of {card['num_frames']}" if card["num_frames"] else ""
  clips += ", each also as its mirror image" if card.get("flip") else ""
  return [
    *_network(card.get("foreign") or {}),
    ("Protocol", card["protocol"]),
    ("Queries", f"{card['queries']:,}, of which {card['valid_queries']:,} count"),
    ("Gallery", gallery),
    ("Frames", f"{card['frames']} ({card['frames_used']:,}){clips}"),
    ("Last clip", card["tail"]),
    ("Distance", card["distance"]),
    ("Weights", card["checkpoint"] or "unknown"),
  ]


def _network(foreign: Record) -> list[tuple[str, str]]:
  if not foreign:
    return []
  return [
    ("Network", ", ".join(network_words(foreign))),
    ("Its input", ", ".join(input_words(foreign))),
    ("May be compared with", foreign["comparable_with"]),
  ]


def mask_rows(masks: Mapping[str, Any]) -> list[dict[str, str]]:
  """A row of numbers for each stage and state of the network."""
  rows = []
  for stage in sorted({stage for part in masks.values() for stage in part["stages"]}, key=int):
    for label, part in masks.items():
      if (found := part["stages"].get(stage)) is None:
        continue
      row = {"masks": f"COSAM {stage}, {label}"}
      for name, key in (("on figure", "share_on_figure"), ("uniform", "uniform_share"),
                        ("fixed", "fixed_mask_share")):  # fmt: skip
        if key in found:
          row[name] = f"{100 * found[key]:.1f}%"
      row |= {name: f"{found[name]:.3f}" for name in ("mean", "min", "max", "spread")}
      rows.append(row)
  return rows


def times(
  run: Record, scalars: Sequence[Mapping[str, float]], rankings: Rankings | None
) -> list[tuple[str, str]]:
  """(name, value) pairs of times and devices."""
  config, found = run["config"], []
  if "steps_per_epoch" in run:
    found.append(("Epochs", f"{config['train.epochs']:,} of {run['steps_per_epoch']:,} steps each"))
  clips = config["train.identities_per_batch"] * config["train.instances"]
  seconds = training_seconds(scalars, clips)
  if seconds is not None:
    rates = [row["clips_per_second"] for row in scalars if row.get("clips_per_second", 0) > 0]
    found.append(
      ("Training", f"{_clock(seconds)} for {scalars[-1]['step']:,} steps of {clips} clips, by the "
       "logged rates; compilation not counted")
    )  # fmt: skip
    found.append(("Training speed", f"{np.median(rates):.1f} clips a second (median of the log)"))
  if rankings is not None:
    for name, seconds in rankings.seconds.items():
      number = len(rankings.names) if name == "embedding" else len(rankings.queries)
      what = "tracklets" if name == "embedding" else "queries"
      text = f"{_clock(seconds)} for {number:,} {what}"
      if name == "embedding":
        frames = int(rankings.lengths.sum())
        text += f" of {frames:,} frames ({frames / max(seconds, 1e-9):.0f} a second)"
      found.append((f"{name.capitalize()}", text))
  devices = run.get("devices", [])
  found.append(("Devices", ", ".join(devices) or "unknown"))
  return found


def _clock(seconds: float) -> str:
  if seconds < 60:
    return f"{seconds:.1f} s"
  minutes, seconds = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
