"""The network in other programs' formats; each function writes one file or folder.

Every exported program takes clips and returns features [B, D], in float32. The batch size is free,
except in LiteRT, where it is 1, since its converter fails on this network with a free one.

Notation: `B` clips, `T` frames in a clip, `H W` image size, `D` embedding size.
"""

import importlib.metadata
import importlib.util
import logging
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import safetensors.numpy

from cosam_jax.data.pixel_numbers import IMAGENET_MEAN, IMAGENET_STD
from cosam_jax.errors import InputError
from cosam_jax.experiment.inference import Reading
from cosam_jax.experiment.network import Network
from cosam_jax.models import from_torch, to_torch
from cosam_jax.models.exported_record import PICKLED, SAFETENSORS
from cosam_jax.models.folded import for_inference
from cosam_jax.models.foreign_preprocessing import Preprocessing, preprocessing_file
from cosam_jax.models.weight_files import read_weights
from cosam_jax.reports.results import write_json

INPUTS = {"clips": np.float32, "frames": np.uint8}
"""`clips`: float32[B, T, H, W, 3], ImageNet-normalised. `frames`: uint8 RGB of the same shape."""
PLATFORMS = ("cpu", "cuda", "tpu")
_ONNX_OPSET = 21
_STABLEHLO = "1.9.0"
"""The version of StableHLO that is written for TensorFlow, which does not know jax's newest one."""

Program = Callable[[jax.Array], jax.Array]


def program_of(network: Network, inputs: str, *, portable: bool = False) -> Program:
  """The exported function, with the weights inside: [B, T, H, W, 3] -> float32[B, D].

  Args:
    network: the network.
    inputs: a key of `INPUTS`.
    portable: see `ReidNet`.
  """
  model = network.ours.clone(dtype=jnp.float32, portable=portable)
  variables = for_inference(model, network.variables)

  def program(clips: jax.Array) -> jax.Array:
    if inputs == "frames":
      mean, std = (np.array(values, np.float32) for values in (IMAGENET_MEAN, IMAGENET_STD))
      clips = (clips.astype(jnp.float32) / 255.0 - mean) / std
    outputs: Any = model.apply(variables, clips, train=False)
    return outputs.features

  return program


def input_shape(network: Network) -> tuple[int, int, int, int]:
  """(T, H, W, 3)."""
  return (network.model.num_frames, *network.model.image_size, 3)


def write_stablehlo(network: Network, inputs: str, path: pathlib.Path) -> None:
  """A serialised `jax.export.Exported` for CPU, CUDA and TPU; batch size symbolic."""
  _require("flatbuffers", "stablehlo", "export")
  (batch,) = jax.export.symbolic_shape("B")
  shape = jax.ShapeDtypeStruct((batch, *input_shape(network)), INPUTS[inputs])
  exported = jax.export.export(jax.jit(program_of(network, inputs)), platforms=PLATFORMS)(shape)
  path.write_bytes(exported.serialize())


def write_saved_model(network: Network, inputs: str, path: pathlib.Path) -> None:
  """A TensorFlow SavedModel with the signature `serving_default`: clips or frames -> features."""
  from cosam_jax.data.host_tensorflow import tf

  function = _tensorflow_function(network, inputs, None, PLATFORMS)
  module = tf.Module()
  module.embed = function
  signatures = {"serving_default": function.get_concrete_function()}
  tf.saved_model.save(module, str(path), signatures=signatures)


def write_litert(network: Network, inputs: str, path: pathlib.Path) -> None:
  """A LiteRT (TensorFlow Lite) file that takes one clip at a time."""
  from cosam_jax.data.host_tensorflow import tf

  # Its runtimes have their own convolutions; those made for XLA's CPU compiler would be larger.
  function = _tensorflow_function(network, inputs, 1, ("cpu",), portable=True)
  concrete = function.get_concrete_function()
  module = tf.Module()
  module.embed = function
  converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
  try:
    path.write_bytes(converter.convert())
  except Exception as error:  # The converter's own error type is not public.
    raise InputError(
      f"litert: TensorFlow {tf.__version__} cannot convert this network ({_first_words(error)}): "
      "leave litert out of --format, or use TensorFlow 2.21"
    ) from error


def write_onnx(network: Network, inputs: str, path: pathlib.Path) -> None:
  """An ONNX model by jax2onnx; batch size symbolic. `model.json` beside it says how to feed it."""
  _require("jax2onnx", "onnx", "export")
  chatter = logging.getLogger("onnx_ir.serde")  # It logs a line for each shape without a type.
  level = chatter.level
  chatter.setLevel(logging.ERROR)
  try:
    from jax2onnx import to_onnx

    to_onnx(
      program_of(network, inputs, portable=True),
      [jax.ShapeDtypeStruct(("B", *input_shape(network)), INPUTS[inputs])],
      return_mode="file",
      output_path=str(path),
      opset=_ONNX_OPSET,
      input_names=[inputs],
      output_names=["features"],
      model_name="cosam",
    )
  except OSError:
    raise
  except Exception as error:  # A converter made for another version of jax may fail in any way.
    raise InputError(
      f"onnx: jax2onnx {_version('jax2onnx')} cannot convert this network with jax "
      f"{jax.__version__} ({_first_words(error)}): leave onnx out of --format, or use jax2onnx "
      "0.17.1 with jax 0.10.2 or 0.12.0"
    ) from error
  finally:
    chatter.setLevel(level)
  write_json(preprocessing_file(path), preprocessing_of(network, inputs).record())


