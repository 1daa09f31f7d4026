"""Exported networks in the runtimes that people use for them, each ready to be timed."""

import importlib.metadata
import os
from typing import Any

import numpy as np


class Session:
  """A program and its input.

  Args:
    call: float32[B, T, H, W, 3] -> float32[B, D].
    clips: the input.
  """

  def __init__(self, call: Any, clips: np.ndarray):
    self._call, self._clips = call, clips

  def embed(self) -> np.ndarray:
    """The clips' features."""
    return np.asarray(self._call(self._clips))

  def wait(self) -> None:
    """Every call waits for its result."""


def onnxruntime(path: str, clips: np.ndarray, threads: int) -> Session:
  """An ONNX file in onnxruntime, with all its optimisations."""
  import onnxruntime as runtime

  options = runtime.SessionOptions()
  options.intra_op_num_threads = threads
  options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
  session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
  name = session.get_inputs()[0].name
  return Session(lambda x: session.run(None, {name: x})[0], clips)


def openvino(path: str, clips: np.ndarray, threads: int) -> Session:
  """The same file in OpenVINO, compiled for this shape and for short answers, in float32."""
  import openvino as runtime

  core = runtime.Core()
  model = core.read_model(path)
  model.reshape(list(clips.shape))
  settings = {
    "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
    "INFERENCE_PRECISION_HINT": "f32",
  }  # fmt: skip
  compiled = core.compile_model(model, "CPU", settings)
  return Session(lambda x: compiled(x)[0], clips)


def stablehlo(path: str, clips: np.ndarray, threads: int) -> Session:
  """The StableHLO export in a process with jax but without this package's settings."""
  import jax
  import jax.export

  del threads  # XLA takes all cores that the process may use.
  with open(path, "rb") as file:
    program = jax.jit(jax.export.deserialize(bytearray(file.read())).call)
  return Session(program, clips)


def saved_model(path: str, clips: np.ndarray, threads: int) -> Session:
  """The SavedModel in TensorFlow."""
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
  import tensorflow as tf

  tf.config.threading.set_intra_op_parallelism_threads(threads)
  loaded = tf.saved_model.load(path)
  return Session(lambda x: loaded.embed(tf.constant(x))["features"].numpy(), clips)


def version(name: str) -> str:
  """The version of the package that runs sessions of this name."""
  module = {"stablehlo": "jax", "saved_model": "tensorflow"}.get(name, name)
  # TensorFlow's package for CPUs has another name.
  package = importlib.metadata.packages_distributions()[module][0]
  return importlib.metadata.version(package)
