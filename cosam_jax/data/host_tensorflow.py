"""TensorFlow as this package uses it: a reader of images on the host, never on an accelerator.

Every module that needs TensorFlow imports it from here, so that no import order lets it take the
memory of a GPU that JAX is about to use.
"""

import os

# Before the import: TensorFlow's notes on CPU instructions are not about the person's data.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import tensorflow as tf


def _stay_on_the_host() -> None:
  for kind in ("GPU", "TPU"):
    try:
      tf.config.set_visible_devices([], kind)
    except (RuntimeError, ValueError):
      # Someone started TensorFlow's devices before this import, or the kind is unknown to it; the
      # input graph itself runs on the CPU in any case.
      continue


_stay_on_the_host()