def preprocessing_of(network: Network, inputs: str) -> Preprocessing:
  """How frames become the input of an exported program, as this program reads it back.

  Args:
    network: the network.
    inputs: a key of `INPUTS`; programs of `frames` normalise them themselves.
  """
  frames, height, width, _ = input_shape(network)
  clips = inputs == "clips"
  return Preprocessing(
    size=(height, width),
    channels="RGB",
    range=1 if clips else 255,
    mean=IMAGENET_MEAN if clips else (0.0, 0.0, 0.0),
    deviation=IMAGENET_STD if clips else (1.0, 1.0, 1.0),
    resize=Reading.of(network.flat).resize_method,
    frames=frames,
    normalise=False,
    layout="NTHWC",
    output="features",
  )


def write_safetensors(network: Network, path: pathlib.Path) -> dict[str, np.ndarray]:
  """Writes a `.safetensors` file with the published code's names; returns its arrays."""
  arrays = to_torch(network.variables, network.ours)
  safetensors.numpy.save_file(arrays, path)
  return arrays


def reads_back(file: pathlib.Path, network: Network) -> bool:
  """Whether a written state dict, read by name, gives the network's variables bit for bit."""
  again = from_torch(read_weights(file), network.ours)
  pairs = zip(jax.tree.leaves(again), jax.tree.leaves(network.variables), strict=True)
  return all(np.array_equal(a, b) for a, b in pairs)


def write_torch(network: Network, inputs: str, path: pathlib.Path) -> None:
  """The published PyTorch code's state dict, as its own program writes and loads checkpoints.

  It is written as `.safetensors` and, if PyTorch is installed, also as `path` (`.pth.tar`).
  """
  del inputs
  arrays = write_safetensors(network, path.with_name(SAFETENSORS))
  if importlib.util.find_spec("torch") is not None:
    import torch

    # The published program reads `state_dict` only; it writes the other two for people.
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    torch.save({"state_dict": tensors, "rank1": "NA", "epoch": 0}, path)


FORMATS: dict[str, tuple[str, Callable[[Network, str, pathlib.Path], None]]] = {
  "stablehlo": ("model.stablehlo", write_stablehlo),
  "saved_model": ("saved_model", write_saved_model),
  "litert": ("model.tflite", write_litert),
  "onnx": ("model.onnx", write_onnx),
  "torch": (PICKLED, write_torch),
}
"""Format -> (file or folder name, writer)."""


def _require(module: str, name: str, extra: str) -> None:
  if importlib.util.find_spec(module) is None:
    raise InputError(f"{name}: {module} is not installed: pip install 'cosam-jax[{extra}]'")


def _version(package: str) -> str:
  return importlib.metadata.version(package)


def _first_words(error: Exception) -> str:
  return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _tensorflow_function(
  network: Network, inputs: str, batch: int | None, platforms, *, portable: bool = False
):
  """The program as a TensorFlow function, made of StableHLO that TensorFlow can read."""
  from cosam_jax.data.host_tensorflow import tf

  free = jax.export.symbolic_shape("B")[0] if batch is None else batch
  shape = jax.ShapeDtypeStruct((free, *input_shape(network)), INPUTS[inputs])
  program = jax.jit(program_of(network, inputs, portable=portable))
  exported = jax.export.export(program, platforms=platforms)(shape)
  try:
    from jaxlib.mlir.dialects import stablehlo
    from tensorflow.compiler.tf2xla.python import xla

    module = stablehlo.serialize_portable_artifact_str(exported.mlir_module(), _STABLEHLO)
  except (ImportError, AttributeError, TypeError, ValueError) as error:
    raise InputError(
      f"saved_model and litert: jax {jax.__version__} and TensorFlow {tf.__version__} have no "
      f"StableHLO in common ({_first_words(error)}): use jax 0.10 to 0.12 with TensorFlow 2.21, or "
      "export stablehlo"
    ) from error
  width = exported.out_avals[0].shape[-1]

  def named(clips):
    (features,) = xla.call_module(
      [clips],
      version=exported.calling_convention_version,
      module=module,
      Tout=[tf.float32],
      Sout=[tf.TensorShape([batch, width])],
      platforms=[platform.upper() for platform in platforms],
    )
    return {"features": features}

  spec = tf.TensorSpec((batch, *input_shape(network)), INPUTS[inputs], name=inputs)
  return tf.function(named, autograph=False, input_signature=[spec])
