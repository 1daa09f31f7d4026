"""Compares two sides of results, query by query: is the difference more than luck?

Each side is one results file or several (training runs with other seeds, or other splits). A
query's scores are averaged over a side's runs first. Then both sides have scores for the same
queries, and people are drawn (see `evaluation/bootstrap.py`).

Notation: `S` runs of a side, `Q` queries that count on both sides, `M` metrics.
"""

import dataclasses
import glob
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import cosam_jax
from cosam_jax.errors import InputError
from cosam_jax.evaluation import bootstrap
from cosam_jax.reports.comparability import check_alike
from cosam_jax.reports.comparison_sides import differing_fields, remarks_on_runs
from cosam_jax.reports.foreign_words import with_networks
from cosam_jax.reports.results import read_results
from cosam_jax.runtime.user_paths import user_text

FORMAT = 1
SIDES = ("A", "B")
RANKS = (1, 5, 10, 20)
SURE_BELOW = 0.05
_APART = ("attribute", "attribute_gallery")


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
  """One result of one file.

  Attributes:
    path: the file.
    run: the file's facts about the run.
    card: the protocol.
    queries: key of each query -> its row; names that occur twice are numbered.
    identities: int[rows].
    values: float64[rows, M]; nan if a query does not count.
  """

  path: str
  run: Mapping[str, Any]
  card: Mapping[str, Any]
  queries: Mapping[str, int]
  identities: np.ndarray
  values: np.ndarray


def files_of(text: str) -> list[pathlib.Path]:
  """The results files that one side names.

  Args:
    text: files (of results or embeddings), folders that hold a results.json, or patterns such as
      `runs/cosam_s*`, with commas between them. If a file or folder of exactly this name exists, it
      is meant, even if its name has commas or signs of a pattern.

  Raises:
    InputError: nothing is there.
  """
  found: list[pathlib.Path] = []
  pieces = [text] if os.path.exists(text) else [piece.strip() for piece in text.split(",")]
  for part in map(user_text, filter(None, pieces)):
    matches = _matches(part)
    if len(matches) > 1:
      # A pattern for runs' folders also matches the logs beside them.
      matches = [path for path in matches if path.is_dir() or path.suffix in (".json", ".npz")]
    paths = matches or [pathlib.Path(part)]
    for path in paths:
      path = path / "results.json" if path.is_dir() else path
      if not path.is_file():
        raise InputError(f"{path} does not exist: give results.json files, or folders with one")
      found += [path] if path not in found else []
  if not found:
    raise InputError(f"{text!r} names no results: give results.json files, or folders with one")
  return found


def _matches(pattern: str) -> list[pathlib.Path]:
  """The paths that match a pattern; leading folders that exist by exactly their name are plain."""
  known = pathlib.Path(pathlib.Path(pattern).anchor)
  rest = list(pathlib.Path(pattern).relative_to(known).parts)
  while rest and os.path.lexists(known / rest[0]):
    known /= rest.pop(0)
  if not rest:
    return [known]
  return sorted(known / name for name in glob.glob("/".join(rest), root_dir=known))


