"""`--mode=evaluate`: a checkpoint, given weights, or saved embeddings."""

import pathlib

from cosam_jax.commands import config_flags, runs
from cosam_jax.commands.call import Call
from cosam_jax.experiment.saved_rankings import evaluate_embeddings


def run(call: Call) -> None:
  """Runs the mode."""
  if call.flags["embeddings"] is None:
    with call.holding_workdir():
      runs.evaluate(call.run_config, call.folder)
    return
  path = pathlib.Path(call.flags["embeddings"])
  fields = config_flags.fields_of_flags(call.overrides) if call.config is None else {}
  with call.holding_place_of(str(path)):
    evaluate_embeddings(path, call.config, call.workdir, fields)
