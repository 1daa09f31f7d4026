"""The page of linked people in a real browser: mouse, keyboard, phone, axe, saved corrections."""

import itertools
import json
import re

import browsers
import linked_people
import numpy as np
import pytest

from cosam_jax.evaluation.corrections import Corrections, applied, read_corrections
from cosam_jax.reports.people_page import write_people_page

pytestmark = pytest.mark.slow
VIEWS = browsers.VIEWS


@pytest.fixture(scope="module")
def browser():
  with browsers.started() as browser:
    yield browser


@pytest.fixture
def opened(browser, tmp_path):
  """Opens the page from the disk; it already has one correction."""
  contexts = []

  def open_page(view="wide"):
    kept = Corrections((), (("a1", "d"),))
    write_people_page(tmp_path, linked_people.people(), linked_people.ABOUT, kept)
    context = browser.new_context(**VIEWS[view], accept_downloads=True)
    contexts.append(context)
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto((tmp_path / "people.html").as_uri())
    return page

  yield open_page
  for context in contexts:
    context.close()


def saved(page, tmp_path, press):
  with page.expect_download() as download:
    press()
  assert download.value.suggested_filename == "corrections.json"
  download.value.save_as(tmp_path / "saved.json")
  assert page.complaints == []
  return json.loads((tmp_path / "saved.json").read_text())


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_no_fault_and_nothing_is_too_wide(opened, view):
  axe = pytest.importorskip("axe_playwright_python.sync_playwright")
  page = opened(view)
  results = axe.Axe().run(page)
  assert results.response["passes"]
  assert results.violations_count == 0, results.generate_report()
  wide, screen = page.evaluate(
    "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
  )
  assert wide <= screen
  sizes = page.evaluate("[...document.images].map(image => image.naturalWidth)")
  assert len(sizes) == 7
  assert min(sizes) > 0


@pytest.mark.parametrize("view", VIEWS)
def test_pictures_can_be_made_larger(opened, view):
  axe = pytest.importorskip("axe_playwright_python.sync_playwright")
  page = opened(view)
  size = "document.images[0].getBoundingClientRect().height"
  small = page.evaluate(size)
  page.get_by_role("button", name="Larger pictures", pressed=False).click()
  assert page.evaluate(size) == 2 * small == page.evaluate("document.images[0].naturalHeight")
  assert axe.Axe().run(page).violations_count == 0
  wide, screen = page.evaluate(
    "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
  )
  assert wide <= screen
  page.get_by_role("button", name="Larger pictures", pressed=True).press("l")
  assert page.evaluate(size) == small


def test_a_phone_has_no_words_about_keys(opened):
  assert opened("wide").locator(".keys").is_visible()
  assert not opened("phone").locator(".keys").is_visible()


@pytest.mark.parametrize("view", ["wide", "phone"])
def test_buttons_accept_split_and_merge(opened, tmp_path, view):
  page = opened(view)
  page.get_by_role("button", name="Accept person 2").click()
  page.get_by_role("button", name="a2, camera hall").click()
  page.get_by_role("button", name="Split person 1").click()
  page.get_by_label("Choose person 2 to merge").check()
  page.get_by_label("Choose person 4 to merge").check()
  page.get_by_role("button", name="Merge chosen people").click()
  assert "Merged person 2, person 4. 3 made" in page.get_by_role("status").inner_text()
  found = saved(page, tmp_path, page.get_by_role("button", name="Save corrections.json").click)
  assert sorted(found["same"]) == [["b1", "b2"], ["b1", "d"], ["b2", "d"]]
  assert sorted(found["apart"]) == [["a1", "a2"], ["a1", "d"], ["a2", "a3"]]
  assert read_corrections(tmp_path / "saved.json").same[0] == ("b1", "b2")


