"""Different names look different in pictures, whatever their letters and length."""

import pytest

from cosam_jax.reports.lettering import drawable, fit, font, wrap

FACE = font(12)


@pytest.mark.parametrize("width", [60, 96, 200])
def test_names_are_cut_where_they_are_equal(width):
  names = [f"a/very/long/folder/of_a_camera/person_{i:04d}" for i in range(50)]
  shown = [fit(name, FACE, width) for name in names]
  assert len(set(shown)) == len(names)
  assert all(FACE.getlength(text) <= width for text in shown)
  assert all("..." in text for text in shown)
  assert fit("short", FACE, width) == "short"


def test_letters_that_the_font_lacks_are_escaped():
  assert drawable("\u5f20\u4e09", FACE) == r"\u5f20\u4e09"
  assert drawable("a\ud800\x00\u202e", FACE) == r"a\ud800\x00\u202e"
  assert fit("\u5f20", FACE, 200) != fit("\u5f21", FACE, 200)
  for text in (
    "Jos\u00e9",
    "\u041f\u0440\u0438\u0432\u0435\u0442",
    "\u03b1\u03b2\u03b3",
    "a b-c_d.e/f",
  ):
    assert drawable(text, FACE) == text
  assert wrap("\u5f20 b", FACE, 400) == [r"\u5f20 b"]
