"""Compiled programs whose memory is known, and checked, before they run for the first time."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from absl import logging

from cosam_jax.runtime import host_memory

_LEEWAY = 256 * 2**20  # For all else, such as batches that are read ahead.


class Planned:
  """A jitted function of (state or weights, *arrays), compiled once for each shape of the arrays.

  Called as the function is. Before a program's first call, XLA's plan of its memory is compared
  with what is free, see `host_memory.fit`. On CPUs a call waits for the one before: it would not
  begin earlier, and would have a block of working memory of its own meanwhile.

  Attributes:
    bytes: working memory of the largest program so far by XLA's plan; 0 before the first.
  """

  def __init__(self, function: Any, say: Callable[[str], None] = logging.warning):
    """Compiles nothing yet.

    Args:
      function: of `jax.jit`.
      say: is given the sentence of `host_memory.fit`, if there is one.
    """
    self._function, self._say = function, say
    self._programs: dict[Any, Any] = {}
    self._before = 0
    self._last: jax.Array | None = None
    self.bytes = 0

  def __call__(self, *arguments: Any) -> Any:
    """The function's result."""
    # The first one, a state or weights, is long, and always of the same shapes.
    leaves = jax.tree.leaves(arguments[1:], is_leaf=lambda leaf: leaf is None)
    key = tuple(None if leaf is None else (np.shape(leaf), leaf.dtype) for leaf in leaves)
    if jax.default_backend() == "cpu":
      self._wait()  # Also before compilation, which looks at what is free.
    program = self._programs.get(key)
    if program is None:
      program = self._programs[key] = self._compiled(arguments)
    if jax.default_backend() == "cpu":
      self._bound()
    result = program(*arguments)
    self._last = min(jax.tree.leaves(result), key=lambda leaf: leaf.nbytes)
    return result

  def _compiled(self, arguments: tuple[Any, ...]) -> Any:
    program = self._function.lower(*arguments).compile()
    sizes = program.memory_analysis()
    if sizes is not None:
      planned = int(sizes.temp_size_in_bytes + sizes.output_size_in_bytes)
      planned -= int(sizes.alias_size_in_bytes)
      self.bytes = max(self.bytes, planned)
      if jax.default_backend() == "cpu" and (note := host_memory.fit(planned)):
        self._say(note)
      # What earlier programs worked with is free now, and is not this one's.
      host_memory.give_back()
      self._before = host_memory.resident_bytes() or 0
    return program

  def _wait(self) -> None:
    """Waits for the call before; all of its results are there at the same time."""
    if self._last is not None and not self._last.is_deleted():
      self._last.block_until_ready()

  def _bound(self) -> None:
    """Gives kept memory back if it is more than one block, all that a call needs.

    A free block that small allocations have split cannot serve a call, which then takes another.
    """
    if host_memory.bound(self._before + self.bytes + max(self.bytes // 10, _LEEWAY)):
      # What is held now is needed by others, such as what was compiled meanwhile.
      self._before = max(self._before, host_memory.resident_bytes() or 0)
