"""`--mode=report`: the report page of a run, made again from what the run left."""

from cosam_jax.commands.call import Call
from cosam_jax.experiment.page_report import report


def run(call: Call) -> None:
  """Runs the mode."""
  with call.holding_workdir():
    report(call.run_config, call.folder)
