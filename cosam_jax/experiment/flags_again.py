"""The flags that made the files of a workdir without a run, for commands that lack them.

A command on a run takes configuration and weights from its workdir. If nothing was trained there,
and the files were made with `--config` and `--config.init.weights`, each command needs these flags.
"""

import pathlib
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.experiment import configurations
from cosam_jax.experiment.config import complete, plain, resolve
from cosam_jax.experiment.fields import FIELDS
from cosam_jax.experiment.run_configuration import has_checkpoint
from cosam_jax.models.exported_record import WEIGHTS
from cosam_jax.models.hub_names import is_hub_name
from cosam_jax.reports.results import EVALUATIONS, read_results
from cosam_jax.training.same_run import plain as saved_form

_OF_CHECKPOINT = re.compile(r"(best )?step \d[\d,]*(, .*)?")
_MOST = 12
"""If more flags than these are needed, the file of `--config` was none of ours."""


def flags_again(workdir: pathlib.Path) -> str:
  """A sentence with the flags to give again; empty if a run is there, or no file says them."""
  if has_checkpoint(workdir):
    return ""
  for path, flat in _made_in(workdir):
    given = flags_of(flat)
    words = " ".join(map(shlex.quote, given))
    if len(given) > _MOST:
      weights = shlex.quote(f"--config.init.weights={flat.get('init.weights', '')}")
      words = f"--config with its fields, and {weights}"
    return (
      f"{workdir} is not a run, since nothing was trained in it: {path.relative_to(workdir)} there "
      "was made with flags that each command must have (or --mode=publish once, whose folder is "
      f"loaded without); give them again: {words}"
    )
  return ""


def flags_of(flat: Mapping[str, Any]) -> list[str]:
  """`--config` with one of our files, and a flag for each field in which a configuration differs.

  Args:
    flat: a saved configuration. Of our files, the one with the fewest differences is taken.
  """
  every = complete(flat)
  asked = {name: every[name] for name in FIELDS if name in every}
  found = []
  for name in configurations.names():
    made = resolve(configurations.read(configurations.folder() / f"{name}.py"))
    values = {field: row.default for field, row in FIELDS.items()} | plain(made)
    other = {field: value for field, value in asked.items() if saved_form(values[field]) != value}
    found.append([f"--config={name}", *(_flag(field, value) for field, value in other.items())])
  return min(found, key=len)


def _flag(name: str, value: Any) -> str:
  return f"--config.{name}={tuple(value) if isinstance(value, list) else value}"


def _made_in(workdir: pathlib.Path) -> Iterator[tuple[pathlib.Path, Mapping[str, Any]]]:
  """Files in a workdir that were made with weights of a file, and their configurations."""
  # It loads libraries that take seconds.
  from cosam_jax.evaluation.embeddings import EMBEDDINGS_FILE, read_embeddings

  below = [
    path for kind in ("own", "people") for path in workdir.glob(f"{kind}/*/{EMBEDDINGS_FILE}")
  ]
  for path in [workdir / EMBEDDINGS_FILE, *sorted(below)]:
    try:
      origin = read_embeddings(path).origin
    except InputError:  # It is missing or damaged, and says nothing.
      continue
    if origin.config and _is_given(origin.checkpoint, origin.config):
      yield path, origin.config
  names = ("results.json", f"{EVALUATIONS}/*/results.json")
  for path in (path for name in names for path in sorted(workdir.glob(name))):
    try:
      content = read_results(path)
      flat, label = content["run"]["config"], content["results"][0]["card"].get("checkpoint")
    except (InputError, KeyError, TypeError):
      continue
    if isinstance(flat, Mapping) and flat and _is_given(label, flat):
      yield path, flat


def is_of_checkpoint(label: str) -> bool:
  """Whether a label of weights is that of a training's checkpoint, such as "step 240, averaged"."""
  return bool(_OF_CHECKPOINT.fullmatch(label))


def _is_given(label: str | None, flat: Mapping[str, Any]) -> bool:
  """Whether a label means the weights of the configuration, and not those of a training.

  Weights of --weights have the configuration of the run that trained them, so that its flags would
  give others.

  Args:
    label: of weights, such as "step 240" after some steps of training, or a file's name.
    flat: the configuration beside it.
  """
  label, given = label or "", str(flat.get("init.weights", ""))
  if is_hub_name(label):
    return is_hub_name(given)
  if label in WEIGHTS:
    return pathlib.Path(given).name == label
  return not is_of_checkpoint(label)
