"""TensorFlow where it is missing: one sentence that names the extra."""

import subprocess
import sys

import pytest

from cosam_jax.data.host_tensorflow import check_tensorflow

WITHOUT = "import sys; sys.modules['{}'] = None\n"
ASK = """
from cosam_jax.errors import InputError
from cosam_jax.data.host_tensorflow import check_tensorflow, tf
for ask in (lambda: check_tensorflow(data_sets=True), lambda: tf.io):
  try:
    ask()
  except InputError as error:
    print(error)
"""


@pytest.mark.parametrize(
  ("module", "name"),
  [("tensorflow", "TensorFlow"), ("tensorflow_datasets", "tensorflow-datasets")],
)
def test_without_it_there_is_one_sentence_with_the_command(module, name):
  command = [sys.executable, "-c", WITHOUT.format(module) + ASK]
  done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
  lines = done.stdout.splitlines()
  assert len(lines) == (2 if module == "tensorflow" else 1), "TensorFlow itself is enough for tf"
  assert len(set(lines)) == 1
  assert lines[0].startswith(f"{name} is not installed")
  assert "pip install 'cosam-jax[train]'" in lines[0]


def test_with_it_nothing_is_said():
  check_tensorflow(data_sets=True)


ASKED_LATER = """
import sys
from cosam_jax.data.host_tensorflow import tf
assert tf.add(1, 2).numpy() == 3
print([name for name in sys.modules if name.split(".")[0] == "keras"])
from tensorflow.keras import layers
import tensorflow.keras.optimizers
print(layers.Dense.__name__, tf.keras.Sequential.__name__)
"""


def test_keras_is_loaded_when_it_is_asked_for():
  """It takes as long as the rest of a program's start, and a program around ours may want it."""
  done = subprocess.run(
    [sys.executable, "-c", ASKED_LATER], capture_output=True, text=True, timeout=300, check=False
  )
  assert done.stdout.splitlines() == ["[]", "Dense Sequential"], done.stderr
