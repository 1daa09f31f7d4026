"""The JSON file beside an ONNX file: every item is asked for, and does what it says."""

import json

import numpy as np
import onnx_files as tiny_files
import pytest

from cosam_jax.errors import InputError
from cosam_jax.models.foreign_preprocessing import (
  ITEMS,
  LAYOUTS,
  Preprocessing,
  network_input,
  read_preprocessing,
)

NEEDED = [name for name in ITEMS if name not in ("layout", "output")]


def write(folder, items):
  (folder / "model.json").write_text(json.dumps(items))
  return folder / "model.onnx"


def test_a_file_is_read_as_it_is_written_and_written_as_it_is_read(tmp_path):
  items = {**tiny_files.HOW, "layout": "NCHW", "output": "vectors"}
  found = read_preprocessing(write(tmp_path, items))
  assert found == Preprocessing(
    (64, 32), "BGR", 255, (104, 117, 123), (50, 60, 70), "bilinear", 1, False, "NCHW", "vectors"
  )
  assert json.loads(json.dumps(found.record())) == items
  assert read_preprocessing(write(tmp_path, found.record())) == found
  assert "layout" not in read_preprocessing(write(tmp_path, tiny_files.HOW)).record()


def test_yes_is_true(tmp_path):
  for word, meant in (("yes", True), (True, True), ("no", False), (False, False)):
    assert read_preprocessing(write(tmp_path, {**tiny_files.HOW, "normalise": word})).normalise is (
      meant
    )


def test_without_the_file_one_sentence_lists_the_items(tmp_path):
  with pytest.raises(InputError) as caught:
    read_preprocessing(tmp_path / "model.onnx")
  said = str(caught.value)
  assert "needs a file model.json beside it" in said
  assert "docs/foreign_networks.md" in said
  assert all(name in said for name in NEEDED)


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_item_is_named_with_its_values_and_its_place(tmp_path, name):
  items = {key: value for key, value in tiny_files.HOW.items() if key != name}
  with pytest.raises(InputError) as caught:
    read_preprocessing(write(tmp_path, items))
  said = str(caught.value)
  assert f"model.json does not say {name}: give {ITEMS[name].allowed}; it is" in said
  assert said.endswith(ITEMS[name].where)


def test_of_several_missing_items_the_others_are_named_too(tmp_path):
  with pytest.raises(InputError, match=r"not say size \(missing too: channels, range, mean, dev"):
    read_preprocessing(write(tmp_path, {}))


@pytest.mark.parametrize(
  ("name", "wrong"),
  [
    ("size", [64]), ("size", [64, 32.0]), ("size", [4, 32]), ("size", "64x32"), ("channels", "rgb"),
    ("range", 256), ("range", True), ("range", "1"), ("mean", [0, 0]), ("mean", [0, 0, True]),
    ("mean", 127.5), ("deviation", None), ("resize", "nearest"), ("frames", 0), ("frames", 1.0),
    ("frames", True), ("normalise", 1), ("normalise", "maybe"), ("layout", "CHW"), ("output", ""),
    ("output", 3),
  ],
)  # fmt: skip
def test_a_value_that_is_not_legal_is_shown_with_those_that_are(tmp_path, name, wrong):
  with pytest.raises(InputError) as caught:
    read_preprocessing(write(tmp_path, {**tiny_files.HOW, name: wrong}))
  assert f"has {name} {str(wrong)!r}: it must be {ITEMS[name].allowed}" in str(caught.value)


@pytest.mark.parametrize(
  ("content", "words"),
  [
    ("[1]", "is not a JSON object"),
    ("{", "it is not JSON"),
    ('{"std": [1, 1, 1]}', "has 'std', which is not an item: use size, channels"),
    ('{"chanels": "RGB"}', "did you mean 'channels'"),
  ],
)
def test_files_of_another_kind_are_refused(tmp_path, content, words):
  (tmp_path / "model.json").write_text(content)
  with pytest.raises(InputError, match=words):
    read_preprocessing(tmp_path / "model.onnx")


@pytest.mark.parametrize(
  ("items", "words"),
  [
    ({"range": 1}, r"mean 104 with range 1: each of its numbers must be from 0 to 1"),
    ({"range": 255, "mean": [0.485, 0.456, 0.406]}, r"mean 0\.485 with range 255: .* from 1 to"),
    ({"deviation": [0.017, 0.017, 0.017]}, r"deviation 0\.017 with range 255: .* 1 to 255"),
    ({"range": 1, "mean": [0, 0, 0]}, r"deviation 50 with range 1: .* from 0\.001 to 1"),
    ({"deviation": [0, 1, 1]}, "deviation 0 with"),
    ({"range": 1, "mean": [0, 0, 0], "deviation": [1e-300] * 3}, "deviation 1e-300 with range 1"),
    ({"mean": [10**400, 0, 0]}, "has mean .*: it must be three numbers"),
    ({"mean": [-1, 0, 0]}, "mean -1 with"),
  ],
)
def test_numbers_in_another_unit_than_the_range_are_refused(tmp_path, items, words):
  with pytest.raises(InputError, match=words):
    read_preprocessing(write(tmp_path, {**tiny_files.HOW, **items}))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("channels", ["RGB", "BGR"])
@pytest.mark.parametrize("whole", [1, 255])
def test_the_input_is_the_definition(layout, channels, whole):
  rng = np.random.default_rng(0)
  count = 3 if "T" in layout else 1
  clips = rng.integers(0, 256, (2, count, 4, 5, 3)).astype(np.float32)
  mean = [0.1 * whole, 0.2 * whole, 0.3 * whole]
  how = Preprocessing(
    (4, 5), channels, whole, tuple(mean), (0.5, 0.25, 1.0), "bilinear", count, False, layout
  )
  found = network_input(clips, how, np.dtype(np.float32))
  assert found.flags.c_contiguous
  sizes = {"N": 2, "T": count, "C": 3, "H": 4, "W": 5}
  assert found.shape == tuple(sizes[axis] for axis in layout)
  for place in np.ndindex(found.shape):
    at = dict(zip(layout, place, strict=True))
    colour = at["C"] if channels == "RGB" else 2 - at["C"]
    level = clips[at["N"], at.get("T", 0), at["H"], at["W"], colour]
    wanted = (level / 255 * whole - mean[at["C"]]) / how.deviation[at["C"]]
    assert found[place] == pytest.approx(wanted, rel=1e-4, abs=1e-4 * whole)


def test_whole_numbers_are_rounded_grey_levels():
  levels = np.array([0, 0.4, 0.6, 254.5001, 255]).astype(np.float32)
  clips = np.zeros((1, 1, 1, 5, 3), np.float32)
  clips[..., 1] = levels
  how = Preprocessing((1, 5), "RGB", 255, (0, 0, 0), (1, 1, 1), "bilinear", 1, False, "NHWC")
  found = network_input(clips, how, np.dtype(np.uint8))
  assert found.dtype == np.uint8
  assert found[0, 0, :, 1].tolist() == [0, 0, 1, 255, 255]
