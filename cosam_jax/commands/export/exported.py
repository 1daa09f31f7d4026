"""Runs an exported network on an example, in a process of its own without this package.

  python -P cosam_jax/commands/export/exported.py FORMAT FILE EXAMPLE.npz ANSWER.json

EXAMPLE.npz holds the input (`clips` or `frames`) and our `features`. ANSWER.json receives the
largest difference relative to the largest feature, and whether this package was loaded; runtimes
print what they like.
"""

import json
import sys

import numpy as np


def run_stablehlo(path: str, clips: np.ndarray) -> np.ndarray:
  """[B, T, H, W, 3] -> [B, D] by jax."""
  import jax.export

  with open(path, "rb") as file:
    program = jax.export.deserialize(bytearray(file.read()))
  return np.asarray(program.call(clips))


def run_saved_model(path: str, clips: np.ndarray) -> np.ndarray:
  """[B, T, H, W, 3] -> [B, D] by TensorFlow."""
  import tensorflow as tf

  model = tf.saved_model.load(path)
  return model.embed(tf.constant(clips))["features"].numpy()


def run_litert(path: str, clips: np.ndarray) -> np.ndarray:
  """[B, T, H, W, 3] -> [B, D] by LiteRT, or by TensorFlow if LiteRT is not installed."""
  try:
    from ai_edge_litert.interpreter import Interpreter
  except ImportError:
    import tensorflow as tf

    Interpreter = tf.lite.Interpreter
  runner = Interpreter(model_path=path).get_signature_runner()
  (name,) = runner.get_input_details()
  return np.concatenate([runner(**{name: clip[None]})["features"] for clip in clips])


def run_onnx(path: str, clips: np.ndarray) -> np.ndarray:
  """[B, T, H, W, 3] -> [B, D] by ONNX Runtime."""
  import onnxruntime

  session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
  return session.run(["features"], {session.get_inputs()[0].name: clips})[0]


RUNNERS = {
  "stablehlo": run_stablehlo,
  "saved_model": run_saved_model,
  "litert": run_litert,
  "onnx": run_onnx,
}


def main(kind: str, path: str, example: str, answer: str) -> None:
  """Compares the features, and writes the outcome."""
  with np.load(example) as arrays:
    wanted = arrays["features"]
    (clips,) = (arrays[name] for name in arrays.files if name != "features")
  found = RUNNERS[kind](path, clips)
  difference = float(np.abs(found - wanted).max() / np.abs(wanted).max())
  with open(answer, "w", encoding="utf-8") as file:
    json.dump({"difference": difference, "cosam_jax": "cosam_jax" in sys.modules}, file)


if __name__ == "__main__":
  main(*sys.argv[1:])
