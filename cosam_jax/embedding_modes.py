"""Embeddings as a file between the network and everything after it: made once, then read."""

import pathlib
from typing import Any

from ml_collections import ConfigDict

from cosam_jax import config as config_rules
from cosam_jax.assembly import Evaluator, Run, settings_of
from cosam_jax.errors import InputError
from cosam_jax.evaluation.cards import Result
from cosam_jax.evaluation.embeddings import (
  FILE_NAME,
  Embeddings,
  read_embeddings,
  write_embeddings,
)
from cosam_jax.evaluation.protocol import evaluate_tables
from cosam_jax.reports.results import terminal_table, write_results
from cosam_jax.weights_of_run import weights_to_evaluate


def embed(config: ConfigDict, workdir: pathlib.Path) -> Embeddings:
  """Embeds the test set once, with the weights that `evaluate` would take, into one file."""
  run = Run(config, workdir)
  variables, _, origin = weights_to_evaluate(run)
  evaluator = Evaluator(run.config, run.tables, run.model, run.mesh)
  embeddings = evaluator.embeddings(variables, run.flat, origin)
  path = workdir / FILE_NAME
  write_embeddings(path, embeddings)
  count, width = embeddings.vectors.shape
  print(
    f"{count:,} tracklets, {len(embeddings.clip_owners):,} clips, {width} dimensions: "
    f"{path} ({path.stat().st_size / 2**20:.1f} MiB)"
  )
  if evaluator.skipped:
    print(f"skipped {evaluator.skipped} unreadable frames")
  return embeddings


def evaluate_embeddings(
  path: pathlib.Path, config: ConfigDict | None, workdir: pathlib.Path | None
) -> tuple[Result, ...]:
  """Ranks saved embeddings; `results.json` is written as `evaluate` does.

  Args:
    path: a file that `embed` wrote.
    config: its `evaluation` fields say how to rank; None: as the embeddings' own run does.
    workdir: where results.json goes; None: beside the embeddings.

  Raises:
    InputError: embeddings that cannot be read, or that another configuration made.
  """
  embeddings = read_embeddings(path)
  origin = embeddings.origin
  flat = origin.config if config is None else dict(config_rules.flatten(config))
  if config is not None:
    _check_same_run(path, embeddings, config_rules.resolve(config))
  if not flat:
    raise InputError(f"{path} does not say how to rank: give --config with its evaluation fields")
  settings = settings_of(flat)
  results = evaluate_tables(
    embeddings.vectors,
    embeddings.evaluation(settings.protocol),
    settings,
    num_frames=origin.num_frames,
    split=origin.split,
    checkpoint=origin.checkpoint,
    checkpoint_hash=origin.checkpoint_hash,
    label=origin.checkpoint or path.name,
  )
  about: dict[str, Any] = {"embeddings": str(path), "config": flat, "seed": flat.get("seed")}
  about |= {"config_hash": origin.config_hash, "warnings": list(origin.warnings)}
  write_results((workdir or path.parent) / "results.json", results, about)
  print(terminal_table(results))
  return results


def _check_same_run(path: pathlib.Path, embeddings: Embeddings, config: ConfigDict) -> None:
  """Refuses a configuration whose network or data are not those of the embeddings."""
  made = embeddings.origin.config
  asked = {
    name: list(value) if isinstance(value, tuple) else value
    for name, value in config_rules.flatten(config)
  }
  matters = ("model.", "clips.num_frames", "clips.image_size", "data.name", "data.split")
  free = ("model.cost_volume", "model.dtype")
  for name in sorted(asked):
    if name.startswith(matters) and name not in free and made.get(name, asked[name]) != asked[name]:
      raise InputError(
        f"{path} was made with config.{name} {made[name]!r}, and now it is {asked[name]!r}: give "
        "the same value, leave --config out, or embed again"
      )