def test_the_keyboard_does_the_same(opened, tmp_path):
  page = opened()
  for key in "jajs":  # Person 2 accepted; person 1 split between the sides of its weakest link.
    page.keyboard.press(key)
  assert page.evaluate("document.activeElement.dataset.number") == "1"
  for key in "jmjm":  # Persons 3 and 4 chosen.
    page.keyboard.press(key)
  page.keyboard.press("Enter")
  assert "3 made" in page.get_by_role("status").inner_text()
  found = saved(page, tmp_path, lambda: page.keyboard.press("d"))
  assert len(found["same"]) == 4
  assert ["b1", "b2"] in found["same"]
  assert ["c</script>", "d"] in found["same"]
  assert sorted(found["apart"]) == [["a1", "a3"], ["a1", "d"], ["a2", "a3"]]
  page.keyboard.press("u")
  page.keyboard.press("u")
  found = saved(page, tmp_path, lambda: page.keyboard.press("d"))
  assert (found["same"], found["apart"]) == ([["b1", "b2"]], [["a1", "d"]])


def test_everything_can_be_reached_by_tab(opened):
  page = opened()
  reached = set()
  for _ in range(40):
    page.keyboard.press("Tab")
    reached.add(page.evaluate("document.activeElement.getAttribute('aria-label') || "
                              "document.activeElement.textContent.trim()"))  # fmt: skip
  assert {"Accept person 2", "Split person 1", "Choose person 4 to merge"} <= reached
  assert "Save corrections.json" in reached


def test_what_is_said_later_counts(opened, tmp_path):
  page = opened()
  page.get_by_role("button", name="Accept person 1").click()
  page.get_by_role("button", name="a2, camera hall").click()
  page.get_by_role("button", name="Split person 1").click()
  found = saved(page, tmp_path, lambda: page.keyboard.press("d"))
  assert found["same"] == [["a1", "a3"]]
  assert sorted(found["apart"]) == [["a1", "a2"], ["a1", "d"], ["a2", "a3"]]


def names_of(pairs):
  return sorted(tuple(sorted(pair)) for pair in pairs)


def split_off(page, tracklet, person):
  page.get_by_role("button", name=re.compile(f"^{tracklet}\\b")).click()
  page.get_by_role("button", name=f"Split person {person}").click()


def test_a_person_of_three_people_is_split_twice(opened, tmp_path):
  page = opened()
  split_off(page, "a1", 1)
  split_off(page, "a2", 1)
  found = saved(page, tmp_path, lambda: page.keyboard.press("d"))
  assert found["same"] == []
  assert names_of(found["apart"]) == [("a1", "a2"), ("a1", "a3"), ("a1", "d"), ("a2", "a3")]


def test_what_was_split_off_is_not_merged_with_the_rest(opened, tmp_path):
  page = opened()
  split_off(page, "a3", 1)
  page.get_by_label("Choose person 1 to merge").check()
  page.get_by_label("Choose person 2 to merge").check()
  page.get_by_role("button", name="Merge chosen people").click()
  found = saved(page, tmp_path, lambda: page.keyboard.press("d"))
  assert names_of(found["same"]) == [
    (first, second) for first, second in itertools.combinations(["a1", "a2", "b1", "b2"], 2)
  ]
  assert names_of(found["apart"]) == [("a1", "a3"), ("a1", "d"), ("a2", "a3")]


def test_a_split_after_a_merge_parts_from_all_who_were_merged(opened, tmp_path):
  page = opened()
  page.get_by_label("Choose person 1 to merge").check()
  page.get_by_label("Choose person 2 to merge").check()
  page.get_by_role("button", name="Merge chosen people").click()
  split_off(page, "a3", 1)
  found = saved(page, tmp_path, lambda: page.keyboard.press("d"))
  apart = set(names_of(found["apart"]))
  assert {("a3", name) for name in ("b1", "b2")} <= apart
  assert {("a1", "a3"), ("a2", "a3")} <= apart
  assert len(found["same"]) == 6
  applied(read_corrections(tmp_path / "saved.json"), ["a1", "a2", "a3", "b1", "b2", "d"],
          np.arange(6))  # fmt: skip
