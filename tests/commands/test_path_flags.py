"""Flags of paths: a tilde is the home directory, all else stays as it was written."""

import pytest
from absl import flags

from cosam_jax.commands import path_flags


@pytest.mark.parametrize(
  ("given", "wanted"),
  [
    ("~", "{home}"), ("~/a b", "{home}/a b"), ("a/~", "a/~"), ("./~/a", "./~/a"), ("a//b", "a//b"),
    ("", ""), ("a,b", "a,b"), ("-", "-"),
  ],
)  # fmt: skip
def test_the_texts_of_paths(given, wanted, tmp_path, monkeypatch):
  monkeypatch.setenv("HOME", str(tmp_path))
  parser = path_flags.PathParser()
  assert parser.parse(given) == wanted.format(home=tmp_path)
  assert parser.flag_type() == "path"


def test_a_flag_has_its_default_and_its_refusal_is_absls(tmp_path, monkeypatch):
  monkeypatch.setenv("HOME", str(tmp_path))
  values = flags.FlagValues()
  path_flags.define("place", None, "where", flag_values=values)
  path_flags.define("other", "kept", "where else", flag_values=values)
  values(["program", "--place=~/x"])
  assert (values.place, values.other) == (f"{tmp_path}/x", "kept")
  assert values["place"].serialize() == f"--place={tmp_path}/x"
  with pytest.raises(flags.IllegalFlagValueError, match=r"--place=~nobody2/x.*no user 'nobody2'"):
    values(["program", "--place=~nobody2/x"])
