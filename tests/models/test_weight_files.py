"""Files that PyTorch itself wrote, hand-made old ones, hostile ones and damaged ones."""

import importlib.util
import io
import os
import pathlib
import pickle
import random
import struct
import zipfile

import numpy as np
import pytest
import torch_files

from cosam_jax.errors import InputError
from cosam_jax.models.weight_files import read_weights

DATA = pathlib.Path(__file__).parent / "data"
FILES = ["zip.pth", "legacy.pth", "checkpoint.pth.tar", "checkpoint_zip.pth.tar"]
MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2)
SYSTEM = pickle.dumps({"little_endian": True}, 2)


def _make():
  spec = importlib.util.spec_from_file_location("make_weight_files", DATA / "make.py")
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def _check(path: pathlib.Path, prefix: str):
  expected = _make().expected()
  found = read_weights(path)
  assert sorted(found) == sorted(prefix + name for name in expected)
  for name, value in expected.items():
    array = found[prefix + name]
    assert array.dtype == value.dtype, name
    np.testing.assert_array_equal(array, value, err_msg=name)
    assert array.shape == value.shape


@pytest.mark.parametrize("name", [*FILES, "tensors.safetensors"])
def test_reads_what_torch_wrote(name):
  _check(DATA / name, "module." if name.startswith("checkpoint") else "")


def test_reads_what_this_torch_writes(torch, tmp_path):
  _make().write(tmp_path)
  for name in FILES:
    _check(tmp_path / name, "module." if name.startswith("checkpoint") else "")


def test_tied_tensors_share_memory():
  found = read_weights(DATA / "zip.pth")
  assert np.shares_memory(found["conv.weight"], found["transposed"])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path, save):
  arrays = {
    "a.weight": np.arange(6.0).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "b": np.asarray(3),
    "empty": np.zeros((0, 2), np.float16),
  }
  save(tmp_path / "w.npz", **arrays)
  found = read_weights(tmp_path / "w.npz")
  assert list(found) == list(arrays)
  for name, value in arrays.items():
    np.testing.assert_array_equal(found[name], value)


def _old_file(path: pathlib.Path, state: bytes, keys: list[str], storages: list[np.ndarray]):
  """Writes by hand the stream format of PyTorch 0.1 to 0.4 on Python 2 and 3."""
  body = b"".join(struct.pack("<q", len(s)) + s.tobytes() for s in storages)
  path.write_bytes(MAGIC + SYSTEM + state + pickle.dumps(keys, 2) + body)


def _tensor_opcodes(key: bytes, numel: int, view: bytes = b"N") -> bytes:
  storage = b"(U\x07storagectorch\nFloatStorage\nU%c%bU\x03cpuK%c%btQ"
  storage %= (len(key), key, numel, view)
  return b"ctorch._utils\n_rebuild_tensor\n(%bK\x01K\x02\x85K\x01\x85tR" % storage


def test_python2_parameters_and_storage_views(tmp_path):
  values = np.arange(8, dtype=np.float32)
  tensor = _tensor_opcodes(b"9", 8)
  parameter = b"ctorch.nn.parameter\nParameter\n%b\x85\x81(\x88\x89Ntb" % tensor
  state_in_build = b"ctorch.nn.parameter\nParameter\n)\x81(%bNN\x88\x89tb" % tensor
  view = _tensor_opcodes(b"9", 8, b"(U\x01vK\x03K\x05t")
  pairs = (parameter, state_in_build, view)
  state = b"\x80\x02ccollections\nOrderedDict\n](](U\x01a%be](U\x01b%be](U\x01c%bee\x85R." % pairs
  _old_file(tmp_path / "old.pth", state, ["9"], [values])
  found = read_weights(tmp_path / "old.pth")
  np.testing.assert_array_equal(found["a"], [1, 2])
  np.testing.assert_array_equal(found["b"], [1, 2])
  np.testing.assert_array_equal(found["c"], [4, 5])


class _Bomb:
  def __reduce__(self):
    return os.system, ("touch never",)


def _zip(path: pathlib.Path, content: bytes, **members: bytes):
  with zipfile.ZipFile(path, "w") as archive:
    archive.writestr("archive/data.pkl", content)
    for name, value in members.items():
      archive.writestr(f"archive/data/{name}", value)


