"""`--mode=train`: trains, or goes on, and evaluates the test set."""

from cosam_jax.commands import runs
from cosam_jax.commands.call import Call


def run(call: Call) -> None:
  """Runs the mode."""
  with call.holding_workdir() as holder:
    runs.train(call.run_config, call.folder, holder, call.flags["change_optim"])
