"""Looks, before any run begins, for the data and the initial weights that runs will read.

Nothing is drawn, fetched or read that takes long, and no frame is looked at.
"""

import pathlib
from collections.abc import Iterable

from ml_collections import ConfigDict

from cosam_jax.data import load_dataset
from cosam_jax.data.sets.registry import data_set_of
from cosam_jax.errors import InputError
from cosam_jax.experiment.foreign_refusals import foreign_refusal
from cosam_jax.models.weight_register import missing_weights
from cosam_jax.runtime.user_paths import user_path


def require_inputs(config: ConfigDict, weights: Iterable[str]) -> None:
  """Refuses data that cannot be read, and initial weights that do not exist or cannot be trained.

  Args:
    config: the configuration of the data, resolved.
    weights: values of `init.weights`; an empty one means none.

  Raises:
    InputError: one sentence with all that is missing. Data that are drawn need not be there.
  """
  names = [name for name in dict.fromkeys(weights) if name]
  wrong = [foreign_refusal(name, "trained") or missing_weights(name) for name in names]
  try:
    _require_data(config)
  except InputError as error:
    wrong.insert(0, str(error))
  if found := "; and ".join(filter(None, wrong)):
    raise InputError(found)


def _require_data(config: ConfigDict) -> None:
  data = config.data
  if data_set_of(data.name).drawn:
    return
  if data.source != "prepared":
    load_dataset(
      data.name,
      data.dir,
      check_files=False,
      split=data.split,
      seed=data.split_seed,
      follow_links=data.follow_links,
    )
  elif not user_path(data.prepared_dir).is_dir():
    # The set in it is not opened: that loads tensorflow-datasets, which takes seconds and memory.
    raise InputError(
      f"config.data.prepared_dir is {data.prepared_dir!r}, and there is no such folder (seen from "
      f"{pathlib.Path.cwd()}): make it with --mode=prepare, or correct it"
    )
