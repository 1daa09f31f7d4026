"""A command called in this process, as the command line would call it."""

import importlib
import pathlib

from cosam_jax.commands.call import Call
from cosam_jax.commands.config_flags import CONFIG_FLAGS
from cosam_jax.commands.flags import ROWS
from cosam_jax.commands.registry import COMMANDS


def call(mode: str, config=None, workdir=None, words=(), **flags) -> Call:
  """Builds the `Call` that the command line would; flags that are not given have their defaults."""
  values = {name: row.default for name, row in ROWS.items()} | flags
  place = None if workdir is None else pathlib.Path(workdir)
  return Call(mode, config, place, values, dict.fromkeys(CONFIG_FLAGS), words)


def run(mode: str, config=None, workdir=None, words=(), **flags) -> None:
  """Runs the command."""
  importlib.import_module(COMMANDS[mode].module).run(call(mode, config, workdir, words, **flags))
