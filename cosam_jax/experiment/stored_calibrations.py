"""Finds the calibration that was stored near vectors and is surely of their network."""

import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from cosam_jax.errors import InputError

Found = TypeVar("Found")
_ABOVE = 3
"""Folders in which a file is looked for, from that of the vectors up: `WORKDIR/own/NAME` is one."""


def first_fitting(
  name: str,
  files: Iterable[pathlib.Path],
  workdir: pathlib.Path | None,
  read: Callable[[pathlib.Path], Found],
  misfit: Callable[[Found], str | None],
  unsure: Callable[[Found], bool],
) -> tuple[Found, pathlib.Path] | None:
  """The first calibration that fits; a sentence is printed for each that is passed over.

  Args:
    name: of the calibration's file.
    files: the inputs; near those that are vectors it is looked for.
    workdir: of the network, where it is looked for first.
    read: reads it; InputError if it cannot be used.
    misfit: why it is not for these vectors; None if it may be.
    unsure: whether nothing says of which network it or the vectors are.
  """
  for path in near(name, files, workdir):
    try:
      found = read(path)
      why = misfit(found)
    except InputError as error:
      print(f"left out: {error}")
      continue
    if why is None and unsure(found):
      why = "nothing says that it is of the same network"
    if why is None:
      return found, path
    print(f"left out: the calibration {path} ({why})")
  return None


def near(
  name: str, files: Iterable[pathlib.Path], workdir: pathlib.Path | None
) -> Iterator[pathlib.Path]:
  """Yields the files of that name in the workdir, and beside and above the vectors, each once."""
  places = [] if workdir is None else [workdir.absolute()]
  for file in files:
    if file.suffix in (".npy", ".npz"):
      places += list(file.absolute().parents)[:_ABOVE]
  for place in dict.fromkeys(places):
    if (place / name).is_file():
      yield place / name
