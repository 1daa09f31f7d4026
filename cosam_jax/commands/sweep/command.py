"""`--sweep`: runs, or with `--dry_run` lists, the rows of the poster's tables."""

from cosam_jax.commands.call import Call
from cosam_jax.commands.sweep.plan import parse_seeds, plan
from cosam_jax.commands.sweep.progress import NEW
from cosam_jax.commands.sweep.runner import Sweep
from cosam_jax.experiment.learning_rules import check_length


def run(call: Call) -> None:
  """Runs, or lists, the rows that the flags ask for."""
  flags, config = call.flags, call.run_config
  seeds = None if flags["seeds"] is None else parse_seeds(flags["seeds"])
  jobs = plan(config, flags["sweep"], seeds=seeds, only=flags["sweep_row"],
              arguments=call.arguments)  # fmt: skip
  runs = Sweep(config, call.folder, jobs, call.arguments)
  if all(one.state == NEW for one in runs.states()):
    check_length(config)
  if flags["sweep"] in ("attributes", "all") and not config.evaluation.attributes_file:
    print(
      "note: without --attributes_file the rows of the attributes' table are trained, and "
      "evaluated on all queries only, so the table stays empty"
    )
  if flags["dry_run"]:
    print(runs.describe())
  else:
    runs.run()
