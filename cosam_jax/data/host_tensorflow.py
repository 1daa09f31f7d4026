"""TensorFlow as this package uses it: a reader of images on the host, never on an accelerator.

Every module that needs TensorFlow imports it from here, so that no import order lets it take the
memory of a GPU that JAX is about to use. It is loaded when it is first used: it takes seconds, and
whatever reads no frames runs without it.
"""

import os
from typing import TYPE_CHECKING, Any

from cosam_jax.runtime.cache import settle_libraries


def _load() -> Any:
  # TensorFlow logs errors that it raises too, and ours name the file; jax's
  # libraries read the same variable later, and their errors are to be seen.
  level = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2")
  os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3" if level == "2" else level
  os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
  settle_libraries()
  import tensorflow

  os.environ["TF_CPP_MIN_LOG_LEVEL"] = level
  for kind in ("GPU", "TPU"):
    try:
      tensorflow.config.set_visible_devices([], kind)
    except (RuntimeError, ValueError):
      # Someone started TensorFlow's devices before this, or the kind is unknown to it; the input
      # graph itself runs on the CPU in any case.
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
