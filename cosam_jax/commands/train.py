"""`--mode=train`: trains, or continues to train, and evaluates the test set.

The whole way is in this file: tables -> model -> training -> evaluation -> reports.
"""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from ml_collections import ConfigDict

from cosam_jax.commands.call import Call
from cosam_jax.commands.following import following
from cosam_jax.evaluation.cards import Result
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment import evaluation_place
from cosam_jax.experiment.best_checkpoint import Best, scalar_log
from cosam_jax.experiment.evaluated_set import may_be_same
from cosam_jax.experiment.evaluator import Evaluator
from cosam_jax.experiment.fields import MOST_EPOCHS
from cosam_jax.experiment.foreign_refusals import refuse_foreign
from cosam_jax.experiment.found_checkpoints import weights_label
from cosam_jax.experiment.learning import learning_of, optimizer_of, schedule_of
from cosam_jax.experiment.learning_rules import OF_LENGTH, check_training, drops_beyond_the_end
from cosam_jax.experiment.mask_report import BEFORE, MaskReport
from cosam_jax.experiment.outcome import leave, report_results
from cosam_jax.experiment.page_report import check_outputs
from cosam_jax.experiment.parts import (
  OF_START,
  TrainingBatches,
  initial_weights,
  objective,
  training_plan,
)
from cosam_jax.experiment.run import Run
from cosam_jax.models.foreign import ours
from cosam_jax.reports.event_files import EventFiles
from cosam_jax.reports.results import check_replaceable
from cosam_jax.runtime import command_line, hosts
from cosam_jax.runtime.full_disk import naming
from cosam_jax.runtime.holder import Holder
from cosam_jax.runtime.json_files import check_ours
from cosam_jax.training import loop, mesh, state, steps
from cosam_jax.training.checkpoints import LAST, Checkpoints
from cosam_jax.training.health import HealthLog
from cosam_jax.training.planned import Planned
from cosam_jax.training.preemption import Preemption
from cosam_jax.training.same_run import REMEDY, check_same, optim_changes
from cosam_jax.training.start_watch import StartWatch


def run(call: Call) -> None:
  """Runs the mode."""
  with call.holding_workdir() as holder:
    change_optim = call.flags["change_optim"]
    train(call.run_config, call.folder, holder, change_optim, call.arguments)


def train(
  config: ConfigDict,
  workdir: pathlib.Path,
  holder: Holder | None = None,
  change_optim: bool = False,
  arguments: Sequence[str] | None = None,
) -> list[Result]:
  """Trains, then evaluates the test set. If it is run again after a stop, it continues.

  If SIGTERM or its kind asks it to stop, it saves the steps that are done and raises `Preempted`.

  A run resumes in this order:
    1. the configuration is checked, and compared with that of the newest complete checkpoint;
    2. with a checkpoint, step, parameters, running statistics and Adam's moments come from it;
       without one, parameters are drawn from the seed and replaced by `init.weights`;
    3. scalars of later steps are dropped from scalars.jsonl;
    4. batches are functions of (seed, step), so the loop continues with the next step's batch;
    5. nothing else has a state.

  Args:
    config: the configuration.
    workdir: the folder of all files.
    holder: the holder of the workdir; None in processes that do not hold it.
    change_optim: continue although `config.optim` differs from the checkpoint's.
    arguments: the command line that asks for it; None if there is none.
  """
  refuse_foreign(config, "trained")
  with Preemption(holder.ending if holder else None) as preemption:
    return _train(config, workdir, preemption, holder, change_optim, arguments)


