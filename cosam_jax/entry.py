"""The console script `cosam-jax`: first what needs nothing slow, then the door."""

import sys

from cosam_jax.runtime import terminal, version


def run() -> None:
  """Settles where text goes, answers `--version` at once, and hands over to `main.run`."""
  terminal.settle()
  version.answer(sys.argv[1:])
  from cosam_jax import main

  main.run()
