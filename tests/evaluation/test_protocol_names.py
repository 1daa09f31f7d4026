"""Names of protocols are read as galleries and numbers of frames, and written as they are read."""

import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation.protocol_names import parse_protocol, protocol_name


@pytest.mark.parametrize(
  ("name", "gallery", "frames"),
  [
    ("reference", "reference", None),
    ("official", "official", None),
    ("official_4f", "official", 4),
    ("reference_120f", "reference", 120),
    ("reference_999999999999999999f", "reference", 999_999_999_999_999_999),
  ],
)
def test_a_name_is_a_gallery_and_a_number_of_frames(name, gallery, frames):
  assert parse_protocol(name) == (gallery, frames)
  assert protocol_name(gallery, frames or 0) == name


@pytest.mark.parametrize(
  "name",
  ["", "refrence", "official_0f", "official_04f", "official_4", "reference_f", "official_-4f",
   "Official", "official_4f ", "official_4f\n", f"official_{'9' * 19}f", None, 4],
)  # fmt: skip
def test_another_name_is_refused_with_the_legal_ones(name):
  with pytest.raises(InputError, match="use reference, official, or either with a number"):
    parse_protocol(name)


def test_a_misspelt_gallery_gets_a_suggestion():
  with pytest.raises(InputError, match=r"'oficial'.*did you mean 'official'"):
    parse_protocol("oficial")