def _train(
  config: ConfigDict,
  workdir: pathlib.Path,
  preemption: Preemption,
  holder: Holder | None,
  change_optim: bool,
  arguments: Sequence[str] | None,
) -> list[Result]:
  run = Run(config, workdir)
  config, model = run.config, ours(run.model)
  # Made before anything slow, since it refuses a test set without a single match.
  evaluator, mask_report = Evaluator(config, run.tables, model), MaskReport(run)
  sizes, accumulate = config.train, config.train.accumulate
  clips_per_batch = sizes.identities_per_batch * sizes.instances
  check_outputs(run)
  mesh.check_batch(run.mesh, sizes.identities_per_batch, sizes.instances, accumulate)
  mesh.check_norms(run.mesh, config.model.norms)
  plan = training_plan(config, run.train_table)
  epoch = run.steps_per_epoch = plan.steps_per_epoch
  last_step = epoch * config.train.epochs
  schedule = schedule_of(config, epoch)
  optimizer = optimizer_of(config, schedule)
  averaged, which = bool(config.train.average), config.evaluation.weights
  checkpoints = Checkpoints(workdir, LAST, config.train.keep_checkpoints)
  about: dict[str, Any] = {
    "config": run.flat, "num_classes": run.num_classes, "test_set": run.test_set,
    "steps_per_epoch": epoch,
  }  # fmt: skip
  first_step = checkpoints.latest_step() or 0
  if not first_step:
    check_training(config)
    check_ours(workdir / "config.json", ("data.name",))
    check_replaceable(workdir / "results.json", workdir / BEFORE)
  last_step = max(first_step, last_step)  # More epochs may be done already than are now asked for.
  if first_step:
    saved = checkpoints.about(first_step)
    where = f"{checkpoints.directory}/{first_step}"
    earlier = config_rules.complete(saved["config"])
    changed = [*saved.pop("changed", []), *optim_changes(earlier, run.flat, first_step)]
    start = {name: saved.pop(name) for name in OF_START if name in saved}
    free = config_rules.free_on_resume(config, change_optim)
    check_same(earlier, run.flat, free, where, REMEDY)
    if any(earlier[name] != run.flat[name] for name in OF_LENGTH):
      check_training(config)
    check_same(saved, about, ("config", "test_set", "steps_per_epoch"), where)
    if not may_be_same(saved.get("test_set"), run.test_set):
      print(f"note: {config.data.dir} has another test set than the run had so far")
    if changed:
      about["changed"] = changed
    shapes = state.state_shapes(model, optimizer, averaged=averaged)
    train_state = checkpoints.restore(first_step, shapes, run.mesh)
    print(f"continuing from step {first_step} of {last_step} in {workdir}")
    print("".join(f"note: {change}\n" for change in changed), end="")
  else:
    initial = initial_weights(config, model)
    start = initial.record
    train_state = state.create_state(initial.variables, optimizer, averaged=averaged)
    train_state = mesh.put_everywhere(run.mesh, train_state)
    hosts.first_alone(lambda: evaluation_place.set_aside_other_training(workdir))
  about |= start
  hosts.first_alone(lambda: _write_config(run, arguments))
  epochs = config.train.epochs
  print(f"epochs: {epochs:,} of {epoch:,} steps each, {epochs * epoch:,} steps in all")
  if missed := drops_beyond_the_end(config):
    print(f"note: {missed}")

  events, log = None, None
  if config.report.tensorboard and hosts.is_first():
    events = EventFiles(workdir, first_step + 1)
    log = events.write
  before = workdir / BEFORE
  if config.evaluation.before_training and not first_step:
    untrained = evaluator(train_state.variables, label="before training")
    report_results(before, untrained, run, 0)
    untrained_variables = train_state.variables
    hosts.first_alone(lambda: mask_report.write(untrained_variables, "before training", before))

  def save(step: int, current: state.TrainState) -> None:
    hosts.first_alone(lambda: holder.check() if holder else None)
    checkpoints.save(step, current, about)

  best = Best(run, about, log) if config.train.validate_every_epochs else None
  validate_every = epoch * config.train.validate_every_epochs
  batches = TrainingBatches(config, plan, first_step, last_step, run.mesh)
  step_function = Planned(
    steps.jit_train_step(
      model, objective(config), optimizer, run.mesh, accumulate, learning_of(config)
    )
  )
  health = HealthLog(
    workdir / "health.jsonl",
    first_step,
    config.train.health_every_steps,
    planned=lambda: step_function.bytes,
  )
  train_state = loop.run(
    train_state,
    step_function,
    iter(batches),
    first_step=first_step,
    last_step=last_step,
    learning_rate=schedule,
    scalars=scalar_log(workdir / "scalars.jsonl", first_step + 1, log),
    progress=loop.Progress(first_step, last_step, config.train.log_every_steps, clips_per_batch),
    health=health,
    watch=StartWatch(run.num_classes, config.loss.triplet_weight and config.loss.triplet_margin),
    log_every=config.train.log_every_steps,
    save_every=epoch * config.train.checkpoint_every_epochs,
    save=save,
    validate_every=validate_every,
    validate=best,
    # A run that is asked to stop saves before it validates.
    validate_first=best is not None and first_step % validate_every == 0 and best.lacks(first_step),
    preemption=preemption,
  )
  variables, step = state.weights_of(train_state, which), last_step
  if config.evaluation.checkpoint == "best" and best is not None:
    variables, step = best.restore(train_state)
  named = weights_label(step, which)
  results = list(evaluator(variables, label="after training", checkpoint=named))
  skipped = sum(hosts.gather(batches.skipped)) + evaluator.skipped
  subject = evaluation_place.own_subject(run)
  hosts.first_alone(lambda: evaluation_place.set_aside(workdir, subject))
  hosts.first_alone(lambda: evaluation_place.set_aside_unreadable(workdir))
  leave(
    run,
    evaluator,
    mask_report,
    results,
    variables,
    mode="train",
    label="after training",
    step=step,
    skipped=skipped,
    changed=about.get("changed", ()),
    start=start,
    events=events,
    arguments=arguments,
    following=following("train", arguments, {"train": _twice(config, -(-last_step // epoch))}),
  )
  return results


def _twice(config: ConfigDict, epochs: int) -> dict[str, str]:
  """The flags with which a run goes on to twice the epochs that it has."""
  more = {"config.train.epochs": str(min(2 * epochs, MOST_EPOCHS))}
  free = "train.epochs" in config_rules.free_on_resume(config)
  return more if free else {**more, "change_optim": "true"}


def _write_config(run: Run, arguments: Sequence[str] | None) -> None:
  run.workdir.mkdir(parents=True, exist_ok=True)
  partial = run.workdir / "config.json.partial"
  with naming(partial):
    partial.write_text(json.dumps(run.flat, indent=2) + "\n")
  partial.replace(run.workdir / "config.json")
  command_line.record(run.workdir, "train", arguments)
