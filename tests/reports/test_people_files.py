"""The files of people: every tracklet once, sheets with pictures, words on certainty."""

import csv
import dataclasses
import json

import linked_people
from PIL import Image

from cosam_jax.reports import people_files
from cosam_jax.reports.people_files import certainty, save_sheets, summary_lines, write_people


def test_every_tracklet_is_a_line_by_person(tmp_path):
  write_people(tmp_path, linked_people.people())
  with (tmp_path / "people.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
  assert [(row["person"], row["name"]) for row in rows] == [
    ("1", "a1"), ("1", "a2"), ("1", "a3"), ("2", "b1"), ("2", "b2"), ("3", "c</script>"),
    ("3", "c2"), ("4", "d"),
  ]  # fmt: skip
  assert (rows[0]["camera"], rows[0]["first_frame"], rows[0]["last_second"]) == ("gate", "3", "4.2")
  assert (rows[0]["chance"], rows[5]["chance"]) == ("0.92", "")
  records = [json.loads(line) for line in (tmp_path / "people.jsonl").read_text().splitlines()]
  assert [one["tracklets"] for one in records] == [3, 2, 2, 1]
  assert records[0]["cameras"] == ["gate", "hall"]
  assert records[0]["members"][0]["name"] == "a1"


def test_a_sheet_has_the_pictures(tmp_path, monkeypatch):
  assert save_sheets(tmp_path, linked_people.people()) == 4
  names = sorted(path.name for path in (tmp_path / "sheets").iterdir())
  assert names == ["00001.jpg", "00002.jpg", "00003.jpg", "00004.jpg"]
  with Image.open(tmp_path / "sheets" / "00002.jpg") as sheet:
    assert sheet.size[0] > 500
  monkeypatch.setattr(people_files, "MOST_SHEETS", 1)
  (tmp_path / "few").mkdir()
  assert save_sheets(tmp_path / "few", linked_people.people()) == 1
  assert [path.name for path in (tmp_path / "few" / "sheets").iterdir()] == ["00002.jpg"]


def test_certainty_is_in_words():
  words = [certainty(one) for one in linked_people.people()]
  assert words == [
    "weakest link right in 51% of such cases", "weakest link right in 92% of such cases",
    "said by corrections", "no link",
  ]  # fmt: skip


def test_the_expected_error_is_stated():
  lines = summary_lines(linked_people.ABOUT)
  assert lines[0] == "8 tracklets are of 4 people, by 4 links"
  assert "expected to be wrong: at least 0.8 of 3 links by distance (25.0%)" in lines[2]
  assert lines[3].startswith("only 8 tracklets: chances come from links among hundreds")
  many = {**linked_people.ABOUT, "tracklets": 100}
  assert "expected to be wrong: 0.8 of 3 links" in summary_lines(many)[-1]


def test_no_link_is_said_to_be_surely_right():
  person = linked_people.people()[0]
  for chance, words in ((0.51, "51%"), (0.99, "99%"), (0.9996, "more than 99%"), (1.0, "more")):
    said = certainty(dataclasses.replace(person, chance=chance, said=False))
    assert said.startswith(f"weakest link right in {words}")
