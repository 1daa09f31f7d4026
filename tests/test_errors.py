"""Errors for people: one line of a length that can be read, and the closest word to a wrong one."""

import signal

import pytest

from cosam_jax.errors import (
  InputError,
  Preempted,
  TryLaterError,
  printable,
  renaming,
  stop_signals,
  suggestion,
)


@pytest.mark.parametrize(
  ("text", "shown"),
  [
    ("plain Ünï 人 'x'", "plain Ünï 人 'x'"),
    ("a\nb\tc\rd", r"a\nb\tc\rd"),
    ("\x1b[31mred", r"\x1b[31mred"),
    ("right\u202eleft", r"right\u202eleft"),
    ("\udcff.jpg", r"\udcff.jpg"),
    ("\U000e0001", r"\U000e0001"),
  ],
)
def test_what_cannot_be_seen_is_escaped(text, shown):
  assert printable(text) == shown
  assert str(InputError(text)) == shown


def test_characters_that_are_kept():
  assert printable("a\nb\tc", keep="\n") == "a\nb\\tc"


def test_the_middle_of_a_long_message_is_left_out():
  whole = "a" * 1900
  assert str(InputError(whole)) == whole
  cut = str(InputError("a" * 5000 + "b" * 5000))
  assert cut == f"{'a' * 950} ... {'b' * 950}"


def test_kinds_of_errors():
  assert issubclass(TryLaterError, InputError)
  assert issubclass(InputError, ValueError)
  request = Preempted("after step 3", by="SIGUSR1")
  assert not isinstance(request, Exception)
  assert (str(request), request.by, Preempted().by) == ("after step 3", "SIGUSR1", "SIGTERM")


def test_signals_that_stop_are_all_but_the_ignored_ones():
  every = [signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM]
  assert stop_signals() == every
  before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
  try:
    assert stop_signals() == [signal.SIGINT, signal.SIGUSR1, signal.SIGTERM]
  finally:
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
  ("word", "said"),
  [("temporl", "; did you mean 'temporal'?"), ("seed", "; did you mean 'seed'?"), ("xyz", ""),
   ("", "")],
)  # fmt: skip
def test_the_closest_word_is_suggested(word, said):
  assert suggestion(word, iter(["spatial", "temporal", "seed"])) == said


@pytest.mark.parametrize(
  ("wanted", "found", "said"),
  [
    ("bbox_train", ["bbox_Train", "info"], "; rename 'bbox_Train' to 'bbox_train'"),
    ("bbox_train", ["bbox-train"], "; rename 'bbox-train' to 'bbox_train'"),
    ("bbox_train", ["info", "readme"], ""),
    ("bbox_train", [], ""),
  ],
)
def test_the_closest_name_that_is_there_is_to_be_renamed(wanted, found, said):
  assert renaming(wanted, found) == said
