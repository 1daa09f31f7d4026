"""The console script `cosam-jax`: first what needs nothing slow, then the door."""

import sys

from cosam_jax import version


def run() -> None:
  """Answers `--version` at once, and hands over to `main.run`."""
  version.answer(sys.argv[1:])
  from cosam_jax import main

  main.run()
