"""Rows of flags: legal values, bounds and defaults fit each other, and every flag has a reader."""

import pytest

from cosam_jax.commands.config_flags import CONFIG_FLAGS
from cosam_jax.commands.flag_forms import Flag
from cosam_jax.commands.flag_rows import GENERAL, OWN
from cosam_jax.commands.registry import COMMANDS, MODES

ROWS = GENERAL | OWN
KINDS = {"text", "path", "list", "choice", "whole", "number", "yes"}


def faults(name: str, row: Flag) -> list[str]:
  """The faults of a row."""
  found = [] if row.kind in KINDS else ["kind"]
  if not row.help.endswith("."):
    found.append("help is no sentence")
  if bool(row.legal) != (row.kind == "choice"):
    found.append("legal")
  if row.default is not None and row.kind == "choice" and row.default not in row.legal:
    found.append("default is not legal")
  if (row.least is None) != (row.kind not in ("whole", "number")) or (row.most is None) != (
    row.least is None
  ):
    found.append("bounds")
  if None not in (row.least, row.most, row.default):
    found += [] if row.least <= row.default <= row.most else ["default out of bounds"]
  if row.accepts is not None and not all(map(row.accepts[0], row.default)):
    found.append("default is not accepted")
  if name in CONFIG_FLAGS or name == "config":
    found.append("a flag of the configuration has that name")
  return found


def test_the_rows_are_sound():
  assert {name: wrong for name, row in ROWS.items() if (wrong := faults(name, row))} == {}
  assert not set(GENERAL) & set(OWN)
  assert faults("config", Flag("word", "no sentence", "c", ("a", "b"), 2)) == [
    "kind", "help is no sentence", "legal", "bounds", "a flag of the configuration has that name",
  ]  # fmt: skip


def test_every_own_flag_is_read_by_a_command_and_every_flag_of_a_command_has_a_row():
  read = {flag for command in COMMANDS.values() for flag in command.flags}
  assert read == set(OWN)
  needed = {flag for command in COMMANDS.values() for flag in (*command.needs, *command.instead)}
  assert needed <= set(ROWS)


def test_every_mode_is_legal_and_explained():
  mode = GENERAL["mode"]
  assert (mode.legal, mode.default) == (MODES, "train")
  for name in MODES:
    assert f"{name}: {COMMANDS[name].help}." in mode.help


@pytest.mark.parametrize(
  ("name", "accepted", "refused"),
  [
    ("benchmark_parts", ["step", "input"], ["steps", "", "all"]),
    ("benchmark_stages", ["2", "5"], ["1", "6", "02", ""]),
    ("benchmark_frames", ["2", "1024"], ["1", "1025", "-4", "4.0", "x", "9" * 5000]),
  ],
)
def test_items_of_lists_are_judged_one_by_one(name, accepted, refused):
  accepts, allowed = OWN[name].accepts
  assert [text for text in accepted if not accepts(text)] == []
  assert [text for text in refused if accepts(text)] == []
  assert allowed
