"""`--mode=tables`: the poster's tables from the results of a sweep."""

from cosam_jax.commands.call import Call
from cosam_jax.experiment.flat_config import trained_with
from cosam_jax.reports.poster_tables import write_tables


def run(call: Call) -> None:
  """Prints the tables of a sweep's workdir and writes them to its folder `tables`."""
  mixed = call.flags["allow_mixed_protocols"]
  print(write_tables(call.folder, allow_mixed_protocols=mixed, trained_with=trained_with))
