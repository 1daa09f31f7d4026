"""Training programs save other things beside the state dict, and give it many names."""

import argparse
import collections
import datetime
import decimal
import pathlib
import pickle

import numpy as np
import pytest
import torch_files

from cosam_jax.errors import InputError
from cosam_jax.models.weight_files import read_weights

STATE = {"conv1.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "fc.bias": np.ones(2, "f4")}
OTHER = {name: value + 1 for name, value in STATE.items()}


class Net(dict):
  """A class of a stranger's program."""


def kept_apart(value):
  """A dictionary of a class of its own, with an entry and an attribute."""
  made = Net(value=value)
  made.attribute = value
  return made


OPTIMIZER = {
  "state": {0: {"exp_avg": OTHER["conv1.weight"], "step": OTHER["fc.bias"]}},
  "param_groups": [{"params": [0], "lr": 0.1}],
}
COMPANY = {
  "scheduler": {"milestones": collections.Counter([200, 400]), "last_epoch": 3},
  "args": argparse.Namespace(lr=0.1, nested=argparse.Namespace(a={1, 2})),
  "set": {1, 2}, "frozen": frozenset({"a"}), "path": pathlib.Path("/a/b"),
  "when": datetime.datetime(2024, 1, 2), "by_pair": {("a", 1): 2, frozenset({3}): 4, b"k": 5},
  "bytes": bytearray(b"abc"), "complex": 1j, "long": 10**5000, "decimal": decimal.Decimal("1.5"),
  "objects": np.array([None, "x"], object), "text": np.array(["a", "b"]),
  "date": np.datetime64("2024-01-01"), "record": np.zeros(2, [("a", "i4")]),
  "class": Net, "own": kept_apart([1]), "slice": slice(1, 2), "dtype": np.dtype("U3"),
  "deque": collections.deque([1, 2]), "ordered": collections.OrderedDict(a={3}),
  "function": len, "default": collections.defaultdict(list, a=[1]),
}  # fmt: skip


def equal(found, wanted=STATE) -> None:
  assert list(found) == list(wanted)
  for name, value in wanted.items():
    np.testing.assert_array_equal(found[name], value)


def test_what_stands_beside_the_state_dict_is_ignored(tmp_path):
  for name, value in COMPANY.items():
    path = torch_files.save(tmp_path / "w.pth", {"epoch": 3, name: value, "state_dict": STATE})
    equal(read_weights(path))
  equal(read_weights(torch_files.save(tmp_path / "w.pth", COMPANY | {"model": STATE})))


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_every_pickle_protocol_is_read_and_nothing_in_it_is_run(tmp_path, monkeypatch, protocol):
  class Bomb:
    def __reduce__(self):
      return pathlib.Path.touch, (pathlib.Path("never"),)

  monkeypatch.chdir(tmp_path)
  magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2)
  company = COMPANY | {"long": 10**4000, "bomb": Bomb(), "state_dict": {"a.b": np.arange(3)}}
  content = pickle.dumps(company, protocol)
  pathlib.Path("w.pth").write_bytes(magic + pickle.dumps({}, 2) + content + pickle.dumps([], 2))
  equal(read_weights("w.pth"), {"a.b": np.arange(3)})
  assert not pathlib.Path("never").exists()


@pytest.mark.parametrize("value", [argparse.Namespace(), {1}, 3, "x", None, {("a", 1): 2}])
def test_inside_the_state_dict_only_tensors_may_stand(tmp_path, value):
  path = torch_files.save(tmp_path / "w.pth", {"state_dict": STATE | {"layer.odd": value}})
  with pytest.raises(InputError, match=r"not a state dict: it holds 'layer\.odd'") as error:
    read_weights(path)
  assert "damaged" not in str(error.value)
  path = torch_files.save(tmp_path / "w.pth", {**STATE, ("a", 1): 2})
  with pytest.raises(InputError, match="holds a tuple, and only named tensors"):
    read_weights(path)


@pytest.mark.parametrize("name", COMPANY)
def test_company_on_the_same_level_is_left_out_and_said(tmp_path, caplog, name):
  equal(read_weights(torch_files.save(tmp_path / "w.pth", {**STATE, name: COMPANY[name]})))
  assert f"{name!r} stands among the tensors and is left out: no weights" in caplog.text


