"""The folder of an export: which earlier formats stay, and which files are ours."""

import json

import pytest

from cosam_jax.commands.export.folder import earlier_formats, export_folder, formats_there
from cosam_jax.errors import InputError

FORMATS = {
  "torch": {"files": ["model.safetensors", "model.pth.tar"]},
  "stablehlo": {"files": ["model.stablehlo"]},
}
RECORD = {
  "program": "cosam_jax 1.0", "weights": "step 3", "weights_hash": "ab", "input": "clips",
  "output": [2, 3], "config": {"seed": 0}, "formats": FORMATS,
}  # fmt: skip


def write(folder, record=RECORD, *names):
  folder.mkdir(exist_ok=True)
  (folder / "export.json").write_text(json.dumps(record))
  for name in (*names, "example.npz"):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(name)
  return folder


ALL = ("model.safetensors", "model.pth.tar", "model.stablehlo")


def test_formats_of_the_same_network_stay_if_their_files_do(tmp_path):
  write(tmp_path, RECORD, *ALL)
  again = {**RECORD, "formats": {}, "output": (2, 3), "config": {"seed": 0}}
  assert earlier_formats(tmp_path, again) == FORMATS
  (tmp_path / "model.pth.tar").unlink()
  assert earlier_formats(tmp_path, again) == {"stablehlo": FORMATS["stablehlo"]}
  assert formats_there(tmp_path) == ["torch", "stablehlo"]


@pytest.mark.parametrize(
  "change",
  [{"weights": "step 4"}, {"weights_hash": "cd"}, {"input": "frames"}, {"output": [2, 4]},
   {"config": {"seed": 1}}],
)  # fmt: skip
def test_formats_of_another_network_or_input_do_not(tmp_path, change):
  write(tmp_path, RECORD, *ALL)
  assert earlier_formats(tmp_path, RECORD | change) == {}


def test_records_older_than_the_hash_of_weights_are_compared_without_it(tmp_path):
  older = {name: value for name, value in RECORD.items() if name != "weights_hash"}
  write(tmp_path, older, *ALL)
  assert earlier_formats(tmp_path, RECORD) == FORMATS


@pytest.mark.parametrize(
  "record",
  [
    [], {}, RECORD | {"program": "another"}, RECORD | {"formats": []},
    RECORD | {"formats": {"torch": {"files": ["../outside"]}}},
    RECORD | {"formats": {"torch": {"files": [3]}}}, RECORD | {"formats": {"torch": {}}},
  ],
)  # fmt: skip
def test_a_record_that_is_not_ours_is_none(tmp_path, record):
  write(tmp_path, record, *ALL)
  assert formats_there(tmp_path) == []
  assert earlier_formats(tmp_path, RECORD) == {}
  with pytest.raises(InputError, match="would be replaced"):
    export_folder(tmp_path).check()


def test_files_of_a_version_without_lists_are_those_that_its_record_names(tmp_path):
  record = RECORD | {"formats": FORMATS | {"saved_model": {"files": ["saved_model"]}}}
  parts = ("saved_model/saved_model.pb", "saved_model/variables/variables.index")
  write(tmp_path, record, *ALL)
  for name in (*parts, "saved_model/notes.txt"):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("x")
  folder = export_folder(tmp_path)
  assert set(folder.names) == {"export.json", "example.npz", *ALL, *parts}
  folder.check()
  (tmp_path / "model.onnx").write_text("mine")  # The record does not name it.
  with pytest.raises(InputError, match=r"model\.onnx would be replaced"):
    folder.check()
