"""The legal values of a flag in words."""

import pytest

from cosam_jax.commands.flag_forms import (
  Flag,
  choice_flag,
  list_flag,
  path_flag,
  text_flag,
  whole_flag,
  yes_flag,
)


@pytest.mark.parametrize(
  ("flag", "words"),
  [
    (text_flag("A text."), "a text"),
    (path_flag("A place."), "a path"),
    (list_flag("Some."), "a list, with commas"),
    (yes_flag("Whether."), ""),
    (choice_flag("One.", "a", "b"), "a, b"),
    (whole_flag("A number.", least=2, most=5), "an integer at least 2 and at most 5"),
    (Flag("number", "A share.", least=0.5), "a number at least 0.5"),
  ],
)
def test_legal_values_in_words(flag, words):
  assert flag.allowed() == words
