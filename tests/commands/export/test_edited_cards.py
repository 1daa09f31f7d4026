"""The model card of an earlier call: whose it is, and whether it states the licence."""

import json

import pytest

from cosam_jax.commands.export.edited_cards import (
  check_licence,
  digest_of,
  is_edited,
  written_before,
)
from cosam_jax.errors import InputError
from cosam_jax.runtime.output_folders import OutputFolder

NAMES = ("README.md", "export.json")


@pytest.fixture
def folder(tmp_path):
  """A folder with a card and its record, as a call leaves them."""
  made = OutputFolder(tmp_path / "out", "publish", NAMES, "export.json")
  with made.replacing() as partial:
    (partial / "README.md").write_text("card\n")
    (partial / "export.json").write_text(json.dumps({"card": digest_of("card\n")}))
  return made


def test_it_is_edited_if_it_is_not_what_the_record_says(folder):
  out = folder.directory
  assert written_before(out, "card") == digest_of("card\n")
  assert not is_edited(out, folder)
  (out / "README.md").write_text("Card\n")
  assert is_edited(out, folder)
  (out / "README.md").unlink()
  assert not is_edited(out, folder)


def test_without_a_record_the_list_tells_whose_it_is(folder):
  out = folder.directory
  (out / "export.json").unlink()
  assert not is_edited(out, folder)
  (out / "README.md").write_text("mine, and longer")
  with pytest.raises(InputError, match=r"README\.md would be replaced, and this program did not"):
    is_edited(out, folder)


def test_links_and_folders_are_refused(folder):
  out = folder.directory
  (out / "README.md").unlink()
  (out / "README.md").symlink_to(out / "nowhere")
  with pytest.raises(InputError, match=r"README\.md is a link"):
    is_edited(out, folder)
  (out / "README.md").unlink()
  (out / "README.md").mkdir()
  with pytest.raises(InputError, match=r"README\.md is a folder"):
    is_edited(out, folder)


def test_the_licence_must_be_the_stated_one(tmp_path):
  card = tmp_path / "README.md"
  card.write_text('---\nlicense: "mit"\ntags:\n- "video"\n---\n# Mine\n')
  check_licence(card, "mit")
  with pytest.raises(InputError, match=r"states the licence mit, and --licence is gpl-3\.0"):
    check_licence(card, "gpl-3.0")
  card.write_bytes(b"\xff\xfe")
  with pytest.raises(InputError, match="at its head cannot be read"):
    check_licence(card, "mit")
