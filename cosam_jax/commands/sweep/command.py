"""`--sweep`: runs, or with `--dry_run` lists, the rows of the poster's tables."""

from collections.abc import Sequence

from cosam_jax.commands.call import Call
from cosam_jax.commands.sweep.plan import Job, configuration, parse_seeds, plan
from cosam_jax.commands.sweep.progress import DONE, NEW
from cosam_jax.commands.sweep.runner import Sweep
from cosam_jax.experiment.config import resolve
from cosam_jax.experiment.learning_rules import check_training
from cosam_jax.experiment.required_inputs import require_inputs
from cosam_jax.experiment.run_configuration import has_checkpoint


def run(call: Call) -> None:
  """Runs, or lists, the rows that the flags ask for."""
  flags, config = call.flags, call.run_config
  seeds = None if flags["seeds"] is None else parse_seeds(flags["seeds"])
  jobs = plan(config, flags["sweep"], seeds=seeds, only=flags["sweep_row"],
              arguments=call.arguments)  # fmt: skip
  runs = Sweep(config, call.folder, jobs, call.arguments)
  states = runs.states()
  if all(one.state == NEW for one in states):
    check_training(config)
  _require_inputs(call, [one.job for one in states if one.state != DONE])
  if flags["sweep"] in ("attributes", "all") and not config.evaluation.attributes_file:
    print(
      "note: without --attributes_file the rows of the attributes' table are trained, and "
      "evaluated on all queries only, so the table stays empty"
    )
  if flags["dry_run"]:
    print(runs.describe())
  else:
    runs.run()


def _require_inputs(call: Call, left: Sequence[Job]) -> None:
  """Refuses a sweep whose unfinished runs would each refuse their data or initial weights."""
  if left:
    new = [job for job in left if not has_checkpoint(call.folder / job.name)]
    weights = [configuration(call.run_config, job)["init.weights"] for job in new]
    require_inputs(resolve(call.run_config), weights)
