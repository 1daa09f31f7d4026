"""results.json of a run: what it says of the run, written and shown."""

import pathlib
from collections.abc import Sequence
from typing import Any

import jax

from cosam_jax.evaluation.cards import Result
from cosam_jax.experiment import evaluation_place
from cosam_jax.experiment.parts import Run
from cosam_jax.reports.results import terminal_table, write_results
from cosam_jax.runtime import hosts


def report_results(
  path: pathlib.Path,
  results: Sequence[Result],
  run: Run,
  step: int | None,
  skipped: int = 0,
  changed: Sequence[str] = (),
) -> None:
  """Writes and prints results, in the first process."""
  about = describe_run(run, step, skipped)
  if changed:
    about["changed_on_resume"] = list(changed)
  hosts.first_alone(lambda: write_results(path, results, about))
  print(terminal_table(results))


def describe_run(run: Run, step: int | None, skipped: int = 0) -> dict[str, Any]:
  """What results.json says of the run."""
  return {
    "step": step,
    "seed": run.config.seed,
    "config": run.flat,
    "training_identities": run.num_classes,
    "test_set": evaluation_place.test_set(run),
    "unreadable_frames_skipped": skipped,
    "warnings": list(run.tables.warnings),
    "devices": [str(device) for device in jax.devices()],
    "processes": jax.process_count(),
  }
