"""TensorFlow as this package uses it: a reader of images on the host, never on an accelerator.

Trainings and evaluations of data sets need it. Embedding people's own files does not, so it comes
with the extra `train`.

Every module that needs TensorFlow imports it from here. So it cannot take the memory of a GPU that
JAX is about to use, whatever the order of imports. It is loaded when it is first used, since that
takes seconds, and programs that read no frames run without it.
"""

import contextlib
import importlib.util
import os
import pathlib
import sys
from collections.abc import Iterator
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
  with _keras_on_demand():
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


@contextlib.contextmanager
def _keras_on_demand() -> Iterator[None]:
  """TensorFlow's import, without that of all of Keras, which this package does not use.

  Keras, and what it imports, take a quarter of the seconds. TensorFlow goes on if Keras cannot be
  imported, and imports it later if `tf.keras` is used.
  """
  if "keras" in sys.modules or "tensorflow" in sys.modules:
    yield
    return
  sys.modules["keras"] = None  # type: ignore[assignment]
  try:
    yield
  finally:
    del sys.modules["keras"]
  tensorflow, spec = sys.modules["tensorflow"], importlib.util.find_spec("keras")
  if spec and spec.submodule_search_locations:
    # Where `import tensorflow.keras` looks, which TensorFlow did not find.
    place = str(pathlib.Path(spec.submodule_search_locations[0]) / "_tf_keras")
    tensorflow.__path__ = [place if one is None else one for one in tensorflow.__path__]


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
