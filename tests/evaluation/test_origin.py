"""Origins of embeddings: descriptions in files, old, odd or of another shape."""

import json

import numpy as np
import pytest
from evaluation_embeddings import made

from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import read_embeddings, write_embeddings
from cosam_jax.evaluation.origin import Origin, check_about


def test_a_file_that_is_older_than_mirror_images_has_none(tmp_path):
  write_embeddings(tmp_path / "new.npz", made(origin=Origin("mars", flip=True)))
  with np.load(tmp_path / "new.npz") as file:
    content = dict(file)
  for change, message in ((None, None), (1, "its flip is 1"), ("no", "its flip is 'no'")):
    about = json.loads(str(content["about"]))
    if change is None:
      del about["flip"]
    else:
      about["flip"] = change
    np.savez(tmp_path / "old.npz", **content | {"about": np.array(json.dumps(about))})
    if message is None:
      assert read_embeddings(tmp_path / "old.npz").origin.flip is False
    else:
      with pytest.raises(InputError, match=message):
        read_embeddings(tmp_path / "old.npz")


ABOUT = (
  "[" * 100_000, "[]", "3", '"text"', '{"format": 1, "dataset": "a", "warnings": 3}',
  '{"format": 1, "dataset": ["a"], "warnings": []}',
  '{"format": 1, "dataset": "a", "warnings": [1]}',
  '{"format": 1, "dataset": "a", "warnings": [], "num_frames": 1' + "0" * 4000 + "}",
  '{"format": 1, "dataset": "a", "warnings": [], "num_frames": NaN}',
  '{"format": 1, "dataset": "a", "warnings": [], "num_frames": true}',
  '{"format": 1, "dataset": "a", "warnings": [], "split": 1e400}',
  '{"format": 1, "dataset": "a", "warnings": [], "config": []}',
  '{"format": 1, "dataset": "a", "warnings": [], "unknown": 1}', '{"format": 1' + "0" * 5000 + "}",
  '{"format": {"a": [1]}}', "{",
)  # fmt: skip


@pytest.mark.parametrize("about", ABOUT, ids=range(len(ABOUT)))
def test_descriptions_of_another_shape_are_refused_in_a_sentence(tmp_path, about):
  path = tmp_path / "e.npz"
  write_embeddings(path, made())
  with np.load(path) as file:
    content = dict(file)
  np.savez(path, **content | {"about": np.array(about)})
  with pytest.raises(InputError) as error:
    read_embeddings(path)
  assert len(str(error.value)) < 600


def test_a_card_has_the_facts_about_the_vectors():
  facts = {"file": "model.onnx"}
  origin = Origin(
    "mars", "official", 4, 2, "step 3", "ab12", {"seed": 0}, warnings=("x",), foreign=facts
  )
  assert origin.of_card == {
    "num_frames": 4, "split": 2, "checkpoint": "step 3", "checkpoint_hash": "ab12", "flip": False,
    "foreign": facts,
  }  # fmt: skip


@pytest.mark.parametrize(
  ("field", "value"),
  [
    ("num_frames", -1), ("num_frames", 1 << 31), ("split", False), ("most_frames", 2.0),
    ("checkpoint", 3), ("test_set", ["ab"]), ("dataset", None), ("protocol", 4), ("config", "x"),
    ("numbering", []), ("warnings", "x"), ("warnings", ["x", None]), ("flip", 0), ("flip", None),
  ],
)  # fmt: skip
def test_a_value_of_another_type_is_named(field, value):
  sound = {"dataset": "mars", "num_frames": 0, "split": None, "flip": True, "warnings": ["x"]}
  check_about(sound)
  check_about({})
  with pytest.raises(ValueError, match=f"its {field} is "):
    check_about(sound | {field: value})


def test_long_values_are_cut_and_the_longest_numbers_are_not_written():
  with pytest.raises(ValueError, match="its num_frames is a long number"):
    check_about({"num_frames": 10**5000})
  with pytest.raises(ValueError, match=r"its config is '.{59}$"):
    check_about({"config": "x" * 1000})
  with pytest.raises(ValueError, match="is not a JSON object"):
    check_about([])


@pytest.mark.parametrize(
  ("change", "words"),
  [
    ({"learned": None}, None), ({"learned": True}, None), ({"people": "training"}, None),
    ({"learned": 1}, "its learned is 1"), ({"learned": "no"}, "its learned is 'no'"),
    ({"people": 3}, "its people is 3"), ({"people": True}, "its people is True"),
    ({"vectors_hash": ["a"]}, "its vectors_hash is"), ({"split": False}, "its split is False"),
  ],
)  # fmt: skip
def test_who_the_people_are_is_a_text_and_whether_they_were_learned_yes_or_no(change, words):
  about = {"format": 1, "dataset": "mars", "warnings": []} | change
  if words is None:
    check_about(about)
    return
  with pytest.raises(ValueError, match=words):
    check_about(about)
