"""Weights files of any common kind -> {name: array}, without PyTorch.

`.pth`, `.pt` and `.pth.tar` (the zip format since PyTorch 1.6 and the older stream), `.safetensors`
and `.npz`. The kind is told by the content, not by the name.
"""

import io
import os
import pathlib
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, Literal

import ml_dtypes
import numpy as np
import safetensors

from cosam_jax.errors import InputError
from cosam_jax.models.torch_objects import Box, Storage, Tensor, UnreadableError
from cosam_jax.models.torch_pickle import DAMAGE, run

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_VERSION = 1001
# Where training programs keep the state dict inside a checkpoint; the first is the published one.
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network")
_SAFETENSORS = {
  "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": ml_dtypes.bfloat16, "I64": "<i8", "I32": "<i4",
  "I16": "<i2", "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
# A compressed .npz may unpack to more than its size, but no network here is larger than this.
_MAX_UNPACKED = 4 << 30
_DAMAGE = (
  *DAMAGE, RuntimeError, OSError, zipfile.BadZipFile, zlib.error, safetensors.SafetensorError,
  tokenize.TokenError,  # Of numpy, for the header of an array.
)  # fmt: skip
_NOT_WEIGHTS = (
  (b"<", "is a web page, not weights: the download went wrong, fetch it again"),
  (b"version https://git-lfs", "is a Git LFS pointer, not weights: run `git lfs pull`"),
  (b"\x89HDF", "is an HDF5 file: convert it to .safetensors or .npz with PyTorch's names"),
  (b"\x1f\x8b", "is gzip-compressed: unpack it first"),
)


def read_weights(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
  """Reads a weights file and runs nothing that is in it.

  Args:
    path: `.npz`, `.safetensors`, or PyTorch's `.pth`, `.pt`, `.pth.tar`. A checkpoint that keeps
      its state dict under `state_dict` (the published ones, beside `rank1` and `epoch`), `model`
      or the like is unwrapped; what stands beside it is ignored.

  Returns:
    Arrays by name, in the file's order and with the file's types (bfloat16 from ml_dtypes). They
    are read-only and may share memory or be strided.

  Raises:
    InputError: no such file, another kind of file, a damaged one, or one that would have to run
      code to be read.
  """
  path = pathlib.Path(path)
  if not path.is_file():
    what = "is a directory, not a file" if path.is_dir() else "does not exist"
    raise InputError(
      f"weights file {path} {what}: give a .pth, .pth.tar, .safetensors or .npz file"
    )
  try:
    data = path.read_bytes()
    return _reader(data)(data)
  except UnreadableError as error:
    raise InputError(f"weights file {path} {error}") from error
  except _DAMAGE as error:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    raise InputError(
      f"weights file {path} cannot be read, it is damaged or cut short ({reason}): download or "
      "save it again"
    ) from error


def _reader(data: bytes) -> Callable[[bytes], dict[str, np.ndarray]]:
  """The reader for content that begins like `data`."""
  if data[:4] == b"PK\x03\x04":
    return _read_zip
  if data[:1] == b"\x80":
    return _read_legacy
  if len(data) > 8 and data[8:9] == b"{":
    return _read_safetensors
  if not data:
    raise UnreadableError("is empty: download or save it again")
  if data[257:262] == b"ustar":
    raise UnreadableError(
      "is a tar archive (PyTorch before 0.1.10, or packed by hand): unpack it, or save it again "
      "with a newer PyTorch"
    )
  for start, sentence in _NOT_WEIGHTS:
    if data.lstrip().startswith(start):
      raise UnreadableError(sentence)
  raise UnreadableError("is no weights file: give a .pth, .pth.tar, .safetensors or .npz file")


def _read_safetensors(data: bytes) -> dict[str, np.ndarray]:
  """safetensors checks the header; its own numpy reader lacks bfloat16."""
  arrays = {}
  for name, entry in safetensors.deserialize(data):
    dtype = _SAFETENSORS.get(entry["dtype"])
    if dtype is None:
      raise UnreadableError(
        f"holds {entry['dtype']} in {name!r}: convert it to one of {', '.join(_SAFETENSORS)}"
      )
    arrays[name] = np.frombuffer(entry["data"], dtype).reshape(entry["shape"])
  return arrays


def _read_zip(data: bytes) -> dict[str, np.ndarray]:
  archive = zipfile.ZipFile(io.BytesIO(data))
  names = archive.namelist()
  pickles = [name for name in names if name.endswith("/data.pkl") and name.count("/") == 1]
  if pickles:
    return _read_torch_zip(archive, pickles[0].removesuffix("data.pkl"), len(data))
  if not any(name.endswith(".npy") for name in names):
    raise UnreadableError("is a zip archive, but neither PyTorch's nor numpy's")
  if sum(info.file_size for info in archive.infolist()) > _MAX_UNPACKED:
    raise UnreadableError(f"would unpack to more than {_MAX_UNPACKED >> 30} GiB")
  return {name.removesuffix(".npy"): _read_npy(archive.read(name), name) for name in names}


def _read_npy(content: bytes, name: str) -> np.ndarray:
  """One member of an .npz. numpy's own reader allocates what the header claims before it looks."""
  stream = io.BytesIO(content)
  version = np.lib.format.read_magic(stream)
  header = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
  }[version]
  shape, fortran, dtype = header(stream)
  if dtype.kind not in "biufc":
    raise UnreadableError(f"holds {dtype} in {name!r}, which are not numbers: save plain arrays")
  flat = np.frombuffer(content, dtype, offset=stream.tell())
  if any(n < 0 for n in shape):
    raise ValueError("negative size")
  return flat.reshape(shape, order="F" if fortran else "C")


def _read_torch_zip(archive: zipfile.ZipFile, prefix: str, size: int) -> dict[str, np.ndarray]:
  order: Literal["<", ">"] = "<"
  if f"{prefix}byteorder" in archive.NameToInfo and archive.read(f"{prefix}byteorder") == b"big":
    order = ">"
  value = run(io.BytesIO(_stored(archive, f"{prefix}data.pkl")))
  left = size  # entries that overlap could otherwise unpack to more than the file

  def load(storage: Storage) -> np.ndarray:
    nonlocal left
    content = _stored(archive, f"{prefix}data/{storage.key}")
    left -= len(content)
    if left < 0:
      raise ValueError("more storage than file")
    return _elements(content, storage, order)

  return _arrays(_state_dict(value), load)


def _stored(archive: zipfile.ZipFile, name: str) -> bytes:
  """A member as PyTorch writes them: not compressed. Its checksum is checked."""
  info = archive.getinfo(name)
  if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
    raise UnreadableError(f"has a compressed {name!r}, which PyTorch does not write")
  return archive.read(info)


def _read_legacy(data: bytes) -> dict[str, np.ndarray]:
  """PyTorch before 1.6: five pickles, then each storage's length (int64) and its elements."""
  stream = io.BytesIO(data)
  if run(stream) != _LEGACY_MAGIC or run(stream) != _LEGACY_VERSION:
    raise UnreadableError("is a pickle, but not one of PyTorch's: save a state dict")
  system = run(stream)
  little = not isinstance(system, dict) or system.get("little_endian", True)
  order: Literal["<", ">"] = "<" if little else ">"
  storages: dict[str, Storage] = {}
  state = _state_dict(run(stream, storages))
  keys = run(stream)
  if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
    raise ValueError("no list of storages")
  contents: dict[str, np.ndarray] = {}
  for key in keys:
    storage = storages[key]
    numel = int.from_bytes(stream.read(8), "little" if order == "<" else "big", signed=True)
    if numel != storage.numel:
      raise ValueError("a storage is longer or shorter than its tensors say")
    width = 1 if storage.dtype is None else storage.dtype.itemsize
    contents[key] = _elements(stream.read(numel * width), storage, order)
  return _arrays(state, lambda storage: contents[storage.key])


def _elements(content: bytes, storage: Storage, order: Literal["<", ">"]) -> np.ndarray:
  dtype = np.dtype("u1") if storage.dtype is None else storage.dtype
  if len(content) != storage.numel * dtype.itemsize:
    raise ValueError("a storage is cut short")
  return np.frombuffer(content, dtype if order == "<" else dtype.newbyteorder(order))


def _state_dict(value: Any) -> dict[str, Any]:
  """The dictionary of tensors in what a pickle held."""
  if not isinstance(value, dict):
    raise UnreadableError("holds no dictionary of tensors: save model.state_dict()")
  for key in _WRAPPERS:
    if isinstance(value.get(key), dict):
      value = value[key]
      break
  other = [key for key, v in value.items() if not isinstance(_plain(v), Tensor | np.ndarray)]
  if other or not value:
    shown = ", ".join(repr(key)[:60] for key in other[:3]) or "nothing"
    raise UnreadableError(
      f"is no state dict: it holds {shown} where only named tensors may stand; save "
      "model.state_dict()"
    )
  return {str(key): _plain(v) for key, v in value.items()}


def _plain(value: Any) -> Any:
  for _ in range(3):  # boxes in boxes; a damaged file's may form a ring
    value = value.value if isinstance(value, Box) else value
  return np.asarray(value) if isinstance(value, np.generic) else value


def _arrays(state: dict[str, Any], load: Callable[[Storage], np.ndarray]) -> dict[str, np.ndarray]:
  loaded: dict[str, np.ndarray] = {}  # tensors that share a storage share the array
  arrays = {}
  for name, value in state.items():
    if isinstance(value, Tensor):
      storage = value.storage
      if storage.key not in loaded:
        loaded[storage.key] = load(storage)
      arrays[name] = _strided(loaded[storage.key], value, name)
    else:
      arrays[name] = value
  return arrays


def _strided(storage: np.ndarray, tensor: Tensor, name: str) -> np.ndarray:
  if tensor.dtype is not None:
    storage = storage.view(tensor.dtype)
  if len(tensor.size) != len(tensor.stride):
    raise ValueError("sizes and strides differ in number")
  if 0 in tensor.size:
    return np.empty(tensor.size, storage.dtype)
  last = tensor.offset + sum(
    (n - 1) * step for n, step in zip(tensor.size, tensor.stride, strict=True)
  )
  if last >= len(storage):
    raise UnreadableError(f"is damaged: tensor {name!r} reaches past the end of its storage")
  width = storage.dtype.itemsize
  # The stride of an axis of length one is never used, and may be any number.
  strides = [step * width * (n > 1) for n, step in zip(tensor.size, tensor.stride, strict=True)]
  start = storage[tensor.offset :]
  return np.lib.stride_tricks.as_strided(start, tensor.size, strides, writeable=False)
