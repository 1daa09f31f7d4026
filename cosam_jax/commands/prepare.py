"""`--mode=prepare`: packs a data set's encoded frames for random access."""

from ml_collections import ConfigDict

from cosam_jax.commands.call import Call
from cosam_jax.data import builders
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules


def run(call: Call) -> None:
  """Runs the mode."""
  prepare(call.run_config)


def prepare(config: ConfigDict) -> None:
  """Packs a data set's encoded frames for random access (`data.source="prepared"`)."""
  config_rules.check(config)
  if not config.data.prepared_dir:
    raise InputError("config.data.prepared_dir is empty: say where the prepared set shall lie")
  builders.prepare(
    config.data.name,
    config.data.dir,
    config.data.prepared_dir,
    split=config.data.split,
    seed=config.data.split_seed,
    follow_links=config.data.follow_links,
  )