def test_refuses_to_run_code(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  content = pickle.dumps({"state_dict": {}, "config": _Bomb()}, 2)
  _zip(tmp_path / "zip.pth", content)
  (tmp_path / "legacy.pth").write_bytes(MAGIC + SYSTEM + content)
  for name in ("zip.pth", "legacy.pth"):
    with pytest.raises(InputError, match=r"asks to run '(posix|nt)\.system'.*refused"):
      read_weights(tmp_path / name)
  assert not (tmp_path / "never").exists()


def test_tensor_outside_its_storage(tmp_path):
  content = b"\x80\x02}U\x01a%bs." % _tensor_opcodes(b"0", 2)
  _zip(tmp_path / "w.pth", content, **{"0": np.float32([1, 2]).tobytes()})
  with pytest.raises(InputError, match="'a' reaches past the end"):
    read_weights(tmp_path / "w.pth")


def test_header_that_claims_too_much(tmp_path):
  """numpy itself would allocate the claimed 8 TiB before reading."""
  stream = io.BytesIO()
  header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)}
  np.lib.format.write_array_header_1_0(stream, header)
  with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
    archive.writestr("a.npy", stream.getvalue() + b"\x00" * 64)
  with pytest.raises(InputError, match="damaged"):
    read_weights(tmp_path / "w.npz")


def test_other_contents_say_what_they_are(tmp_path):
  cases = {
    b"<!DOCTYPE html>": "web page",
    b"\xef\xbb\xbf\r\n<?xml version='1.0'?>": "web page",
    b'{"error": "not found"}': "is text, not a weights file",
    b"\0" * 1000: "download stopped",
    b"BZh91AY": "bzip2-compressed",
    b"version https://git-lfs.github.com": "LFS",
    b"": "empty",
    b"hello, world": "not a weights file",
  }
  for content, message in cases.items():
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(InputError, match=message):
      read_weights(tmp_path / "w.pth")
  np.savez(tmp_path / "objects.npz", a=np.asarray([None]))
  with pytest.raises(InputError, match=r"'a\.npy'.*not numbers"):
    read_weights(tmp_path / "objects.npz")
  with pytest.raises(InputError, match="does not exist"):
    read_weights(tmp_path / "missing.pth")
  with pytest.raises(InputError, match="directory"):
    read_weights(tmp_path)


def test_little_on_disk_does_not_become_much_in_memory(tmp_path):
  """A tensor of stride zero, and zeros that compress: gigabytes out of kilobytes."""
  one = torch_files.Strided(np.ones(1, np.float32), (1 << 20, 2048), (0, 0))
  path = torch_files.save(tmp_path / "w.pth", {"classifier.weight": one})
  with pytest.raises(InputError, match=r"8,589,934,592 bytes in memory of [\d,]+ on disk"):
    read_weights(path)
  with zipfile.ZipFile(tmp_path / "w.npz", "w", zipfile.ZIP_DEFLATED) as archive:
    for name in "abc":
      archive.writestr(f"{name}.npy", bytes(100 << 20))
  with pytest.raises(InputError, match="314,572,800 bytes in memory"):
    read_weights(tmp_path / "w.npz")
  small = torch_files.Strided(np.ones(1, np.float32), (64, 64), (0, 0))  # As `expand` makes them.
  found = read_weights(torch_files.save(tmp_path / "w.pth", {"a.weight": small}))
  np.testing.assert_array_equal(found["a.weight"], np.ones((64, 64)))


def test_files_are_looked_at_before_they_are_read(tmp_path):
  os.mkfifo(tmp_path / "pipe.pth")
  with pytest.raises(InputError, match="named pipe"):
    read_weights(tmp_path / "pipe.pth")
  with pytest.raises(InputError, match="device"):
    read_weights("/dev/zero")
  for start, message in ((b"<html>", "web page"), (b"\x80\x02", "has 1,099,511,627,776 bytes")):
    with (tmp_path / "huge.pth").open("wb") as file:
      file.write(start)
      file.truncate(1 << 40)  # A hole: nothing of it is on disk.
    with pytest.raises(InputError, match=message):
      read_weights(tmp_path / "huge.pth")


def test_damaged_files_give_one_sentence(tmp_path):
  """Bytes changed and ends cut off: the file still reads, or one InputError says why not."""
  np.savez_compressed(tmp_path / "w.npz", a=np.ones((3, 4)), b=np.ones(2))
  originals = [(DATA / name).read_bytes() for name in [*FILES, "tensors.safetensors"]]
  originals.append((tmp_path / "w.npz").read_bytes())
  rng, messages, path = random.Random(0), [], tmp_path / "damaged"
  for _ in range(3000):
    content = bytearray(rng.choice(originals))
    for _ in range(rng.choice([1, 1, 4])):
      content[rng.randrange(len(content))] = rng.randrange(256)
    if rng.random() < 0.3:
      del content[rng.randrange(len(content)) :]
    path.write_bytes(content)
    try:
      read_weights(path)
    except InputError as error:
      messages.append(str(error))
  assert len(messages) > 1000
  for message in messages:
    assert str(path) in message
    assert "\n" not in message
    assert len(message) < 600
