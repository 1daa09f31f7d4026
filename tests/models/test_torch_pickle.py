"""Pickles are read by a machine of our own: hostile ones are refused, and nothing is run."""

import collections
import io
import pickle
import pickletools
import zipfile

import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.models import torch_pickle
from cosam_jax.models.torch_objects import Foreign, Storage, Tensor, UnreadableError
from cosam_jax.models.weight_files import read_weights


def write_zip(path, content):
  with zipfile.ZipFile(path, "w") as archive:
    archive.writestr("archive/data.pkl", content)


HOSTILE = {
  "a whole module": (b"\x80\x02cmymodels\nNet\n)\x81.", "'mymodels.Net'"),
  "a deep tuple as a key": (b"\x80\x02}" + b")" + b"\x85" * 200_000 + b"K\x01s.", "holds a tuple"),
  "a list in itself": (b"\x80\x02]q\x00h\x00a.", "no dictionary of tensors"),
  "a ring of parameters": (
    b"\x80\x02}U\x01actorch.nn.parameter\nParameter\n)\x81q\x00(h\x00NNNNtbs.",
    "not a state dict",
  ),
  "a far memo": (b"\x80\x02}r\xff\xff\xff\xff.", "not a state dict"),
  "an endless string": (b"\x80\x02\x8e" + b"\xff" * 7 + b"\x00abc.", "damaged"),
  "too many instructions": (b"\x80\x02" + b"N0" * 1_000_001 + b"}.", "instructions"),
  "an object of a protocol 0 class": (b"\x80\x02(i__main__\nX\n.", "asks to run '__main__.X'"),
  "numbers that are no tensors": (b"\x80\x02}U\x05epochK\x03s.", "'epoch'"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_pickles_are_refused(tmp_path, case):
  content, message = HOSTILE[case]
  write_zip(tmp_path / "w.pth", content)
  with pytest.raises(InputError, match=message) as error:
    read_weights(tmp_path / "w.pth")
  assert "\n" not in str(error.value)


PLAIN = {
  "none": None, "yes": True, "no": False, "small": 7, "long": -(2**70), "float": 0.5,
  "text": "Ünï", "bytes": b"\x00\xff", "list": [1, [2, []]], "tuple": (1, (2,), (), (3, 4, 5)),
  "dict": {"a": {"b": 1}, 3: 4.5}, "ordered": collections.OrderedDict(z=1, a=2),
}  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_come_as_pythons_own_reader_gives_them(protocol):
  content = pickle.dumps(PLAIN, protocol)
  found = torch_pickle.run(io.BytesIO(content))
  assert found == pickle.loads(content)
  assert list(found["ordered"]) == ["z", "a"]


def test_values_that_are_named_again_are_the_same_object():
  shared = [1]
  found = torch_pickle.run(io.BytesIO(pickle.dumps([shared, shared, {"a": shared}], 2)))
  assert found[0] is found[1] is found[2]["a"]


def test_one_pickle_is_read_and_no_byte_after_it():
  stream = io.BytesIO(pickle.dumps(1, 2) + pickle.dumps(2, 2))
  assert [torch_pickle.run(stream), torch_pickle.run(stream)] == [1, 2]


def test_a_tensor_and_its_storage_are_records():
  storage = (
    b"(X\x07\x00\x00\x00storagectorch\nHalfStorage\nX\x01\x00\x00\x005X\x03\x00\x00\x00cpuK\x08tQ"
  )
  call = b"ctorch._utils\n_rebuild_tensor_v2\n(%bK\x01K\x02K\x03\x86K\x03K\x01\x86\x89}tR"
  content = b"\x80\x02" + call % storage + b"."
  storages = {}
  found = torch_pickle.run(io.BytesIO(content), storages)
  wanted = Storage(np.dtype("f2"), "5", 8)
  assert found == Tensor(wanted, 1, (2, 3), (3, 1))
  assert storages == {"5": wanted}


def test_objects_of_other_names_are_names_alone():
  content = pickle.dumps({"a": np.float64(0.5), "b": pickletools.OpcodeInfo}, 2)
  found = torch_pickle.run(io.BytesIO(content))
  assert found["a"] == 0.5
  assert isinstance(found["b"], Foreign)
  assert found["b"].what == "pickletools.OpcodeInfo"


@pytest.mark.parametrize("cut", [0, 1, 5, -1])
def test_what_is_cut_short_is_damaged(cut):
  content = pickle.dumps({"a": [1, 2]}, 2)[:cut]
  with pytest.raises(UnreadableError, match="damaged or cut short"):
    torch_pickle.run(io.BytesIO(content))


def test_an_instruction_that_no_state_dict_needs_is_named():
  with pytest.raises(UnreadableError, match="pickle instruction NEXT_BUFFER"):
    torch_pickle.run(io.BytesIO(b"\x80\x05\x97."))


def test_more_numpy_arrays_than_a_checkpoint_needs_are_refused(tmp_path, monkeypatch):
  """Their bytes are text in such pickles, which takes several times the file's size to decode."""
  arrays = {f"layer{i}.weight": np.zeros(100, np.float32) for i in range(4)}
  write_zip(tmp_path / "weights.pth", pickle.dumps(arrays, protocol=2))
  assert set(read_weights(tmp_path / "weights.pth")) == set(arrays)
  monkeypatch.setattr(torch_pickle, "_MAX_ENCODED", 3 * 400)
  with pytest.raises(InputError, match="more numpy arrays than any checkpoint needs"):
    read_weights(tmp_path / "weights.pth")
