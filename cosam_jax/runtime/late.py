"""Names of a package whose modules load when a name is first asked for (PEP 562)."""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def late_names(
  package: str, places: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
  """The `__getattr__` and the `__dir__` of a package.

  Args:
    package: the package's `__name__`.
    places: name -> the module that has it.
  """

  def get(name: str) -> Any:
    if name in places:
      return getattr(importlib.import_module(places[name]), name)
    raise AttributeError(f"module {package!r} has no attribute {name!r}")

  def names() -> list[str]:
    return sorted({*vars(sys.modules[package]), *places})

  return get, names
