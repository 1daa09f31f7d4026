"""Orbax says nothing of its own work; warnings and our own lines come through."""

import logging

import absl.logging
import pytest
from checkpoint_states import restored, state_of

from cosam_jax.training import orbax_words
from cosam_jax.training.checkpoints import Checkpoints


def test_orbax_is_quiet_and_our_own_lines_are_not(tmp_path):
  lines = []
  handler = logging.Handler()
  handler.emit = lambda record: lines.append(record.getMessage())
  logger = absl.logging.get_absl_logger()
  level = logger.level
  logger.addHandler(handler)
  logger.setLevel(logging.DEBUG)
  try:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(3, state_of(3), {})
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.about(3) == {}
    restored(checkpoints, 3)
    absl.logging.info("a line of ours")
    absl.logging.warning("a warning of ours")
  finally:
    logger.removeHandler(handler)
    logger.setLevel(level)
  assert lines == ["a line of ours", "a warning of ours"]


@pytest.mark.parametrize(
  ("path", "level", "message", "shown"),
  [
    ("/lib/orbax/checkpoint/a.py", logging.INFO, "saved", False),
    ("/lib/orbax/checkpoint/a.py", logging.WARNING, "the disk is slow", True),
    ("/lib/orbax/a.py", logging.ERROR, "failed", True),
    ("/lib/orbax/a.py", logging.WARNING, "Attempted to create temporary directory x", False),
    ("/somewhere/cosam_jax/a.py", logging.INFO, "saved", True),
    ("/somewhere/not_orbax/a.py", logging.DEBUG, "saved", True),
  ],
)
def test_the_file_and_the_level_of_a_line_decide(path, level, message, shown):
  orbax_words.quieten()
  orbax_words.quieten()  # A second call changes nothing.
  logger = absl.logging.get_absl_logger()
  record = logging.LogRecord("absl", level, path, 1, message, (), None)
  assert bool(logger.filter(record)) is shown