@pytest.mark.parametrize("beside", [
  {"epoch": 5}, {"best": 0.5, "name": "x", "done": True, "none": None},
  {"epoch": 5, "optimizer": OPTIMIZER, "args": argparse.Namespace(lr=1), "history": [[1], [2]]},
  {"optimizer": OPTIMIZER | {"state": {}}, "optim": {"exp_avg": OTHER}, "criterion": OTHER},
  {"ema": OTHER}, {f"note{i}": i for i in range(50)},
], ids=lambda value: next(iter(value)))  # fmt: skip
def test_a_programs_notes_among_the_tensors_are_no_weights(tmp_path, caplog, beside):
  for value in ({**STATE, **beside}, {**beside, **STATE}, {"model": {**STATE, **beside}}):
    caplog.clear()
    equal(read_weights(torch_files.save(tmp_path / "w.pth", value)))
    (said,) = [record.getMessage() for record in caplog.records]
    assert "left out" in said
    assert all(repr(name) in said for name in list(beside)[:3])
  if "note0" in beside:
    assert "and 47 more stand among the tensors and are left out: no weights" in said


@pytest.mark.parametrize("beside", [
  {"layer.epoch": 5}, {"fc.bias2": None}, {3: 4}, {"head": {"fc.weight": STATE["conv1.weight"]}},
])  # fmt: skip
def test_what_may_be_weights_is_not_left_out(tmp_path, beside):
  with pytest.raises(InputError, match="and only named tensors are allowed"):
    read_weights(torch_files.save(tmp_path / "w.pth", {**STATE, **beside}))


WRAPPERS = {
  "unknown name": ({"my_network": STATE, "epoch": 3}, "those under 'my_network'"),
  "nested": ({"state": {"net": STATE}, "optimizer": OPTIMIZER}, "'state.net'"),
  "averaged alone": ({"state_dict_ema": STATE, "args": {1}}, "'state_dict_ema', an average"),
  "ema": ({"ema": {"module": STATE}, "updates": 7}, "'ema.module', an average"),
  "both": ({"model_ema": OTHER, "model": STATE}, "'model'; 'model_ema' is left out"),
  "ema and unknown": ({"ema": OTHER, "mine": STATE}, "'mine'; 'ema' is left out"),
  "teacher": ({"teacher": OTHER, "student": STATE}, "'student'; 'teacher' is left out"),
  "known": ({"weights": STATE, "optimizer": OPTIMIZER, "mAP": np.float64(0.5)}, None),
  "net": ({"net": STATE, "acc": 1.0}, None),
  "a list": ([STATE, OPTIMIZER], "'0'"),
  "numbers beside": ({"state_dict": STATE, "a": np.ones(2, "f4"), "b": np.ones(2, "f4")}, None),
  "loss with weights": ({"model": STATE, "criterion": {"centers.weight": OTHER["fc.bias"]}}, None),
  "optimizer by name": (
    {"mine": STATE, "optim": {"exp_avg": OTHER, "exp_avg_sq": OTHER}}, "those under 'mine'",
  ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRAPPERS)
def test_the_dictionary_of_tensors_is_the_state_dict_whatever_its_name(tmp_path, caplog, case):
  value, said = WRAPPERS[case]
  equal(read_weights(torch_files.save(tmp_path / "w.pth", value)))
  if said is None:
    assert not caplog.records
  else:
    assert said in caplog.text


@pytest.mark.parametrize(
  ("value", "words"),
  [
    ({"net_a": STATE, "net_b": OTHER}, "holds 2 dictionaries of tensors ('net_a', 'net_b')"),
    (OPTIMIZER, "holds an optimizer's state and no weights"),
    ({"optimizer": OPTIMIZER, "epoch": 3}, "it holds 'optimizer', 'epoch', and only"),
    ({"model": Net(a=1), "epoch": 3}, "test_saved_contents.Net', which no state dict needs"),
  ],
)
def test_no_state_dict_or_several_are_said(tmp_path, value, words):
  with pytest.raises(InputError) as error:
    read_weights(torch_files.save(tmp_path / "w.pth", value))
  assert words in str(error.value)
