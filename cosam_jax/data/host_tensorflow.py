"""TensorFlow as this package uses it: a reader of images on the host, never on an accelerator.

Trainings and evaluations of data sets need it. Embedding people's own files does not, so it comes
with the extra `train`.

Every module that needs TensorFlow imports it from here. So it cannot take the memory of a GPU that
JAX is about to use, whatever the order of imports. It is loaded when it is first used, since that
takes seconds, and programs that read no frames run without it.
"""

import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

from cosam_jax.errors import InputError
from cosam_jax.runtime.cache import settle_libraries


def check_tensorflow(*, data_sets: bool = False) -> None:
  """Raises InputError with the command that installs TensorFlow, if it is missing.

  Args:
    data_sets: whether tensorflow-datasets is needed too.
  """
  names = {"tensorflow": "TensorFlow"}
  if data_sets:
    names["tensorflow_datasets"] = "tensorflow-datasets"
  for module, name in names.items():
    try:
      found = importlib.util.find_spec(module) is not None
    except ValueError:  # A module that a program put in its place, or that it blocked.
      found = sys.modules.get(module) is not None
    if not found:
      raise InputError(
        f"{name} is not installed, and it reads the frames of data sets for training and "
        "evaluation: pip install 'cosam-jax[train]' (in a checkout: pip install -e '.[train]'); "
        "without it, --mode=embed --input=... and --mode=search work"
      )


def _load() -> Any:
  # TensorFlow also logs the errors that it raises, and ours name the file. The libraries of jax
  # read the same variable later, and their errors should be seen.
  level = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2")
  os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3" if level == "2" else level
  os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
  settle_libraries()
  check_tensorflow()
  import tensorflow

  os.environ["TF_CPP_MIN_LOG_LEVEL"] = level
  for kind in ("GPU", "TPU"):
    try:
      tensorflow.config.set_visible_devices([], kind)
    except (RuntimeError, ValueError):
      # TensorFlow's devices were started before this, or it does not know the kind; the input graph
      # itself runs on the CPU in any case.
      continue
  return tensorflow


class _Late:
  """Stands for the module until one of its names is asked for."""

  def __getattr__(self, name: str) -> Any:
    value = getattr(_load(), name)
    setattr(self, name, value)
    return value


if TYPE_CHECKING:
  import tensorflow as tf
else:
  tf = _Late()
