"""Reads weights files of any common kind into {name: array}, without PyTorch.

The kinds are `.pth`, `.pt` and `.pth.tar` (the zip format since PyTorch 1.6, and the older stream),
`.safetensors` and `.npz`. The content decides the kind, not the name.
"""

import codecs
import io
import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO, Literal

import ml_dtypes
import numpy as np
import safetensors
from absl import logging

from cosam_jax.errors import InputError
from cosam_jax.models.saved_contents import state_dict
from cosam_jax.models.torch_objects import Storage, Tensor, UnreadableError
from cosam_jax.models.torch_pickle import DAMAGE, run
from cosam_jax.runtime.outside_files import open_regular, unpacked_reason
from cosam_jax.runtime.user_paths import user_path

Arrays = dict[str, np.ndarray]

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_VERSION = 1001
_SAFETENSORS = {
  "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": ml_dtypes.bfloat16, "I64": "<i8", "I32": "<i4",
  "I16": "<i2", "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
# No network here is larger, and no file of these kinds that is read as a whole.
_MOST_BYTES = 4 << 30
_DAMAGE = (
  *DAMAGE, RuntimeError, OSError, zipfile.BadZipFile, zlib.error, safetensors.SafetensorError,
  tokenize.TokenError,  # Of numpy, for the header of an array.
)  # fmt: skip
_NOT_WEIGHTS = (
  (b"<", "is a web page, not weights: the download went wrong, fetch it again"),
  (b"version https://git-lfs", "is a Git LFS pointer, not weights: run `git lfs pull`"),
  (b"\x89HDF", "is an HDF5 file: convert it to .safetensors or .npz with PyTorch's names"),
  (b"\x1f\x8b", "is gzip-compressed: unpack it first"),
  (b"BZh", "is bzip2-compressed: unpack it first"),
  (b"\xfd7zXZ", "is xz-compressed: unpack it first"),
  (b"\x28\xb5\x2f\xfd", "is zstd-compressed: unpack it first"),
  (b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it first"),
  (b"Rar!", "is a RAR archive: unpack it first"),
)


def read_weights(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
  """Reads a weights file, without running anything in it.

  Args:
    path: `.npz`, `.safetensors`, or PyTorch's `.pth`, `.pt`, `.pth.tar`. A checkpoint may keep its
      state dict under `state_dict` (as the published ones do, beside `rank1` and `epoch`), `model`
      or any other name; everything beside it is ignored. If there was a choice, or the weights are
      an average over training (EMA), a warning names those that were taken.

  Returns:
    Arrays by name, in the file's order and with the file's types (bfloat16 from ml_dtypes). They
    are read-only and may share memory or be strided.

  Raises:
    InputError: the file does not exist, is of another kind or damaged, has no dictionary of
      tensors, or is far larger in memory than on disk.
  """
  path = user_path(path)
  try:
    with open_regular(path) as file:
      arrays, notes = _reader(file)(file)
  except UnreadableError as error:
    raise InputError(f"weights file {path} {error}") from error
  except OSError as error:
    what = "does not exist" if isinstance(error, FileNotFoundError) else None
    if path.is_dir():
      what = "is a directory, not a file"
    what = what or f"cannot be read ({error.strerror or error})"
    raise InputError(
      f"weights file {path} {what}: give a .pth, .pth.tar, .safetensors or .npz file"
    ) from error
  except MemoryError as error:
    raise InputError(
      f"weights file {path} does not fit in memory: save the weights alone, without the state of "
      "an optimizer"
    ) from error
  except _DAMAGE as error:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    raise InputError(
      f"weights file {path} cannot be read, it is damaged or cut short ({reason}): download or "
      "save it again"
    ) from error
  for note in notes:
    logging.warning("%s: %s", path, note)
  return arrays


def _reader(file: BinaryIO) -> Callable[[BinaryIO], tuple[Arrays, tuple[str, ...]]]:
  """The reader for content that begins like the file's."""
  start = file.read(512)
  file.seek(0)
  if start[:4] == b"PK\x03\x04":
    return _read_zip
  if start[:1] == b"\x80":
    return _read_legacy
  if len(start) > 8 and start[8:9] == b"{":
    return _read_safetensors
  if not start:
    raise UnreadableError("is empty: download or save it again")
  if start[257:262] == b"ustar":
    raise UnreadableError(
      "is a tar archive (PyTorch before 0.1.10, or packed by hand): unpack it, or save it again "
      "with a newer PyTorch"
    )
  for beginning, sentence in _NOT_WEIGHTS:
    if start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(beginning):
      raise UnreadableError(sentence)
  if not start.strip(b"\0"):
    raise UnreadableError("begins with zeros alone: the download stopped, fetch it again")
  if (text := start[:60].decode("ascii", "replace")).replace("\n", " ").isprintable():
    what = "is text, not a weights file"
    raise UnreadableError(
      f"{what} (it begins with {text!r}): give a .pth, .pth.tar, .safetensors or .npz file"
    )
  raise UnreadableError("is not a weights file: give a .pth, .pth.tar, .safetensors or .npz file")


def _whole(file: BinaryIO) -> bytes:
  """All of a file that must be read as a whole."""
  size = os.fstat(file.fileno()).st_size
  if size > _MOST_BYTES:
    raise UnreadableError(f"has {size:,} bytes, and weights have at most {_MOST_BYTES:,}")
  return file.read()


def _check_unpacked(unpacked: int, size: int) -> None:
  """Raises UnreadableError if the arrays of a file of `size` bytes are far larger in memory."""
  reason = unpacked_reason(unpacked, size)
  if reason or unpacked > _MOST_BYTES:
    raise UnreadableError(
      f"cannot be weights ({reason or f'it has {unpacked:,} bytes'}): save model.state_dict() alone"
    )


def _read_safetensors(file: BinaryIO) -> tuple[Arrays, tuple[str, ...]]:
  """Reads a .safetensors file. The library checks the header; its numpy reader lacks bfloat16."""
  arrays = {}
  for name, entry in safetensors.deserialize(_whole(file)):
    dtype = _SAFETENSORS.get(entry["dtype"])
    if dtype is None:
      raise UnreadableError(
        f"holds {entry['dtype']} in {name!r}: convert it to one of {', '.join(_SAFETENSORS)}"
      )
    arrays[name] = np.frombuffer(entry["data"], dtype).reshape(entry["shape"])
  return arrays, ()


def _read_zip(file: BinaryIO) -> tuple[Arrays, tuple[str, ...]]:
  size = os.fstat(file.fileno()).st_size
  archive = zipfile.ZipFile(file)
  names = archive.namelist()
  pickles = [name for name in names if name.endswith("/data.pkl") and name.count("/") == 1]
  if pickles:
    return _read_torch_zip(archive, pickles[0].removesuffix("data.pkl"), size)
  if not any(name.endswith(".npy") for name in names):
    raise UnreadableError("is a zip archive, but neither PyTorch's nor numpy's")
  _check_unpacked(sum(info.file_size for info in archive.infolist()), size)
  return {name.removesuffix(".npy"): _read_npy(archive.read(name), name) for name in names}, ()


def _read_npy(content: bytes, name: str) -> np.ndarray:
  """One member of an .npz; numpy's own reader allocates the size in the header without a check."""
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


def _read_torch_zip(
  archive: zipfile.ZipFile, prefix: str, size: int
) -> tuple[Arrays, tuple[str, ...]]:
  order: Literal["<", ">"] = "<"
  if f"{prefix}byteorder" in archive.NameToInfo and archive.read(f"{prefix}byteorder") == b"big":
    order = ">"
  value = run(io.BytesIO(_stored(archive, f"{prefix}data.pkl")))
  left = size  # otherwise overlapping entries could unpack to more than the file

  def load(storage: Storage) -> np.ndarray:
    nonlocal left
    content = _stored(archive, f"{prefix}data/{storage.key}")
    left -= len(content)
    if left < 0:
      raise ValueError("more storage than file")
    return _elements(content, storage, order)

  found = state_dict(value)
  return _arrays(found.tensors, load, size), found.notes


def _stored(archive: zipfile.ZipFile, name: str) -> bytes:
  """Reads a member, which must not be compressed, as PyTorch writes it; checks its checksum."""
  info = archive.getinfo(name)
  if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
    raise UnreadableError(f"has a compressed {name!r}, which PyTorch does not write")
  if info.file_size > _MOST_BYTES:
    raise UnreadableError(f"has {info.file_size:,} bytes in {name!r}, more than any weights")
  return archive.read(info)


def _read_legacy(file: BinaryIO) -> tuple[Arrays, tuple[str, ...]]:
  """PyTorch before 1.6: five pickles, then each storage's length (int64) and its elements."""
  data = _whole(file)
  stream = io.BytesIO(data)
  if run(stream) != _LEGACY_MAGIC or run(stream) != _LEGACY_VERSION:
    raise UnreadableError("is a pickle, but not one of PyTorch's: save a state dict")
  system = run(stream)
  little = not isinstance(system, dict) or system.get("little_endian", True)
  order: Literal["<", ">"] = "<" if little else ">"
  storages: dict[str, Storage] = {}
  found = state_dict(run(stream, storages))
  keys = run(stream)
  if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
    raise ValueError("no list of storages")
  contents: dict[str, np.ndarray] = {}
  for key in keys:
    if key not in storages:
      raise UnreadableError("holds tensors of a type that numpy lacks: save model.state_dict()")
    storage = storages[key]
    numel = int.from_bytes(stream.read(8), "little" if order == "<" else "big", signed=True)
    if numel != storage.numel:
      raise ValueError("a storage is longer or shorter than its tensors say")
    width = 1 if storage.dtype is None else storage.dtype.itemsize
    contents[key] = _elements(stream.read(numel * width), storage, order)
  return _arrays(found.tensors, lambda storage: contents[storage.key], len(data)), found.notes


def _elements(content: bytes, storage: Storage, order: Literal["<", ">"]) -> np.ndarray:
  dtype = np.dtype("u1") if storage.dtype is None else storage.dtype
  if len(content) != storage.numel * dtype.itemsize:
    raise ValueError("a storage is cut short")
  return np.frombuffer(content, dtype if order == "<" else dtype.newbyteorder(order))


def _arrays(
  tensors: dict[str, Tensor | np.ndarray], load: Callable[[Storage], np.ndarray], size: int
) -> Arrays:
  """Arrays of the tensors of a file of `size` bytes; `load` returns a storage's elements."""
  unpacked = 0  # A stride of zero makes large arrays from few bytes.
  for value in tensors.values():
    if isinstance(value, Tensor):
      dtype = value.dtype or value.storage.dtype
      unpacked += math.prod(value.size) * (1 if dtype is None else dtype.itemsize)
  _check_unpacked(unpacked, size)
  loaded: dict[str, np.ndarray] = {}  # tensors that share a storage share the array
  arrays = {}
  for name, value in tensors.items():
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