def compare(
  first: Sequence[pathlib.Path],
  second: Sequence[pathlib.Path],
  *,
  read: Callable[[pathlib.Path], Mapping[str, Any]] = read_results,
  deciding: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
  allow_mixed: bool = False,
  resamples: int = bootstrap.RESAMPLES,
) -> dict[str, Any]:
  """Compares two sides of results files.

  Args:
    first: the files of side A.
    second: the files of side B.
    read: returns the content of a results file, or makes it (of embeddings).
    deciding: returns the fields of a run's configuration that decide its results.
    allow_mixed: accept different protocols, and say so; only queries that count everywhere are
      compared.
    resamples: number of draws of people.

  Returns:
    Plain values for JSON and `comparison_table`: one comparison as ranked, and one re-ranked if all
    files have it.

  Raises:
    InputError: files are not results, or have different protocols or different queries.
  """
  contents = [[(str(path), read(path)) for path in side] for side in (first, second)]
  told = any(_foreign(content) for side in contents for _, content in side)
  kinds = _kinds([content for side in contents for content in side])
  comparisons, marks, warnings = [], [], []
  for kind in kinds:
    sides = [[_scores(path, content, kind) for path, content in side] for side in contents]
    every = [scores for side in sides for scores in side]
    marks += check_alike([(s.path, s.card) for s in every], allow_mixed=allow_mixed)
    warnings += [warning for scores in every for warning in scores.card.get("warnings", ())]
    card = every[0].card
    kind_of_it = {name: card.get(name) for name in ("reranking", *_APART)}
    comparisons.append(kind_of_it | _compared(sides, allow_mixed, resamples))
  fields = [[_fields(content, deciding, told) for _, content in side] for side in contents]
  warnings += remarks_on_runs(SIDES, fields)
  sides_of_files = dict(zip(SIDES, ([_about(*file) for file in side] for side in contents)))
  return {
    "format": FORMAT,
    "program": f"cosam-jax {cosam_jax.__version__}",
    **sides_of_files,
    "differing_fields": differing_fields(fields),
    "card": every[0].card,
    "mixed_protocols": list(dict.fromkeys(marks)),
    "warnings": list(dict.fromkeys(warnings)),
    "method": {
      "interval": bootstrap.METHOD,
      "test": bootstrap.TEST,
      "runs": "each query's scores are averaged over a side's runs first",
      "level": bootstrap.LEVEL,
      "resamples": resamples,
      "seed": bootstrap.SEED,
    },
    "comparisons": comparisons,
  }


def _about(path: str, content: Mapping[str, Any]) -> dict[str, Any]:
  run, card = content["run"], content["results"][0]["card"]
  about = {"file": path, "seed": run.get("seed"), "split": card.get("split")}
  about |= {"foreign": foreign} if (foreign := _foreign(content)) else {}
  return about | {key: card.get(key) for key in ("checkpoint", "checkpoint_hash", "num_frames")}


def _foreign(content: Mapping[str, Any]) -> Mapping[str, Any]:
  """The facts about a foreign network; empty if the network is ours."""
  return content["results"][0]["card"].get("foreign") or {}


def _fields(
  content: Mapping[str, Any],
  deciding: Callable[[Mapping[str, Any]], Mapping[str, Any]],
  told: bool,
) -> Mapping[str, Any]:
  """The fields that decide results; with `told`, the network as one of them."""
  config = content["run"].get("config") or {}
  fields = deciding(config)
  return with_networks(fields, config, _foreign(content)) if told else fields


