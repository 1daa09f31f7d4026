"""The end of a run: the files that training and evaluation leave, one after the other."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from cosam_jax.evaluation.cards import Result
from cosam_jax.experiment.evaluator import Evaluator
from cosam_jax.experiment.mask_report import MaskReport
from cosam_jax.experiment.page_report import finish
from cosam_jax.experiment.run import Run
from cosam_jax.reports.event_files import EventFiles
from cosam_jax.reports.results import terminal_table, write_results
from cosam_jax.runtime import command_line, hosts


def leave(
  run: Run,
  evaluator: Evaluator,
  mask_report: MaskReport,
  results: Sequence[Result],
  variables: dict[str, Any],
  *,
  mode: str,
  label: str,
  step: int,
  skipped: int = 0,
  changed: Sequence[str] = (),
  start: Mapping[str, Any] | None = None,
  events: EventFiles | None = None,
  arguments: Sequence[str] | None = None,
  following: Mapping[str, Sequence[str]] | None = None,
) -> None:
  """Writes and prints the outcome of a run.

  The numbers come first, so that a run that is stopped here has them:
    1. `results.json`, and the results as a table on the terminal;
    2. the same in TensorBoard's event files;
    3. the masks: numbers in the results, pictures beside them;
    4. the command, for the page;
    5. the rankings and the page;
    6. on the terminal, the commands that may follow.

  Args:
    run: the run; all files go to its workdir.
    evaluator: made the results.
    mask_report: measures and draws the masks.
    results: of the evaluation.
    variables: the weights that were evaluated, on the devices.
    mode: "train" or "evaluate".
    label: of the weights in the masks' table, such as "after training".
    step: of the weights.
    skipped: number of frames that could not be read.
    changed: sentences about fields that changed when training was resumed.
    start: what is known about the initial weights, see `parts.Initial.record`.
    events: TensorBoard's event files; None writes none.
    arguments: the command line that started the run; None if there was none.
    following: what may be done next -> the command line that does it, without the program.

  Raises:
    InputError: a file cannot be written.
  """
  path = run.workdir / "results.json"
  report_results(path, results, run, step, skipped, changed, start)
  if events is not None:
    for result in results:
      scores = {"mAP": result.metrics.mean_average_precision, "Rank-1": result.metrics.cmc[0]}
      events.results(step, result.label, **{name: float(scores[name]) for name in scores})
  if skipped:
    print(f"skipped {skipped} unreadable frames")
  hosts.first_alone(lambda: mask_report.write(variables, label, path))
  if mode != "train":  # Training records its command when it starts, since it may be stopped.
    hosts.first_alone(lambda: command_line.record(run.workdir, mode, arguments))
  hosts.first_alone(lambda: finish(run, evaluator, results))
  hosts.first_alone(lambda: print(command_line.next_steps(following or {}), end=""))


def report_results(
  path: pathlib.Path,
  results: Sequence[Result],
  run: Run,
  step: int | None,
  skipped: int = 0,
  changed: Sequence[str] = (),
  start: Mapping[str, Any] | None = None,
) -> None:
  """Writes and prints results, in the first process."""
  about = describe_run(run, step, skipped)
  if changed:
    about["changed_on_resume"] = list(changed)
  about |= start or {}
  hosts.first_alone(lambda: write_results(path, results, about))
  print(terminal_table(results))


def describe_run(run: Run, step: int | None, skipped: int = 0) -> dict[str, Any]:
  """The part of results.json about the run."""
  of_training = {"steps_per_epoch": run.steps_per_epoch} if run.steps_per_epoch else {}
  return {
    "step": step,
    **of_training,
    "seed": run.config.seed,
    "config": run.flat,
    "training_identities": run.num_classes,
    "test_set": run.test_set,
    "unreadable_frames_skipped": skipped,
    "warnings": list(run.tables.warnings),
    "devices": [str(device) for device in jax.devices()],
    "processes": jax.process_count(),
  }
