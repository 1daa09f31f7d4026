"""Reads the pickles inside PyTorch files without PyTorch and without running anything in them.

A pickle is a program for a small stack machine, and the usual loader lets it call any function.
This machine knows only the instructions that a state dict needs, and the names that it may "call"
are entries of the tables in `torch_objects`, each of which builds a plain record. For an object of
any other name, only the name is kept.
"""

import pickletools
import struct
from collections.abc import Callable
from typing import Any, BinaryIO

from cosam_jax.models import torch_objects
from cosam_jax.models.torch_objects import Foreign, Storage, UnreadableError

# ResNet-101 with COSAM needs about 40 thousand; a file with far more is not a state dict.
MAX_INSTRUCTIONS = 2_000_000
# numpy arrays are stored as text, and an instruction that could be repeated makes bytes of it.
_MAX_ENCODED = 256 << 20

# Errors that a damaged file can raise in the standard library and numpy while it is read.
DAMAGE = (
  ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, AssertionError,
  EOFError, MemoryError, RecursionError, SyntaxError, struct.error,
)  # fmt: skip


_LITERALS = {
  "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE",
  "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BINSTRING", "SHORT_BINSTRING",
  "INT", "LONG", "FLOAT", "STRING", "UNICODE", "BYTEARRAY8",
}  # fmt: skip
_EMPTY: dict[str, Callable[[], Any]] = {
  "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": list,
  "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
}  # fmt: skip
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
# Instructions that take everything above the last mark on the stack.
_OF_MARKED = {
  "TUPLE", "LIST", "DICT", "FROZENSET", "OBJ", "INST", "APPENDS", "ADDITEMS", "SETITEMS",
  "POP_MARK",
}  # fmt: skip
# Names as numbers that programs agree on, and ids of storages as text; PyTorch writes neither.
_UNKNOWN_NAMES = ("EXT1", "EXT2", "EXT4", "PERSID")


def run(stream: BinaryIO, storages: dict[str, Storage] | None = None) -> Any:
  """Reads one pickle from `stream`, and no byte after it.

  Args:
    stream: bytes in memory; a file could be asked for more than it has.
    storages: collects every storage that the pickle names.

  Returns:
    Plain dictionaries, lists, tuples, numbers and text. Objects of PyTorch and numpy become
    `Tensor`, `Storage` and `Box` records, all others `Foreign` ones; sets become lists.

  Raises:
    UnreadableError: it has more instructions than any state dict needs, or is damaged.
  """
  try:
    return _run(stream, {} if storages is None else storages)
  except DAMAGE as error:
    raise UnreadableError("is damaged or cut short: download or save it again") from error


def _run(stream: BinaryIO, storages: dict[str, Storage]) -> Any:
  encoded = 0
  stack: list[Any] = []
  marks: list[list[Any]] = []
  memo: dict[int, Any] = {}
  arg: Any
  for count, (opcode, arg, _) in enumerate(pickletools.genops(stream)):
    op = opcode.name
    if count > MAX_INSTRUCTIONS:
      raise UnreadableError(f"is not a state dict: it has over {MAX_INSTRUCTIONS} instructions")
    if op in _LITERALS:
      stack.append(arg)
    elif op in _EMPTY:
      stack.append(_EMPTY[op]())
    elif op in ("BINPUT", "LONG_BINPUT", "PUT"):
      memo[arg] = stack[-1]
    elif op == "MEMOIZE":
      memo[len(memo)] = stack[-1]
    elif op in ("BINGET", "LONG_BINGET", "GET"):
      stack.append(memo[arg])
    elif op == "DUP":
      stack.append(stack[-1])
    elif op == "MARK":
      marks.append(stack)
      stack = []
    elif op in _OF_MARKED:
      items, stack = stack, marks.pop()
      _use_marked(op, arg, items, stack)
    elif op in _TUPLES:
      items = [stack.pop() for _ in range(_TUPLES[op])]
      stack.append(tuple(reversed(items)))
    elif op == "APPEND":
      item = stack.pop()
      torch_objects.extend(stack[-1], [item])
    elif op == "SETITEM":
      value, key = stack.pop(), stack.pop()
      torch_objects.put(stack[-1], [key, value])
    elif op == "GLOBAL":
      stack.append(torch_objects.lookup(*arg.split(" ", 1)))
    elif op == "STACK_GLOBAL":
      name, module = stack.pop(), stack.pop()
      stack.append(torch_objects.lookup(module, name))
    elif op == "BINPERSID":
      stack.append(torch_objects.storage_of(stack.pop(), storages))
    elif op in _UNKNOWN_NAMES:
      stack.append(Foreign(f"an object called {arg!r:.60}"))
    elif op in ("REDUCE", "NEWOBJ", "NEWOBJ_EX"):
      if op == "NEWOBJ_EX":
        stack.pop()  # Drops arguments by name; no object that a state dict needs has any.
      args, function = stack.pop(), stack.pop()
      result = torch_objects.call(function, args)
      encoded += len(result) if isinstance(result, bytes) else 0
      if encoded > _MAX_ENCODED:
        raise UnreadableError("holds more numpy arrays than any checkpoint needs")
      stack.append(result)
    elif op == "BUILD":
      state = stack.pop()
      torch_objects.set_state(stack[-1], state)
    elif op == "POP":
      stack.pop()
    elif op == "STOP":
      return stack.pop()
    elif op not in ("PROTO", "FRAME"):
      raise UnreadableError(f"has the pickle instruction {op}, which no state dict needs")
  raise EOFError


def _use_marked(op: str, arg: Any, items: list[Any], stack: list[Any]) -> None:
  """Carries out an instruction of `_OF_MARKED`; `stack` is the part below the mark."""
  if op == "TUPLE":
    stack.append(tuple(items))
  elif op in ("LIST", "FROZENSET"):
    stack.append(items)
  elif op == "DICT":
    stack.append({})
    torch_objects.put(stack[-1], items)
  elif op == "INST":
    stack.append(torch_objects.call(torch_objects.lookup(*arg.split(" ", 1)), tuple(items)))
  elif op == "OBJ":
    stack.append(torch_objects.call(items[0], tuple(items[1:])))
  elif op in ("APPENDS", "ADDITEMS"):
    torch_objects.extend(stack[-1], items)
  elif op == "SETITEMS":
    torch_objects.put(stack[-1], items)
