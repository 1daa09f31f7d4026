"""Files as `torch.save` writes them, of numpy arrays and whatever else can be pickled."""

import io
import pathlib
import pickle
import sys
import types
import zipfile
from typing import Any
from unittest import mock

import numpy as np


class Strided:
  """A tensor of a chosen size and stride over a storage."""

  def __init__(self, storage: np.ndarray, size: tuple[int, ...], stride: tuple[int, ...]):
    self.storage, self.size, self.stride = storage, size, stride


class _Storage:
  def __init__(self, key: str, numel: int):
    self.key, self.numel = key, numel


def _named(module: types.ModuleType, name: str) -> Any:
  made = type(name, (), {"__module__": module.__name__, "__qualname__": name})
  setattr(module, name, made)
  return made


class _Pickler(pickle.Pickler):
  def __init__(self, stream: io.BytesIO, torch: types.ModuleType, utils: types.ModuleType):
    super().__init__(stream, 2)
    self.storages: list[bytes] = []
    self._kind, self._rebuild = _named(torch, "FloatStorage"), _named(utils, "_rebuild_tensor_v2")

  def persistent_id(self, obj: Any) -> Any:
    if isinstance(obj, _Storage):
      return ("storage", self._kind, obj.key, "cpu", obj.numel)
    return None

  def reducer_override(self, obj: Any) -> Any:
    if isinstance(obj, np.ndarray) and obj.dtype == np.float32:
      obj = Strided(obj, obj.shape, tuple(n // 4 for n in obj.strides))
    if not isinstance(obj, Strided):
      return NotImplemented
    self.storages.append(obj.storage.tobytes())
    storage = _Storage(str(len(self.storages) - 1), obj.storage.size)
    return self._rebuild, (storage, 0, obj.size, obj.stride, False, {})


def save(path: pathlib.Path, value: Any) -> pathlib.Path:
  """Writes what `torch.save(value, path)` would if float32 arrays in it were tensors."""
  torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
  stream = io.BytesIO()
  with mock.patch.dict(sys.modules, {"torch": torch, "torch._utils": utils}):
    pickler = _Pickler(stream, torch, utils)
    pickler.dump(value)
  with zipfile.ZipFile(path, "w") as archive:
    archive.writestr("archive/data.pkl", stream.getvalue())
    for key, content in enumerate(pickler.storages):
      archive.writestr(f"archive/data/{key}", content)
  return path
