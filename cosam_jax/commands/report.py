"""`--mode=report`: makes the report page of a run again from the run's files."""

from cosam_jax.commands.call import Call
from cosam_jax.experiment.page_report import report


def run(call: Call) -> None:
  """Runs the mode."""
  with call.holding_workdir():
    report(call.run_config, call.folder)
