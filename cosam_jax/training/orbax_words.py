"""Drops the log lines of orbax that are of no use to people."""

import logging
import pathlib

import absl.logging


class _Warnings(logging.Filter):
  """Drops orbax's log of its own work (dozens of lines a save), and nothing else.

  Orbax logs through absl's one logger, as we do, so the source file of a line decides.
  """

  def filter(self, record: logging.LogRecord) -> bool:
    ours = "orbax" not in pathlib.PurePath(record.pathname).parts
    # Orbax warns when it replaces a killed save's leftovers; this is expected.
    expected = "Attempted to create temporary directory" in str(record.msg)
    return ours or (record.levelno >= logging.WARNING and not expected)


_WARNINGS = _Warnings()


def quieten() -> None:
  """From now on orbax logs only warnings, and not the one about a killed save's leftovers."""
  absl.logging.get_absl_logger().addFilter(_WARNINGS)  # Adding it again has no effect.
