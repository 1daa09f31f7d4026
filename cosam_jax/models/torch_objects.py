"""The objects that a PyTorch state dict may hold, as plain records, and nothing else.

`torch_pickle` looks every name and every call of a pickle up here; nothing is imported or run.
"""

import dataclasses
import re
from collections.abc import Callable
from typing import Any, Literal

import ml_dtypes
import numpy as np


class UnreadableError(Exception):
  """Why a weights file cannot be read: the rest of a sentence that begins with the file's name."""


@dataclasses.dataclass(frozen=True)
class Global:
  """A name that a pickle refers to, e.g. `torch.FloatStorage`; never imported."""

  name: str


@dataclasses.dataclass(frozen=True)
class Storage:
  """A tensor's memory: `numel` elements of `dtype` (None: raw bytes) in the file under `key`."""

  dtype: np.dtype | None
  key: str
  numel: int


@dataclasses.dataclass
class Tensor:
  """A strided view of a storage; offset and strides in elements."""

  storage: Storage
  offset: int
  size: tuple[int, ...]
  stride: tuple[int, ...]
  dtype: np.dtype | None = None  # where it is not the storage's own


@dataclasses.dataclass
class Box:
  """An object whose content a later instruction (BUILD) fills in."""

  kind: str  # "parameter", "array" or "dtype"
  value: Any = None


_DTYPES: dict[str, np.dtype] = {
  "float64": np.dtype("f8"), "float32": np.dtype("f4"), "float16": np.dtype("f2"),
  "bfloat16": np.dtype(ml_dtypes.bfloat16), "int64": np.dtype("i8"), "int32": np.dtype("i4"),
  "int16": np.dtype("i2"), "int8": np.dtype("i1"), "uint8": np.dtype("u1"), "bool": np.dtype("?"),
  "uint16": np.dtype("u2"), "uint32": np.dtype("u4"), "uint64": np.dtype("u8"),
  "complex64": np.dtype("c8"), "complex128": np.dtype("c16"),
}  # fmt: skip
_STORAGES: dict[str, np.dtype | None] = {
  f"{module}.{name}Storage": _DTYPES[dtype]
  for module in ("torch", "torch.cuda")  # GPU checkpoints of old versions name the GPU's class
  for name, dtype in {
    "Double": "float64", "Float": "float32", "Half": "float16", "BFloat16": "bfloat16",
    "Long": "int64", "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8",
    "Bool": "bool", "ComplexFloat": "complex64", "ComplexDouble": "complex128",
  }.items()
}  # fmt: skip
_STORAGES["torch.storage.UntypedStorage"] = _STORAGES["torch.UntypedStorage"] = None


def _ints(values: Any) -> tuple[int, ...]:
  if len(values) > 64 or not all(type(v) is int and 0 <= v < 1 << 62 for v in values):
    raise ValueError("sizes, offsets or strides that no tensor has")
  return tuple(values)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
  if isinstance(storage, tuple):  # a part of a storage, in PyTorch before 0.4
    storage, start = storage
    offset += start
  if not isinstance(storage, Storage):
    raise TypeError("a tensor without a storage")
  return Tensor(storage, _ints([offset])[0], _ints(size), _ints(stride))


def _tensor_v3(storage, offset, size, stride, _grad, _hooks, dtype, *_: Any) -> Tensor:
  tensor = _tensor(storage, offset, size, stride)
  tensor.dtype = _DTYPES[dtype.name.removeprefix("torch.")]
  return tensor


def _from_type(function: Global, _type: Any, args: tuple, _state: Any) -> Any:
  if function.name == "torch._tensor._rebuild_from_type_v2":  # would nest without end
    raise ValueError("a tensor of a tensor's type")
  return call(function, args)


def _ordered_dict(pairs: Any = ()) -> dict:
  """Python 2 writes an ordered dictionary as a list of pairs."""
  made: dict = {}
  for key, value in pairs:
    put(made, [key, value])
  if pairs:
    pairs.clear()  # so that a memoised list cannot be unfolded again and again
  return made


def _encode(text: str, codec: str) -> bytes:
  if codec != "latin1":
    raise ValueError("bytes in an unknown codec")
  return text.encode(codec)


def _numpy_dtype(code: str, *_: Any) -> Box:
  if not re.fullmatch(r"[biufc]\d{1,2}", code):
    raise UnreadableError(f"holds numpy values of type {code[:20]!r}, which are not numbers")
  return Box("dtype", np.dtype(code))


