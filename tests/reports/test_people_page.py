"""The page of people holds everything itself, and names cannot break out of it."""

import base64
import io
import json
import re

import linked_people
import pytest
from PIL import Image

from cosam_jax.evaluation.corrections import Corrections
from cosam_jax.reports import people_page
from cosam_jax.reports.people_page import write_people_page

NOTHING = Corrections()


def page_of(folder, corrections=NOTHING):
  write_people_page(folder, linked_people.people(), linked_people.ABOUT, corrections)
  return (folder / "people.html").read_text()


def test_it_shows_people_in_the_given_order(tmp_path):
  page = page_of(tmp_path)
  assert re.findall(r'data-number="(\d+)"', page) == ["2", "1", "3", "4"]
  assert page.count("data:image/jpeg;base64,") == 7
  assert page.count("no picture") == 1
  assert not re.findall(r"(?:src|href)=\"(?!data:)", page)


def test_names_and_notes_are_escaped(tmp_path):
  page = page_of(tmp_path, Corrections((("c</script>", "d"),)))
  assert "A &lt;note&gt;." in page
  assert page.count("</script>") == 2
  kept = re.search(r'id="kept">(.*?)</script>', page, re.DOTALL)[1]
  assert json.loads(kept) == {"format": 1, "same": [["c</script>", "d"]], "apart": []}


@pytest.mark.parametrize(
  ("most", "pictures", "note"), [(0, 0, "last 8 tracklets are"), (6, 6, "last tracklet is")]
)
def test_a_long_page_has_pictures_for_the_first_alone(tmp_path, monkeypatch, most, pictures, note):
  assert "shown without pictures" not in page_of(tmp_path)
  monkeypatch.setattr(people_page, "MOST_PICTURES", most)
  page = page_of(tmp_path)
  assert page.count("data:image") == pictures
  assert f"The {note} shown without pictures" in page


def test_pictures_are_stored_larger_if_they_are_not_too_many(tmp_path, monkeypatch):
  def first_size():
    text = re.search(r"base64,([^\"]+)", page_of(tmp_path))[1]
    return Image.open(io.BytesIO(base64.b64decode(text))).size

  assert first_size() == (128, 256)
  monkeypatch.setattr(people_page, "MOST_LARGE", 7)
  assert first_size() == (64, 128)
