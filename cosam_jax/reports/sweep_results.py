"""Reads a sweep's results back, groups them, and checks that they can be compared.

A sample is one entry of a results.json; a summary covers a row's samples of all seeds and splits.
"""

import dataclasses
import pathlib
import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from cosam_jax.data.sets.registry import data_set_of
from cosam_jax.errors import InputError
from cosam_jax.reports.comparability import check_alike
from cosam_jax.reports.own_rows import MASK_FORMS, SWITCHES
from cosam_jax.reports.poster_rows import SWEEPS, Row, row_of
from cosam_jax.reports.published import ATTRIBUTES, POSTER_DATASETS
from cosam_jax.reports.results import EVALUATIONS, PAGE, read_results

SUBSET = ", subset"
"""Follows an attribute if the gallery, too, holds only people who have it."""

# Values that the user chose, and values that follow from them and the data.
_CHOICES = ("protocol", "frames", "distance")
_COUNTS = ("gallery_size", "valid_queries")
_FORMS = "|".join(filter(None, [*MASK_FORMS, *SWITCHES]))
_OTHER_FORM = re.compile(rf"_(none|cosam\d+)_\w+_({_FORMS})(_seed\d+)?(_split\d+)?$")
"""Matches the folder of such a row of `own_masks` or `own_recipe`, as the sweep names it."""


@dataclasses.dataclass(frozen=True)
class Sample:
  """One result of one training.

  Attributes:
    path: the results.json.
    row: the network.
    dataset, seed, split: of its training; split is None if there is only one.
    attribute: of the queries, such as "hat" (with the whole gallery) or "hat, subset" (with a
      gallery of people who have it); None for all queries.
    reranked: whether distances were re-ranked.
    metrics: name -> percent.
    card: the protocol.
    config: the flat configuration.
    steps: number of steps of the weights.
  """

  path: pathlib.Path
  row: Row
  dataset: str
  seed: int
  split: int | None
  attribute: str | None
  reranked: bool
  metrics: Mapping[str, float]
  card: Mapping[str, Any]
  config: Mapping[str, Any]
  steps: int

  @property
  def key(self) -> tuple[Any, ...]:
    """The key of the summary that the sample belongs to."""
    return self.dataset, self.row, self.attribute, self.reranked

  @property
  def protocol(self) -> str:
    """Facts that must agree between results of one table, in words."""
    protocol, frames, distance = (self.card[field] for field in _CHOICES)
    words = [protocol, f"frames {frames}", distance]
    words += ["with mirror images"] if self.card.get("flip") else []
    if self.attribute is not None:
      alone = self.attribute.endswith(SUBSET)
      words.append("people with the attribute only" if alone else "queries with the attribute")
    else:
      words.append(", ".join(f"{name.replace('_', ' ')} {self.card[name]:,}" for name in _COUNTS))
    return ", ".join(words)


@dataclasses.dataclass(frozen=True)
class Summary:
  """A row's numbers over its seeds and splits.

  Attributes:
    means: metric -> percent: mean over splits, then over seeds.
    spreads: metric -> sample standard deviation over seeds in percent; empty with one seed.
    seeds: number of seeds that count.
    missing: names missing parts, such as "3 of 10 splits"; may be empty.
    left_out: names seeds that are not in the means, and why; may be empty.
    samples: its samples.
  """

  means: Mapping[str, float]
  spreads: Mapping[str, float]
  seeds: int
  missing: str
  left_out: str
  samples: tuple[Sample, ...]

  @property
  def obstacles(self) -> tuple[str, ...]:
    """Reasons against comparing the numbers with the poster's; empty if there are none."""
    found = [*data_obstacles(self.samples)]
    for sample in self.samples:
      if sample.card["protocol"] != "reference":
        found.append(f"protocol {sample.card['protocol']}; the poster's is reference")
      if sample.card["distance"] != "sqeuclidean":
        found.append(f"distance {sample.card['distance']}; the poster's is sqeuclidean")
      if sample.card.get("flip"):
        found.append("with mirror images, which the poster's clips are without")
    found += [self.missing] if self.missing else []
    return tuple(dict.fromkeys(found))


def data_obstacles(samples: Sequence[Sample]) -> tuple[str, ...]:
  """Reasons why these samples' data are not the poster's; empty if they are."""
  found = []
  for sample in samples:
    if sample.dataset not in POSTER_DATASETS:
      found.append(f"the poster has no data set {sample.dataset}")
    found += sample.card.get("warnings", ())
  return tuple(dict.fromkeys(found))