def _numbers(content: Any, dtype: Any) -> np.ndarray:
  if not isinstance(content, bytes) or not isinstance(dtype.value, np.dtype):
    raise TypeError("numpy values without bytes or type")
  return np.frombuffer(content, dtype.value)


_CALLS: dict[str, Callable[..., Any]] = {
  "collections.OrderedDict": _ordered_dict,
  "collections.defaultdict": lambda *_: {},
  "torch.Size": lambda sizes=(): _ints(sizes),
  "torch.device": lambda *_: None,
  "torch._utils._rebuild_tensor": _tensor,
  "torch._utils._rebuild_tensor_v2": _tensor,
  "torch._utils._rebuild_tensor_v3": _tensor_v3,
  "torch._utils._rebuild_parameter": lambda data, *_: data,
  "torch._utils._rebuild_parameter_with_state": lambda data, *_: data,
  "torch._tensor._rebuild_from_type_v2": _from_type,
  "torch.nn.parameter.Parameter": lambda data=None, *_: Box("parameter", data),
  "torch.autograd.variable.Variable": lambda data=None, *_: Box("parameter", data),
  "numpy.dtype": _numpy_dtype,
  "numpy._core.multiarray.scalar": lambda dtype, content: _numbers(content, dtype)[0],
  "numpy._core.multiarray._reconstruct": lambda *_: Box("array"),
  "_codecs.encode": _encode,
}
_NAMES = {
  *_CALLS, *_STORAGES, *(f"torch.{name}" for name in _DTYPES),
  "numpy.ndarray", "builtins.dict", "torch.Tensor",
}  # fmt: skip


def lookup(module: Any, name: Any) -> Global:
  """A name of a pickle as a record; raises `UnreadableError` where no state dict needs it."""
  if not isinstance(module, str) or not isinstance(name, str):
    raise TypeError("a name that is no text")
  module = {"__builtin__": "builtins"}.get(module, module)
  module = re.sub(r"^numpy\.core\.", "numpy._core.", module)
  full = f"{module}.{name}"
  if full not in _NAMES:
    raise UnreadableError(
      f"asks to run {full[:100]!r}, which no state dict needs and which is therefore refused: "
      "save model.state_dict() alone, with torch.save or as .safetensors"
    )
  return Global(full)


def call(function: Any, args: Any) -> Any:
  """The record that the table's entry for `function` makes of `args`."""
  if not isinstance(function, Global) or function.name not in _CALLS:
    raise TypeError("a call of something that cannot be called")
  return _CALLS[function.name](*args)


def set_state(target: Any, state: Any) -> None:
  """What `__setstate__` would do, for the few objects that have a state we need."""
  if isinstance(target, Box) and target.kind == "parameter":
    if isinstance(state, tuple) and len(state) == 5:  # PyTorch 0.1 keeps the data in the state
      target.value = state[0]
  elif isinstance(target, Box) and target.kind == "dtype":
    if not isinstance(state[1], str):  # hashing or printing deep tuples could overflow C's stack
      raise TypeError("a byte order that is no text")
    target.value = target.value.newbyteorder(state[1])
  elif isinstance(target, Box):
    _, shape, dtype, fortran, content = state
    order: Literal["F", "C"] = "F" if fortran else "C"
    target.value = _numbers(content, dtype).reshape(_ints(shape), order=order)
  elif not isinstance(target, dict | Tensor):  # a state dict's _metadata; a tensor's attributes
    raise TypeError("a state for something that has none")


def storage_of(identity: Any, storages: dict[str, Storage]) -> Storage | tuple[Storage, int]:
  """The storage that a pickle's persistent id means, noted in `storages`.

  Returns:
    The storage, or the storage and an offset, where old files cut a part out of it.
  """
  kind, storage, key, _location, numel, *view = identity
  if kind != "storage" or not isinstance(storage, Global) or not isinstance(key, str):
    raise ValueError("an unknown kind of storage")
  found = Storage(_STORAGES[storage.name], key, _ints([numel])[0])
  if storages.setdefault(key, found) != found:
    raise ValueError("one storage with two types")
  if view and view[0] is not None:
    _, start, _length = view[0]
    return found, _ints([start])[0]
  return found


def put(target: Any, items: list) -> None:
  """Enters alternating keys and values into a dictionary."""
  if not isinstance(target, dict):
    raise TypeError("an entry for something that is no dictionary")
  for key, value in zip(items[::2], items[1::2], strict=True):
    # Hashing a tuple in a tuple in a tuple ... would overflow C's stack.
    if not isinstance(key, str | int | float | None):
      raise TypeError("a key that is neither text nor number")
    target[key] = value
