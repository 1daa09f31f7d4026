"""Links that lead nowhere, out of the data directory or in a circle are named with the reason."""

import os

import layouts
import pytest

from cosam_jax.data import links, load_dataset
from cosam_jax.data.own_tracklets import read_tracklets
from cosam_jax.errors import InputError


@pytest.mark.parametrize("follow", [False, True])
def test_a_link_that_leads_nowhere_is_the_reason(tmp_path, follow):
  root = layouts.folder(tmp_path / "set")
  frame = root / "train" / "1" / "1" / "t" / "1.jpg"
  frame.unlink()
  frame.symlink_to("/nowhere/1.jpg")
  table = load_dataset("folder", root, follow_links=follow).train
  with pytest.raises(OSError, match=r"it is a link to /nowhere/1.jpg, which does not exist"):
    table.frames.read(1)
  frame.unlink()
  frame.symlink_to(frame.name)
  with pytest.raises(OSError, match=r"it is a link that leads back to itself"):
    table.frames.read(1)


@pytest.mark.parametrize("follow", [False, True])
def test_folders_that_are_broken_links_are_named(tmp_path, follow):
  root = layouts.folder(tmp_path / "set")
  (root / "train" / "2").symlink_to(tmp_path / "gone")
  words = f"is a link to {tmp_path / 'gone'}, which does not exist"
  with pytest.raises(InputError, match=words):
    load_dataset("folder", root, follow_links=follow)
  with pytest.raises(InputError, match=words):
    read_tracklets(root, follow_links=follow)


def test_links_in_a_circle_end(tmp_path):
  root = layouts.folder(tmp_path / "set")
  os.symlink(root, root / "train" / "again")
  with pytest.raises(InputError, match=r"train/again is a link that leads back to .*set"):
    read_tracklets(root, follow_links=True)
  (root / "train" / "again").unlink()
  os.symlink(root / "query", root / "gallery" / "q")
  os.symlink(root / "gallery", root / "query" / "g")
  with pytest.raises(InputError, match=r"leads back to"):
    read_tracklets(root, follow_links=True)


def test_the_first_broken_link_on_the_way_is_the_reason(tmp_path):
  (tmp_path / "there").mkdir()
  (tmp_path / "there" / "x.jpg").touch()
  (tmp_path / "good").symlink_to(tmp_path / "there")
  (tmp_path / "bad").symlink_to(tmp_path / "gone")
  (tmp_path / "self").symlink_to("self")
  (tmp_path / "longer").symlink_to("bad")
  reasons = {
    "there/x.jpg": None,
    "good/x.jpg": None,
    "there/none.jpg": None,
    "good/none.jpg": None,
    "bad": f"it is a link to {tmp_path / 'gone'}, which does not exist",
    "bad/x.jpg": f"{tmp_path / 'bad'} is a link to {tmp_path / 'gone'}, which does not exist",
    "longer": "it is a link to bad, which does not exist",
    "self": "it is a link that leads back to itself, through self",
    "self/x.jpg": f"{tmp_path / 'self'} is a link that leads back to itself, through self",
  }
  assert {name: links.broken_link_reason(tmp_path / name) for name in reasons} == reasons
  for name in ("good", "there", "none"):
    links.require_whole_link(tmp_path / name)
  with pytest.raises(links.BrokenLinkError) as caught:
    links.require_whole_link(tmp_path / "bad")
  assert caught.value.strerror == reasons["bad"]
  assert caught.value.filename == str(tmp_path / "bad")
  links.require_whole_links(tmp_path, ["there", "good", "none"])
  with pytest.raises(InputError, match=r"/self cannot be read: it is a link that leads back to it"):
    links.require_whole_links(tmp_path, ["there", "self", "bad"])


def test_a_path_is_inside_by_where_it_leads(tmp_path):
  root = tmp_path / "set"
  (root / "a").mkdir(parents=True)
  (tmp_path / "set2").mkdir()
  (root / "in").symlink_to(root / "a")
  (root / "out").symlink_to(tmp_path / "set2")
  (tmp_path / "way").symlink_to(root)
  inside = {"": True, "a": True, "a/none.jpg": True, "in/x.jpg": True, "out": False,
            "out/x.jpg": False, "../set2": False, "a/../../set2": False, "../way/a": True,
            "..": False}  # fmt: skip
  for top in (root, tmp_path / "way"):
    assert {name: links.is_inside(top, root / name) for name in inside} == inside
  links.require_inside(root, [root / name for name, is_in in inside.items() if is_in], False)
  links.require_inside(root, [root / "out"], True)
  with pytest.raises(InputError, match=r"set/out leads out of the data directory .*set, to .*set2"):
    links.require_inside(root, [root / "a", root / "out", root / ".."], False)
  (root / "none").symlink_to(tmp_path / "gone")
  with pytest.raises(InputError, match=r"none cannot be read: it is a link to .*gone"):
    links.require_inside(root, [root / "none"], False)


def test_a_circle_is_a_link_to_a_folder_above(tmp_path):
  place = tmp_path / "set" / "train" / "1"
  place.mkdir(parents=True)
  (tmp_path / "set" / "query").mkdir()
  (place / "beside").symlink_to(tmp_path / "set" / "query")
  links.require_no_circle(place, [str(place / "beside")])
  links.require_no_circle(place, [])
  for above in (place, place.parent, tmp_path / "set", tmp_path):
    link = place / f"to_{above.name}"
    link.symlink_to(above)
    with pytest.raises(InputError, match=rf"{link} is a link that leads back to {above}, which"):
      links.require_no_circle(place, [str(place / "beside"), str(link)])
