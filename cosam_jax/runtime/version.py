"""`--version`: answered before anything slow is loaded."""

import contextlib
import importlib.metadata
import platform
import sys
from collections.abc import Sequence

from cosam_jax import __version__

_SHOWN = ("jax", "flax", "tensorflow", "tensorflow-cpu", "numpy")


def text() -> str:
  """A line with this package's version, and one with the libraries' that affect numbers."""
  found = [f"Python {platform.python_version()}"]
  for name in _SHOWN:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
      found.append(f"{name} {importlib.metadata.version(name)}")
  return f"cosam-jax {__version__}\n{', '.join(found)}"


def answer(arguments: Sequence[str]) -> None:
  """Prints the versions and ends the process, if `--version` is among the arguments."""
  flags = list(arguments)
  if "--" in flags:
    flags = flags[: flags.index("--")]
  if "--version" in flags or "-version" in flags:
    print(text(), flush=True)
    sys.exit(0)
