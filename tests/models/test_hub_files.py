"""Networks by name from a Hub on this machine: fetched once, checked, and used without it."""

import pathlib
import sys

import hub_server
import pytest
from hub_server import published

from cosam_jax.errors import InputError
from cosam_jax.models.hub_errors import endpoint, hub_client
from cosam_jax.models.hub_files import fetched
from cosam_jax.models.hub_names import hub_name
from cosam_jax.models.weight_register import find_weights, missing_weights, resolve_weights

CONTENT = {"model.safetensors": b"weights" * 100, "calibration.json": b'{"a": 1}'}
NAME = "hf:org/name"
ZEROS = "0" * 64


@pytest.fixture
def hub(tmp_path, monkeypatch):
  with hub_server.running(tmp_path / "cache", monkeypatch) as server:
    yield server


def refused(name=NAME):
  with pytest.raises(InputError) as raised:
    fetched(hub_name(name))
  sentence = str(raised.value)
  assert "\n" not in sentence
  return sentence


def test_it_is_fetched_once_and_then_used_without_a_network(hub):
  commit = hub.add("org/name", published(CONTENT))
  found = fetched(hub_name(NAME))
  assert found.label == f"hf:org/name@{commit}"
  assert found.path.name == "model.safetensors"
  for name, content in CONTENT.items():
    assert found.path.with_name(name).read_bytes() == content
  assert sorted(hub.downloads()) == ["calibration.json", "export.json", "model.safetensors"]
  assert fetched(hub_name(NAME)) == found
  assert len(hub.downloads()) == 3
  hub.stop()
  assert fetched(hub_name(NAME)) == fetched(hub_name(f"{NAME}@{commit}")) == found
  assert resolve_weights(NAME, "resnet18") == found.path
  assert find_weights(NAME, "resnet18").label == found.label


def test_a_branch_moves_and_a_commit_stays(hub):
  first = hub.add("org/name", published(CONTENT))
  hub.repositories["org/name"].refs["v1"] = first
  other = {"model.safetensors": b"others"}
  fetched(hub_name(NAME))
  second = hub.add("org/name", published(other))
  assert fetched(hub_name(NAME)).label == f"hf:org/name@{second}"
  assert fetched(hub_name(NAME)).path.read_bytes() == b"others"
  for revision in (first, "v1"):
    found = fetched(hub_name(f"{NAME}@{revision}"))
    assert found.label == f"hf:org/name@{first}"
    assert found.path.read_bytes() == CONTENT["model.safetensors"]
  # The calibration of the first network is not beside the second.
  assert not fetched(hub_name(NAME)).path.with_name("calibration.json").exists()


def test_a_damaged_download_is_fetched_once_more_and_then_refused(hub):
  hub.add("org/name", published(CONTENT))
  hub.damaged.add("model.safetensors")
  sentence = refused()
  assert "model.safetensors of hf:org/name@" in sentence
  assert "export.json promises" in sentence
  assert hub.downloads().count("model.safetensors") == 2
  hub.damaged.clear()
  assert fetched(hub_name(NAME)).path.read_bytes() == CONTENT["model.safetensors"]
  # So is a file that was damaged on this disk, which without a network is said.
  path = fetched(hub_name(NAME)).path
  path.resolve().write_bytes(b"half")
  assert fetched(hub_name(NAME)).path.read_bytes() == CONTENT["model.safetensors"]
  path.resolve().write_bytes(b"half")
  hub.stop()
  assert "is damaged in the cache, and model.safetensors of org/name" in refused()


@pytest.mark.parametrize(
  ("files", "words"),
  [
    ({"README.md": b"card"}, "has no file export.json at revision 'main', so it is no network"),
    (published(CONTENT, config={}), "lacks the network's configuration, so nobody knows"),
    (published(CONTENT, config=None, files=None),
     "lacks the network's configuration and the SHA-256 of model.safetensors"),
    (published({"calibration.json": b"{}"}), "lacks the SHA-256 of model.safetensors"),
    (published(CONTENT, files={"model.safetensors": ZEROS, "../x": ZEROS}), "lacks the SHA-256"),
    (published(CONTENT, format=2), "has the format '2', and this version reads up to 1"),
    ({**published(CONTENT), "export.json": b"{"}, "its owner should make the folder"),
    (published(CONTENT, files={"model.safetensors": ZEROS, "gone.npz": ZEROS}), "promises 0000"),
  ],
)  # fmt: skip
def test_what_is_no_published_network_says_what_it_lacks(hub, files, words):
  hub.add("org/name", files)
  assert words in refused()


