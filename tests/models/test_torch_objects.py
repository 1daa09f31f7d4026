"""Records of the objects in a state dict: what is known is built, all else keeps only its name."""

import numpy as np
import pytest

from cosam_jax.models import torch_objects
from cosam_jax.models.torch_objects import Foreign, Global, Storage, Tensor, call, lookup, put

FLOATS = Storage(np.dtype("f4"), "0", 12)


@pytest.mark.parametrize(
  ("module", "name", "full"),
  [
    ("torch", "FloatStorage", "torch.FloatStorage"),
    ("torch.cuda", "LongStorage", "torch.cuda.LongStorage"),
    ("numpy.core.multiarray", "scalar", "numpy._core.multiarray.scalar"),
    ("__builtin__", "dict", "builtins.dict"),
    ("collections", "OrderedDict", "collections.OrderedDict"),
  ],
)
def test_names_that_state_dicts_need_are_known(module, name, full):
  assert lookup(module, name) == Global(full)


@pytest.mark.parametrize(
  ("module", "name"), [("os", "system"), ("builtins", "eval"), ("torch", "load"), ("a", "b.c")]
)
def test_other_names_are_foreign_and_calling_them_gives_their_name(module, name):
  found = lookup(module, name)
  assert isinstance(found, Foreign)
  assert found.what == f"{module}.{name}"
  assert call(found, ("touch never",)) is found


def test_a_maker_has_the_name_of_the_class_that_it_makes():
  maker, made = lookup("copyreg", "_reconstructor"), lookup("somebody", "Net")
  assert call(maker, (made, Global("builtins.dict"), None)) is made


def test_what_is_no_name_or_no_function_is_refused():
  with pytest.raises(TypeError, match="a name that is not text"):
    lookup("torch", 3)
  with pytest.raises(TypeError, match="cannot be called"):
    call("text", ())


def test_tensors_of_every_version():
  rebuild = {number: f"torch._utils._rebuild_tensor{number}" for number in ("", "_v2", "_v3")}
  wanted = Tensor(FLOATS, 2, (3, 2), (2, 1))
  assert call(Global(rebuild[""]), (FLOATS, 2, (3, 2), (2, 1))) == wanted
  assert call(Global(rebuild["_v2"]), (FLOATS, 2, (3, 2), (2, 1), False, {})) == wanted
  part = (FLOATS, 1)  # A storage that begins at another one's element 1.
  assert call(Global(rebuild[""]), (part, 1, (3, 2), (2, 1))) == wanted
  typed = call(
    Global(rebuild["_v3"]), (FLOATS, 2, (3, 2), (2, 1), False, {}, Global("torch.bfloat16"))
  )
  assert typed.dtype.name == "bfloat16"
  foreign = Foreign("a.Storage")
  assert call(Global(rebuild["_v2"]), (foreign, 0, (1,), (1,))) is foreign
  for bad in (-1, 1.5, True, 1 << 62):
    with pytest.raises(ValueError, match="no tensor has"):
      call(Global(rebuild[""]), (FLOATS, 0, (bad,), (1,)))


def test_parameters_and_numpy_arrays_are_filled_in_later():
  box = call(Global("torch.nn.parameter.Parameter"), ())
  torch_objects.set_state(box, ("the data", None, None, False, True))
  assert (box.kind, box.value) == ("parameter", "the data")
  dtype = call(Global("numpy.dtype"), ("f4", False, True))
  torch_objects.set_state(dtype, (3, ">", None, None, None, -1, -1, 0))
  assert dtype.value == np.dtype(">f4")
  values = np.arange(6, dtype=">f4").reshape(2, 3)
  for fortran in (False, True):
    array = call(Global("numpy._core.multiarray._reconstruct"), (None, (0,), b"b"))
    content = values.tobytes("F" if fortran else "C")
    torch_objects.set_state(array, (1, (2, 3), dtype, fortran, content))
    np.testing.assert_array_equal(array.value, values)
  assert call(Global("numpy._core.multiarray.scalar"), (dtype, values[1:, 2:].tobytes())) == 5
  assert call(Global("numpy.dtype"), ("O8", False, True)).what.startswith("numpy values of type")


def test_storages_are_collected_by_their_keys():
  storages = {}
  identity = ("storage", Global("torch.LongStorage"), "7", "cuda:0", 5)
  wanted = Storage(np.dtype("i8"), "7", 5)
  assert torch_objects.storage_of(identity, storages) == wanted
  view = (*identity, ("8", 2, 3))
  assert torch_objects.storage_of(view, storages) == (wanted, 2)
  assert storages == {"7": wanted}
  with pytest.raises(ValueError, match="one storage with two types"):
    torch_objects.storage_of(("storage", Global("torch.IntStorage"), "7", "cpu", 5), storages)
  with pytest.raises(ValueError, match="an unknown kind of storage"):
    torch_objects.storage_of(("module", Global("torch.IntStorage"), "8", "cpu", 5), storages)
  raw = ("storage", Global("torch.UntypedStorage"), "9", "cpu", 5)
  assert torch_objects.storage_of(raw, storages).dtype is None


def test_entries_go_into_dictionaries_and_lists_and_nowhere_else():
  target = {}
  put(target, ["a", 1, 2, "b"])
  assert target == {"a": 1, 2: "b"}
  put(target, [("a", "tuple"), 5])
  (key,) = [key for key in target if isinstance(key, Foreign)]
  assert key.what == "a tuple"
  ones = [1]
  torch_objects.extend(ones, [2, 3])
  assert ones == [1, 2, 3]
  for drop in (put, torch_objects.extend):
    drop(Foreign("a.B"), [1, 2])
    with pytest.raises(TypeError, match="for something that is not a"):
      drop("text", [1, 2])
  with pytest.raises(TypeError, match="a state for something that has none"):
    torch_objects.set_state([], {})


def test_an_ordered_dictionary_of_pairs_is_unfolded_once():
  pairs = [("b", 1), ("a", 2)]
  found = call(Global("collections.OrderedDict"), (pairs,))
  assert list(found.items()) == [("b", 1), ("a", 2)]
  assert call(Global("collections.OrderedDict"), (pairs,)) == {}
  assert call(Global("collections.OrderedDict"), ()) == {}
