"""Old names of modules that have moved; documents once named them, and they still work.

`install` adds a finder after Python's own ones. For an old name it returns the module itself, with
a warning that gives the new name.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
import warnings
from collections.abc import Sequence

MOVED = {
  "cosam_jax.data.figures": "cosam_jax.data.drawn",
  "cosam_jax.data.synthetic": "cosam_jax.data.drawn.synthetic",
  "cosam_jax.evaluation.masks": "cosam_jax.evaluation.mask_numbers",
  "cosam_jax.export": "cosam_jax.commands.export.exporter",
  "cosam_jax.own_videos": "cosam_jax.experiment.own_videos",
  "cosam_jax.reports.masks": "cosam_jax.reports.mask_pictures",
  "cosam_jax.saved_network": "cosam_jax.experiment.network",
}
"""Old name -> new name."""


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
  """Finds modules by their old names."""

  def find_spec(
    self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
  ) -> importlib.machinery.ModuleSpec | None:
    """A specification for an old name; None for all others."""
    del path, target
    return importlib.machinery.ModuleSpec(fullname, self) if fullname in MOVED else None

  def exec_module(self, module: types.ModuleType) -> None:
    """Puts the moved module in place of the empty one that Python made for the old name."""
    old = module.__name__
    warnings.warn(f"{old} is now {MOVED[old]}", DeprecationWarning, stacklevel=2)
    sys.modules[old] = importlib.import_module(MOVED[old])


def install() -> None:
  """Makes the old names work; a second call does nothing."""
  if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
    sys.meta_path.append(_Finder())