def read_samples(workdir: pathlib.Path) -> list[Sample]:
  """The results of the poster's networks in `workdir/*` and `workdir/*/*`, in order of folders.

  Results of other networks, and of weights that were not trained here, are left out. So are copies
  in report pages, and evaluations of a run on data other than its own test set (`EVALUATIONS`).

  Raises:
    InputError: there is no such folder, no such result, or two for the same row, seed and split.
  """
  if not workdir.is_dir():
    raise InputError(f"{workdir} is not a folder: give the workdir of a sweep")
  files = sorted([*workdir.glob("*/results.json"), *workdir.glob("*/*/results.json")])
  samples = [sample for path in files if _is_of_run(path, workdir) for sample in _samples(path)]
  if not samples:
    raise InputError(
      f"{workdir} has no results of the poster's networks, neither in its folders nor one level "
      "below: run a table with --sweep first"
    )
  seen: dict[tuple[Any, ...], Sample] = {}
  for sample in samples:
    other = seen.setdefault((*sample.key, sample.seed, sample.split), sample)
    if other is not sample:
      raise InputError(
        f"{other.path} and {sample.path} are both {sample.row.name} on {sample.dataset} with seed "
        f"{sample.seed}: move one of them elsewhere, or give the workdir of one sweep"
      )
  return samples


def _is_of_run(path: pathlib.Path, workdir: pathlib.Path) -> bool:
  """Whether a results.json below `workdir` is a run's own, made by its training or evaluation.

  Runs of `own_masks` with masks of other forms, and those of `own_recipe` that lack something, do
  not count. Their networks would pass for the poster's, and their folders alone say what they
  are: any run may state such fields.
  """
  is_page = (path.parent / PAGE).exists()
  is_other_form = _OTHER_FORM.search(path.parent.name) is not None
  return not is_page and not is_other_form and EVALUATIONS not in path.relative_to(workdir).parts


def _samples(path: pathlib.Path) -> list[Sample]:
  content = read_results(path)
  run = content["run"]
  config = run.get("config", {})
  row = row_of(config)
  if row not in SWEEPS["all"] or not run.get("step"):
    return []
  return [
    Sample(
      path=path,
      row=row,
      dataset=record["card"]["dataset"],
      seed=config["seed"],
      split=record["card"].get("split"),
      attribute=_attribute(record["card"]),
      reranked=bool(record["card"].get("reranking")),
      metrics={name: 100 * value["fraction"] for name, value in record["metrics"].items()},
      card=record["card"],
      config=config,
      steps=run["step"],
    )
    for record in content["results"]
    if record["card"].get("attribute") is None or _attribute(record["card"])
  ]


def _attribute(card: Mapping[str, Any]) -> str | None:
  """The attribute, as in the poster's rows; None for all queries and for other values."""
  name, _, value = (card.get("attribute") or "").partition("=")
  if name not in ATTRIBUTES or value != "yes":
    return None
  return name if card["attribute_gallery"] == "whole" else name + SUBSET


def check_protocols(samples: Sequence[Sample]) -> None:
  """Refuses samples of one data set that were measured by different protocols.

  Raises:
    InputError: it gives the difference, and a file of each kind.
  """
  for dataset in dict.fromkeys(sample.dataset for sample in samples):
    groups: dict[Any, list[tuple[str, Mapping[str, Any]]]] = {}
    for sample in samples:
      if sample.dataset == dataset:
        name = str(sample.path)
        # Each split and each attribute has its own queries and gallery.
        groups.setdefault((sample.split, sample.attribute), []).append((name, sample.card))
        choices = {field: sample.card[field] for field in _CHOICES}
        choices["flip"] = sample.card.get("flip", False)
        groups.setdefault("choices", []).append((name, choices))
    for cards in groups.values():
      check_alike(cards)


def summarise(samples: Sequence[Sample]) -> dict[tuple[Any, ...], Summary]:
  """Samples by subject: (data set, row, attribute, re-ranked) -> summary."""
  groups: dict[tuple[Any, ...], list[Sample]] = {}
  for sample in samples:
    groups.setdefault(sample.key, []).append(sample)
  return {key: _summary(group) for key, group in groups.items()}


def _summary(samples: Sequence[Sample]) -> Summary:
  seeds: dict[int, list[Sample]] = {}
  for sample in samples:
    seeds.setdefault(sample.seed, []).append(sample)
  wanted = data_set_of(samples[0].dataset).num_splits
  complete = {seed: group for seed, group in seeds.items() if len(group) == wanted}
  missing = ""
  if not complete:
    # No seed has all splits: the mean is shown, with a note that splits are missing.
    complete = dict([max(seeds.items(), key=lambda item: len(item[1]))])
    missing = f"{len(next(iter(complete.values())))} of {wanted} splits"
  # With means over fewer splits they would spoil those of the others.
  lacking = sorted(seeds.keys() - complete.keys())
  left_out = f"without seed {', '.join(map(str, lacking))}, which lacks splits" if lacking else ""
  used = tuple(sample for group in complete.values() for sample in group)
  names = [name for name in used[0].metrics if all(name in sample.metrics for sample in used)]
  groups = complete.values()
  by_seed = {
    name: [statistics.fmean(sample.metrics[name] for sample in group) for group in groups]
    for name in names
  }
  return Summary(
    means={name: statistics.fmean(values) for name, values in by_seed.items()},
    spreads={name: statistics.stdev(values) for name, values in by_seed.items() if len(values) > 1},
    seeds=len(complete),
    missing=missing,
    left_out=left_out,
    samples=used,
  )