def test_a_file_that_the_record_lists_and_nobody_uploaded_is_named(hub):
  files = published(CONTENT)
  del files["calibration.json"]
  hub.add("org/name", files)
  assert "has no file calibration.json at revision" in refused()


def test_names_that_do_not_exist(hub, monkeypatch):
  hub.add("org/name", published(CONTENT))
  assert "has no repository org/other that may be read from here (HTTP 401)" in refused(
    "hf:org/other"
  )
  monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
  assert "(HTTP 404): if the name is right, the repository is private" in refused("hf:org/other")
  sentence = refused("hf:org/name@v7")
  assert sentence == (
    f"org/name on {hub.address} has no revision 'v7': give a branch, a tag or a commit of it"
  )


def test_private_and_gated_repositories_need_the_clients_own_token(hub, monkeypatch):
  hub.add("org/private", published(CONTENT), private=True)
  hub.add("org/gated", published(CONTENT), gated=True)
  for name in ("private", "gated"):
    sentence = refused(f"hf:org/{name}")
    assert "log in with `hf auth login`, or set HF_TOKEN" in sentence
  assert "is open only to those whom its owner admits" in sentence
  monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
  for name in ("private", "gated"):
    assert fetched(hub_name(f"hf:org/{name}")).path.is_file()


def test_without_a_network_and_without_a_copy(hub):
  hub.stop()
  sentence = refused()
  assert sentence.startswith("export.json of org/name at revision 'main' could not be fetched from")
  assert "Connection refused" in sentence


def test_the_client_may_be_told_to_stay_offline(hub, monkeypatch):
  pytest.importorskip("huggingface_hub", minversion="1.0")  # Older ones read this once.
  hub.add("org/name", published(CONTENT))
  monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
  assert "offline mode is enabled" in refused()
  assert hub.asked == []


def test_a_copy_of_another_revision_does_not_do(hub):
  hub.add("org/name", published(CONTENT))
  fetched(hub_name(NAME))
  hub.stop()
  assert "at revision 'v1' could not be fetched" in refused(f"{NAME}@v1")


def test_a_cache_that_cannot_be_written_to_is_named(hub, tmp_path, monkeypatch):
  hub.add("org/name", published(CONTENT))
  (tmp_path / "file").write_text("no folder")
  monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "file" / "hub"))
  assert "set HF_HOME to a folder that can be written to" in refused()


def test_the_client_is_said_to_be_missing(monkeypatch):
  monkeypatch.setitem(sys.modules, "huggingface_hub", None)
  with pytest.raises(InputError, match=r"hf:org/name@main needs .* pip install huggingface_hub"):
    fetched(hub_name(NAME))
  with pytest.raises(InputError, match="--push needs"):
    hub_client("--push")


@pytest.mark.parametrize(
  ("name", "value", "words"),
  [
    ("HF_ENDPOINT", "hub.example", "HF_ENDPOINT is hub.example: it must begin with http:// or"),
    ("HF_ENDPOINT", "ftp://a:secret@b", "HF_ENDPOINT is ftp://b: it must begin with http:// or"),
    ("HF_TOKEN", "hf_ü", "HF_TOKEN has signs that no token has: log in with"),
    ("HF_TOKEN", "two words", "HF_TOKEN has signs that no token has"),
  ],
)
def test_settings_that_cannot_be_are_named(hub, monkeypatch, name, value, words):
  monkeypatch.setenv(name, value)
  sentence = refused()
  assert words in sentence
  assert "secret" not in sentence
  assert hub.asked == []


def test_the_server_is_the_one_that_the_environment_names(monkeypatch):
  monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1/")
  assert endpoint() == "http://127.0.0.1:1"


def test_a_path_that_is_called_like_a_name_is_not_meant(hub, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  pathlib.Path("hf:org").mkdir()
  pathlib.Path("hf:org/name").write_bytes(b"mine")
  with pytest.raises(InputError, match="has no repository org/name"):
    resolve_weights(NAME, "resnet18")
  assert missing_weights(NAME) == ""
  assert "names no network on the Hub" in missing_weights("hf:org")


def test_a_record_that_was_changed_in_the_cache_is_fetched_again(hub):
  hub.add("org/name", published(CONTENT))
  record = fetched(hub_name(NAME)).path.with_name("export.json")
  wanted = record.read_bytes()
  record.resolve().write_bytes(wanted.replace(b"{", b"{ ", 1))
  assert fetched(hub_name(NAME)).path.with_name("export.json").read_bytes() == wanted
  assert hub.downloads().count("export.json") == 2
