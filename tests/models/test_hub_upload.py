"""Uploads to a Hub on this machine."""

import hashlib
import json

import hub_server
import pytest

from cosam_jax.errors import InputError
from cosam_jax.models.hub_upload import upload

CARD = "---\nlicense: mit\n---\n"
OURS = ("README.md", "export.json", "model.safetensors", "calibration.json")


@pytest.fixture
def hub(tmp_path, monkeypatch):
  with hub_server.running(tmp_path / "cache", monkeypatch) as server:
    yield server


@pytest.fixture
def folder(tmp_path):
  place = tmp_path / "published"
  place.mkdir()
  for name in (*OURS, "example.npz"):
    (place / name).write_text({"README.md": CARD, "export.json": "{}"}.get(name, name))
  return place


def test_a_new_repository_is_private_and_has_the_files_that_were_named(hub, folder, monkeypatch):
  monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
  made = upload(folder, OURS, "org/name", OURS)
  there = hub.repositories["org/name"]
  assert there.private
  assert str(made) == f"hf:org/name@{there.refs['main']}"
  files = there.commits[made.revision]
  assert files.pop(".gitattributes") == b""
  assert files == {name: (folder / name).read_bytes() for name in OURS}


def record(card):
  return json.dumps({"card": hashlib.sha256(card).hexdigest()}).encode()


def test_files_of_an_earlier_network_go_and_somebody_elses_stay(hub, folder, monkeypatch):
  monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
  hub.add("org/name", {"calibration.json": b"{}", "notes.md": b"mine", "README.md": b"old",
                       "export.json": record(b"old")})  # fmt: skip
  made = upload(folder, OURS[:3], "org/name", OURS)
  files = hub.repositories["org/name"].commits[made.revision]
  assert sorted(files) == ["README.md", "export.json", "model.safetensors", "notes.md"]
  assert files["README.md"] == CARD.encode()
  assert not hub.repositories["org/name"].private


def test_a_card_that_was_edited_on_the_hub_stays(hub, folder, monkeypatch, capsys):
  monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
  hub.add("org/name", {"README.md": b"mine", "export.json": record(b"old")})
  made = upload(folder, OURS, "org/name", OURS)
  files = hub.repositories["org/name"].commits[made.revision]
  assert files["README.md"] == b"mine"
  assert files["export.json"] == b"{}"
  assert "README.md was edited in org/name, so it stays there as it is\n" in capsys.readouterr().out


def test_a_new_card_that_says_other_things_is_told(hub, folder, monkeypatch, capsys):
  monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
  (folder / "export.json").write_text('{"card_facts": "others"}')
  hub.add("org/name", {"README.md": b"mine", "export.json": record(b"old")})
  upload(folder, OURS, "org/name", OURS)
  assert "stays there as it is, although a new one would say other" in capsys.readouterr().out


@pytest.mark.parametrize("record", [None, b"{}", b"cut", b"[]"])
def test_a_repository_of_somebody_else_is_not_overwritten(hub, folder, monkeypatch, record):
  monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
  more = {} if record is None else {"export.json": record}
  hub.add("o/theirs", {"README.md": b"theirs", "model.safetensors": b"theirs", **more})
  before = hub.repositories["o/theirs"].refs["main"]
  with pytest.raises(InputError, match=r"README\.md, .*model\.safetensors, which --mode=publish"):
    upload(folder, OURS, "o/theirs", OURS)
  assert hub.repositories["o/theirs"].refs["main"] == before


def test_no_password_of_an_address_is_shown(hub, folder, monkeypatch):
  address = hub.address.replace("://", "://me:s3cret@")
  monkeypatch.setenv("HF_ENDPOINT", address)
  with pytest.raises(InputError) as raised:
    upload(folder, OURS, "org/name", OURS)
  assert "s3cret" not in str(raised.value)
  assert hub.address in str(raised.value)


def test_what_cannot_be_uploaded_is_one_sentence(hub, folder, monkeypatch):
  with pytest.raises(InputError) as raised:
    upload(folder, OURS, "org/name", OURS)
  assert str(raised.value) == (
    f"{hub.address} does not let org/name be written (HTTP 401): log in with `hf auth login`, or "
    "set HF_TOKEN, with a token that may write there, and give the command again; "
    f"{folder} is complete"
  )
  monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
  (folder / "README.md").write_text("no front matter")
  with pytest.raises(InputError, match=r"could not be uploaded .*license.* is missing") as raised:
    upload(folder, OURS, "org/name", OURS)
  assert "\n" not in str(raised.value)
  hub.stop()
  with pytest.raises(InputError, match=r"could not be uploaded .*Connection refused"):
    upload(folder, OURS, "org/name", OURS)
