"""Uploads to a Hub on this machine."""

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
    (place / name).write_text(CARD if name == "README.md" else name)
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


def test_files_of_an_earlier_network_go_and_somebody_elses_stay(hub, folder, monkeypatch):
  monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
  hub.add("org/name", {"calibration.json": b"{}", "notes.md": b"mine", "README.md": b"old"})
  made = upload(folder, OURS[:3], "org/name", OURS)
  files = hub.repositories["org/name"].commits[made.revision]
  assert sorted(files) == ["README.md", "export.json", "model.safetensors", "notes.md"]
  assert files["README.md"] == CARD.encode()
  assert not hub.repositories["org/name"].private


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
