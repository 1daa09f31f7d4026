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
  """A weights file cannot be read; the message continues a sentence that begins with its name."""


@dataclasses.dataclass(frozen=True)
class Global:
  """A name that a pickle refers to, e.g. `torch.FloatStorage`; never imported."""

  name: str


@dataclasses.dataclass(frozen=True, eq=False)
class Foreign:
  """An object that no state dict needs; only its name `what` is kept, and nothing is run for it.

  Beside a state dict it is ignored; inside one it is refused.
  """

  what: str


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
  dtype: np.dtype | None = None  # None: the storage's own


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


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor | Foreign:
  if isinstance(storage, Foreign):
    return storage
  if isinstance(storage, tuple):  # PyTorch before 0.4 has parts of storages
    storage, start = storage
    offset += start
  if not isinstance(storage, Storage):
    raise TypeError("a tensor without a storage")
  return Tensor(storage, _ints([offset])[0], _ints(size), _ints(stride))


def _tensor_v3(storage, offset, size, stride, _grad, _hooks, dtype, *_: Any) -> Tensor | Foreign:
  tensor = _tensor(storage, offset, size, stride)
  if isinstance(dtype, Foreign):
    return dtype
  if isinstance(tensor, Tensor):
    tensor.dtype = _DTYPES[dtype.name.removeprefix("torch.")]
  return tensor


def _from_type(function: Global, _type: Any, args: tuple, _state: Any) -> Any:
  if function.name == "torch._tensor._rebuild_from_type_v2":  # would nest without end
    raise ValueError("a tensor of a tensor's type")
  return call(function, args)


def _ordered_dict(pairs: Any = ()) -> dict:
  """A dictionary of pairs; Python 2 writes an ordered dictionary as a list of pairs."""
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


def _numpy_dtype(code: str, *_: Any) -> Box | Foreign:
  if not re.fullmatch(r"[biufc]\d{1,2}", code):
    return Foreign(f"numpy values of type {code[:20]!r}, which are not numbers")
  return Box("dtype", np.dtype(code))


def _scalar(dtype: Any, content: Any) -> Any:
  return dtype if isinstance(dtype, Foreign) else _numbers(content, dtype)[0]


def _numbers(content: Any, dtype: Any) -> np.ndarray:
  if not isinstance(content, bytes | bytearray) or not isinstance(dtype.value, np.dtype):
    raise TypeError("numpy values without bytes or type")
  return np.frombuffer(content, dtype.value)


def _shaped(content: Any, dtype: Any, shape: Any, fortran: Any) -> np.ndarray:
  order: Literal["F", "C"] = "F" if fortran else "C"
  return _numbers(content, dtype).reshape(_ints(shape), order=order)


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
  "numpy._core.multiarray.scalar": _scalar,
  "numpy._core.multiarray._reconstruct": lambda *_: Box("array"),
  "numpy._core.numeric._frombuffer": lambda content, dtype, shape, order: (
    dtype if isinstance(dtype, Foreign) else _shaped(content, dtype, shape, order == "F")
  ),
  "_codecs.encode": _encode,
}
# The first argument of these functions names the class of the object that they make.
_MAKERS = ("copyreg._reconstructor", "copy_reg._reconstructor", "copyreg.__newobj__")
_NAMES = {
  *_CALLS, *_STORAGES, *(f"torch.{name}" for name in _DTYPES),
  "numpy.ndarray", "builtins.dict", "torch.Tensor",
}  # fmt: skip


def lookup(module: Any, name: Any) -> Global | Foreign:
  """The record for a name in a pickle; a name that no state dict needs becomes `Foreign`."""
  if not isinstance(module, str) or not isinstance(name, str):
    raise TypeError("a name that is not text")
  module = {"__builtin__": "builtins"}.get(module, module)
  module = re.sub(r"^numpy\.core\.", "numpy._core.", module)
  full = f"{module}.{name}"
  return Global(full) if full in _NAMES else Foreign(full[:100])


def call(function: Any, args: Any) -> Any:
  """The record that the table's entry for `function` makes from `args`."""
  if isinstance(function, Foreign):
    made = args[0] if isinstance(args, tuple) and args and function.what in _MAKERS else function
    return made if isinstance(made, Foreign) else function
  if not isinstance(function, Global):
    raise TypeError("a call of something that cannot be called")
  return _CALLS[function.name](*args) if function.name in _CALLS else Foreign(function.name)


def set_state(target: Any, state: Any) -> None:
  """Does the work of `__setstate__` for the few objects whose state we need."""
  if isinstance(target, Box) and target.kind == "parameter":
    if isinstance(state, tuple) and len(state) == 5:  # PyTorch 0.1 keeps the data in the state
      target.value = state[0]
  elif isinstance(target, Box) and target.kind == "dtype":
    if not isinstance(state[1], str):  # hashing or printing deep tuples could overflow C's stack
      raise TypeError("a byte order that is not text")
    target.value = target.value.newbyteorder(state[1])
  elif isinstance(target, Box):
    _, shape, dtype, fortran, content = state
    if isinstance(dtype, Foreign):
      target.value = dtype
      return
    target.value = _shaped(content, dtype, shape, fortran)
  # Ignored: a state dict's _metadata, a tensor's attributes, the state of a foreign object.
  elif not isinstance(target, dict | Tensor | Foreign):
    raise TypeError("a state for something that has none")


def storage_of(
  identity: Any, storages: dict[str, Storage]
) -> Storage | tuple[Storage, int] | Foreign:
  """The storage that a pickle's persistent id names; it is added to `storages`.

  Returns:
    The storage; in old files that cut a part out of it, the storage and an offset; for elements of
    a type that numpy lacks, a `Foreign`.
  """
  kind, storage, key, _location, numel, *view = identity
  if kind == "storage" and isinstance(storage, Foreign):
    return storage
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
  """Adds alternating keys and values to a dictionary; those for a `Foreign` object are dropped."""
  if isinstance(target, Foreign):
    return
  if not isinstance(target, dict):
    raise TypeError("an entry for something that is not a dictionary")
  for key, value in zip(items[::2], items[1::2], strict=True):
    # Hashing a tuple in a tuple in a tuple ... would overflow C's stack.
    target[key if isinstance(key, str | int | float | None) else Foreign(_kind(key))] = value


def extend(target: Any, items: list) -> None:
  """Appends items to a list; those for a `Foreign` object are dropped."""
  if isinstance(target, Foreign):
    return
  if not isinstance(target, list):
    raise TypeError("an item for something that is not a list")
  target.extend(items)


def _kind(value: Any) -> str:
  return value.what if isinstance(value, Foreign) else f"a {type(value).__name__}"
