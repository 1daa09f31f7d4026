"""`--mode=prepare`: packs a data set's encoded frames for random access."""

from ml_collections import ConfigDict

from cosam_jax.commands.call import Call
from cosam_jax.data.host_tensorflow import check_tensorflow
from cosam_jax.data.sets.registry import DATASETS
from cosam_jax.data.telling import warn_of
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules


def run(call: Call) -> None:
  """Runs the mode."""
  prepare(call.run_config)


def prepare(config: ConfigDict) -> None:
  """Packs a data set's encoded frames for random access (`data.source="prepared"`)."""
  config_rules.check(config)
  if not config.data.prepared_dir:
    raise InputError("config.data.prepared_dir is empty: give a folder for the prepared set")
  if not DATASETS[config.data.name].prepared:
    known = ", ".join(name for name, row in DATASETS.items() if row.prepared)
    raise InputError(
      f"dataset {config.data.name!r} has no prepared form: choose one of {known}, or train from "
      "its directory"
    )
  check_tensorflow(data_sets=True)
  # tensorflow-datasets takes seconds to load, so it is loaded only now.
  from cosam_jax.data import builders

  tables = builders.prepare(
    config.data.name,
    config.data.dir,
    config.data.prepared_dir,
    split=config.data.split,
    seed=config.data.split_seed,
    follow_links=config.data.follow_links,
  )
  warn_of(tables)
