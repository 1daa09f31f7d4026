"""Names of networks on the Hub, well and badly written."""

import pytest

from cosam_jax.errors import InputError
from cosam_jax.models.hub_names import (
  HubName,
  hub_name,
  is_hub_name,
  why_no_name,
  why_no_repository,
)


@pytest.mark.parametrize(
  ("text", "repository", "revision"),
  [
    ("hf:org/name", "org/name", "main"),
    ("hf:org/name@v1.0", "org/name", "v1.0"),
    ("hf:Org-1/na_me.x@refs/pr/1", "Org-1/na_me.x", "refs/pr/1"),
    ("hf:org/name@" + "0a" * 20, "org/name", "0a" * 20),
  ],
)
def test_a_name_is_a_repository_and_a_revision(text, repository, revision):
  assert hub_name(text) == HubName(repository, revision)
  assert is_hub_name(text)
  assert why_no_name(text) == ""
  assert str(hub_name(text)) == f"hf:{repository}@{revision}"


@pytest.mark.parametrize(
  ("text", "words"),
  [
    ("hf:", "'hf:' names no network on the Hub, since it lacks an organisation or a name"),
    ("hf:org", "lacks an organisation or a name"),
    ("hf:/name", "lacks an organisation or a name"),
    ("hf:org/", "lacks an organisation or a name"),
    ("hf:org@main", "lacks an organisation or a name"),
    ("hf://org/name", "lacks an organisation or a name"),
    ("hf:org/name/more", "letters, digits"),
    ("hf:org/na me", "letters, digits"),
    ("hf:org/-name", "letters, digits"),
    ("hf:../name", "letters, digits"),
    ("hf:org/a..b", "no names with '--', '..'"),
    ("hf:org/a--b", "no names with '--', '..'"),
    ("hf:org/name.git", "no names with '--', '..'"),
    (f"hf:org/{'a' * 100}", "over 96 letters"),
    ("hf:org/name@", "ends with @ and names no revision"),
    ("hf:org/name@a b", "no revision's name after the @"),
    ("hf:org/name@../x", "no revision's name after the @"),
    ("hf:org/name@/x", "no revision's name after the @"),
    ("hf:org/name@v1@v2", "no revision's name after the @"),
  ],
)
def test_what_is_no_name_is_one_sentence_with_the_form(text, words):
  with pytest.raises(InputError) as raised:
    hub_name(text)
  sentence = str(raised.value)
  assert sentence == why_no_name(text)
  assert words in sentence
  assert "write hf:ORGANISATION/NAME, or hf:ORGANISATION/NAME@REVISION" in sentence
  assert "\n" not in sentence


def test_paths_are_no_names(tmp_path, monkeypatch):
  assert not any(map(is_hub_name, ("imagenet", "./hf:org/name", "runs/hf:x", tmp_path, "")))
  # A file that is called like a name is not meant by it.
  monkeypatch.chdir(tmp_path)
  (tmp_path / "hf:org").mkdir()
  (tmp_path / "hf:org" / "name").write_text("weights")
  assert is_hub_name("hf:org/name")


def test_a_repository_alone():
  assert why_no_repository("org/name") == ""
  assert why_no_repository("name")
