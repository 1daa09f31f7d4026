"""Which of orbax's log lines are for people."""

import logging
import pathlib

import absl.logging


class _Warnings(logging.Filter):
  """Drops what orbax tells of its own work (dozens of lines a save), and nothing else.

  Orbax logs through absl's one logger, as we do, so only the place of a line tells them apart.
  """

  def filter(self, record: logging.LogRecord) -> bool:
    ours = "orbax" not in pathlib.PurePath(record.pathname).parts
    # Told when a save replaces what a killed one left: that is how it should be.
    expected = "Attempted to create temporary directory" in str(record.msg)
    return ours or (record.levelno >= logging.WARNING and not expected)


_WARNINGS = _Warnings()


def quieten() -> None:
  """From now on orbax logs warnings alone, and not that it replaces what a killed save left."""
  absl.logging.get_absl_logger().addFilter(_WARNINGS)  # Once, however often it is added.
