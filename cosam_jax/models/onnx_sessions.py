"""ONNX files: read whole, with digests of all that is in them, and run by ONNX Runtime.

What is hashed is what runs: the session is made of the bytes that were read.
"""

import hashlib
import importlib.util
import os
import pathlib
from typing import Any, NamedTuple

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.runtime.outside_files import read_bytes

SUFFIX = ".onnx"
_MOST_BYTES = (2 << 30) - 1
"""A protocol buffer, which the file is, can be no larger."""
_ACCELERATORS: tuple[tuple[str, dict[str, str]], ...] = (
  # Without TF32, whose ten bits would make other vectors than a CPU's.
  ("CUDAExecutionProvider", {"use_tf32": "0"}),
  ("MIGraphXExecutionProvider", {}),
  ("ROCMExecutionProvider", {}),
)
_CPU = "CPUExecutionProvider"


class Program(NamedTuple):
  """The content of an ONNX file, whole.

  Attributes:
    content: the file, with the weights that it keeps in other files put in.
    sha256: of the file as it is on disk.
    beside: name -> sha256 of the other files.
  """

  content: bytes
  sha256: str
  beside: dict[str, str]


class Port(NamedTuple):
  """An input or output, as the file describes it.

  Attributes:
    name: its name.
    kind: its type in ONNX Runtime's words, such as `tensor(float)`.
    shape: its axes, None where the file leaves the size free; empty if the file says nothing.
  """

  name: str
  kind: str
  shape: tuple[int | None, ...]

  def __str__(self) -> str:
    axes = ", ".join("any" if size is None else str(size) for size in self.shape)
    return f"{self.name!r}, {self.kind}" + (f" of shape [{axes}]" if self.shape else "")


def is_onnx(name: str) -> bool:
  """Whether a path or name is of an ONNX file, by its ending."""
  return name.lower().endswith(SUFFIX)


def read_program(path: pathlib.Path) -> Program:
  """Reads an ONNX file, and the files beside it in which it may keep weights.

  Raises:
    InputError: ONNX Runtime or onnx is not installed, or a file cannot be read, is none, or is too
      large.
  """
  for module in ("onnxruntime", "onnx"):
    if importlib.util.find_spec(module) is None:
      raise InputError(
        f"{path} needs {module}, which is not installed: pip install 'cosam-jax[foreign]'"
      )
  import onnx
  from onnx import external_data_helper

  try:
    content = read_bytes(path, _MOST_BYTES)
  except OSError as error:
    raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
  digest = hashlib.sha256(content).hexdigest()
  try:
    model = onnx.load_model_from_string(content)
    names = {
      external_data_helper.ExternalDataInfo(tensor).location
      for tensor in model.graph.initializer
      if external_data_helper.uses_external_data(tensor)
    }
  except Exception as error:  # A damaged file can make the reader fail in any way.
    raise InputError(f"{path} is not an ONNX file, or is damaged ({_words(error)})") from error
  if not model.graph.node:
    raise InputError(f"{path} is not an ONNX file, or has no network in it: export it again")
  if not names:
    return Program(content, digest, {})
  try:
    external_data_helper.load_external_data_for_model(model, str(path.parent))
    beside = {
      name: hashlib.sha256(read_bytes(path.parent / name)).hexdigest() for name in sorted(names)
    }
    return Program(model.SerializeToString(), digest, beside)
  except Exception as error:
    raise InputError(
      f"{path} keeps weights in {', '.join(sorted(names))}, which cannot be used "
      f"({_words(error)}): put what was exported with it beside it, or export it as one file of at "
      "most 2 GiB"
    ) from error


class Session:
  """A network in ONNX Runtime, on the GPU if ONNX Runtime offers one, else on the CPU.

  Attributes:
    inputs, outputs: as the file describes them.
    provider: the one that runs it, such as `CPUExecutionProvider`.
  """

  def __init__(self, program: Program, path: pathlib.Path):
    """Makes the session.

    Args:
      program: the file's content.
      path: names the file, for errors.

    Raises:
      InputError: ONNX Runtime refuses it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # All cores that the process may use, as XLA takes; ONNX Runtime would count the machine's.
    options.intra_op_num_threads = _cores()
    options.log_severity_level = 3  # Errors alone.
    try:
      self._session = onnxruntime.InferenceSession(
        program.content, options, providers=_providers(onnxruntime.get_available_providers())
      )
    except Exception as error:  # Its errors have no kind in common.
      raise InputError(
        f"{path} cannot be run by ONNX Runtime {onnxruntime.__version__} ({_words(error)}): export "
        "it again, with an opset that this version knows"
      ) from error
    self._path = path
    self.inputs = tuple(map(_port, self._session.get_inputs()))
    self.outputs = tuple(map(_port, self._session.get_outputs()))
    self.provider = str(self._session.get_providers()[0])

  def run(self, output: str, values: np.ndarray) -> np.ndarray:
    """The output of that name for the only input's values.

    Raises:
      InputError: the network fails on them.
    """
    try:
      (found,) = self._session.run([output], {self.inputs[0].name: values})
    except Exception as error:
      raise InputError(
        f"{self._path} fails on {len(values)} at once, {values.dtype}{list(values.shape)} "
        f"({_words(error)}): compare size, frames and layout with its input, "
        f"{self.inputs[0]}; if it was exported for another number at once, export it again"
      ) from error
    return np.asarray(found)


def _port(given: Any) -> Port:
  # A free size is a name, None, or in some files a number below 1.
  shape = tuple(size if type(size) is int and size > 0 else None for size in given.shape or ())
  return Port(given.name, given.type, shape)


def _providers(available: list[str]) -> list[Any]:
  return [one for one in _ACCELERATORS if one[0] in available][:1] + [_CPU]


def _cores() -> int:
  if hasattr(os, "sched_getaffinity"):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def _words(error: Exception) -> str:
  return " ".join(str(error).split())[:200] or type(error).__name__