def _kinds(files: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
  """The ways of ranking that every file has, such as re-ranked with the same constants."""
  kinds = [dict.fromkeys(_kind(result) for result in content["results"]) for _, content in files]
  shared = [kind for kind in kinds[0] if all(kind in others for others in kinds)]
  if not shared:
    raise InputError(
      f"{files[0][0]} and {files[-1][0]} have no way of ranking in common (as ranked, or re-ranked "
      "with the same constants): evaluate them alike"
    )
  return shared


def _kind(result: Mapping[str, Any]) -> str:
  card = result["card"]
  parts = [sorted((card.get("reranking") or {}).items()), *map(card.get, _APART)]
  return str(parts)


def _scores(path: str, content: Mapping[str, Any], kind: str) -> Scores:
  result = next(result for result in content["results"] if _kind(result) == kind)
  queries = result["queries"]
  scores = bootstrap.query_scores(
    queries["average_precision"],
    queries["first_match"],
    queries["inverse_negative_penalty"],
    RANKS,
  )
  names, identities = queries["name"], np.array(queries["identity"])
  rows: dict[str, int] = {}
  split = result["card"].get("split")
  for row, name in enumerate(names):
    key = f"{split}/{name}"
    while key in rows:
      key += "'"
    rows[key] = row
  values = np.stack(list(scores.values()), axis=1)
  return Scores(path, content["run"], result["card"], rows, identities, values)


def _compared(
  sides: Sequence[Sequence[Scores]], allow_mixed: bool, resamples: int
) -> dict[str, Any]:
  splits = [sorted({str(scores.card.get("split")) for scores in side}) for side in sides]
  if splits[0] != splits[1]:
    raise InputError(
      f"A has results of split {', '.join(splits[0])} and B of {', '.join(splits[1])}: compare the "
      "same splits"
    )
  by_split = [_aligned(sides, split, allow_mixed) for split in splits[0]]
  # float[Q, M] for each side: averaged over runs, splits one after the other.
  first, second = (
    np.concatenate([part[side].mean(axis=0) for part, _ in by_split]) for side in (0, 1)
  )
  people = np.concatenate([identities for _, identities in by_split])
  differences = first - second
  p = bootstrap.sign_flip_p(differences, people, resamples=resamples)
  # All three use one set of draws, of the same people.
  together = np.concatenate([first, second, differences], axis=1)
  bounds = bootstrap.intervals(
    bootstrap.means_of_people(together, people, resamples=resamples)
  ).reshape(3, -1, 2)
  both = None
  parts = by_split[0][0]
  if len(by_split) == 1 and min(len(part) for part in parts) > 1:
    drawn = bootstrap.differences_of_people_and_runs(
      parts[0], parts[1], people, resamples=resamples
    )
    both = bootstrap.intervals(drawn)
  names = bootstrap.query_scores([], [], [], RANKS)
  metrics = {}
  for i, name in enumerate(names):
    metrics[name] = {
      label: _side(sides[k], values[:, i], bounds[k, i], i)
      for k, (label, values) in enumerate(zip(SIDES, (first, second)))
    }
    metrics[name]["difference"] = {
      **_number(differences[:, i].mean()),
      "interval": bounds[2, i].tolist(),
      "interval_with_runs": None if both is None else both[i].tolist(),
      "p": float(p[i]),
    }
  return {"queries": len(people), "identities": len(np.unique(people)), "metrics": metrics}


def _side(runs: Sequence[Scores], values: np.ndarray, bounds: np.ndarray, i: int) -> dict[str, Any]:
  means = [float(np.nanmean(scores.values[:, i])) for scores in runs]
  spread = float(np.std(means, ddof=1)) if len(means) > 1 else None
  return {**_number(values.mean()), "interval": bounds.tolist(), "runs": means, "spread": spread}


def _number(fraction: float) -> dict[str, float]:
  return {"fraction": float(fraction), "percent": round(100 * float(fraction), 2)}


def _aligned(
  sides: Sequence[Sequence[Scores]], split: str, allow_mixed: bool
) -> tuple[list[np.ndarray], np.ndarray]:
  """float64[S, Q, M] of each side, for the queries that all runs count; int[Q], their people."""
  runs = [[scores for scores in side if str(scores.card.get("split")) == split] for side in sides]
  every = [scores for side in runs for scores in side]
  keys = list(every[0].queries)
  for scores in every[1:]:
    if not allow_mixed and set(keys) != set(scores.queries):
      raise InputError(
        f"{every[0].path} and {scores.path} answer different queries: evaluate both on the same "
        "data"
      )
    keys = [key for key in keys if key in scores.queries]
  rows = [np.array([scores.queries[key] for key in keys], int) for scores in every]
  counted = [~np.isnan(scores.values[where]).any(axis=1) for scores, where in zip(every, rows)]
  kept = np.all(counted, axis=0) if keys else np.zeros(0, bool)
  if not kept.any():
    raise InputError(f"{every[0].path} and {every[-1].path} have no query in common that counts")
  people = every[0].identities[rows[0]][kept]
  for scores, where in zip(every, rows):
    if not np.array_equal(scores.identities[where][kept], people):
      raise InputError(f"{every[0].path} and {scores.path} give a query different identities")
  values = iter([scores.values[where][kept] for scores, where in zip(every, rows)])
  return [np.stack([next(values) for _ in side]) for side in runs], people
