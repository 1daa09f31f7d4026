"""A checkpoint's step and arrays, read without the library that wrote them."""

import json
import shutil

import jax
import pytest
from checkpoint_states import state_of

from cosam_jax.training.saved_arrays import check_about, count_arrays, saved_step


@pytest.fixture
def nine(three, tmp_path):
  """A copy of the checkpoint of step 9."""
  return shutil.copytree(three / "checkpoints" / "9", tmp_path / "nine")


def test_the_step_is_the_states_whatever_the_folders_name(three, nine):
  assert saved_step(nine) == 9
  assert [saved_step(three / "checkpoints" / str(step)) for step in (3, 6)] == [3, 6]


def test_every_array_of_the_state_counts(nine):
  assert count_arrays(nine) == len(jax.tree.leaves(state_of(9)))


def test_without_a_state_there_is_no_step_and_no_array(nine):
  shutil.rmtree(nine / "state")
  with pytest.raises(ValueError, match="there is no state in it that can be opened"):
    saved_step(nine)
  assert count_arrays(nine) == 0


def test_a_damaged_database_has_neither(nine):
  (nine / "state" / "manifest.ocdbt").write_bytes(b"damaged")
  for read in (saved_step, count_arrays):
    with pytest.raises(ValueError, match=r"no state in it|decoding"):
      read(nine)


@pytest.mark.parametrize(
  ("content", "words"),
  [
    ("[]", "about/metadata is a list, and must be a JSON object"),
    ("3", "about/metadata is a int, and must"),
    ("", "about/metadata cannot be read: "),
    ('{"a": NaN}', "about/metadata cannot be read: "),
    ("[" * 100_000, "about/metadata cannot be read: it is nested"),
    (None, "about/metadata cannot be read: No such file"),
  ],
)
def test_values_beside_the_state_are_a_mapping_or_the_fault_is_named(nine, content, words):
  check_about(nine)
  file = nine / "about" / "metadata"
  assert json.loads(file.read_text())["step"] == 9
  if content is None:
    file.unlink()
  else:
    file.write_text(content)
  with pytest.raises(ValueError, match=words):
    check_about(nine)
