"""Several processes as one program: who writes, and how values get from one to the others.

Everything here is a collective: all processes call it, in the same order. With one process it
costs nothing.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from cosam_jax.errors import InputError, TryLaterError

Result = TypeVar("Result")


def is_first() -> bool:
  """Whether this is the process that writes reports (also the only one)."""
  return jax.process_index() == 0


def gather(value: Any) -> list[Any]:
  """The value of each process, in order of processes; only plain values that JSON can hold."""
  if jax.process_count() == 1:
    return [value]
  texts = gather_rows(np.frombuffer(json.dumps(value).encode(), np.uint8))
  return [json.loads(text.tobytes()) for text in texts]


def gather_rows(rows: np.ndarray) -> list[np.ndarray]:
  """The rows of each process; their number may differ, all other axes must be the same."""
  if jax.process_count() == 1:
    return [rows]
  counts = np.ravel(multihost_utils.process_allgather(np.int32(len(rows))))
  padded = np.zeros((counts.max(), *rows.shape[1:]), rows.dtype)
  padded[: len(rows)] = rows
  # Sent as bytes, since jax would turn 64-bit numbers into 32-bit ones.
  flat = np.frombuffer(padded.tobytes(), np.uint8)
  found = np.asarray(multihost_utils.process_allgather(flat))
  return [
    np.frombuffer(one.tobytes(), rows.dtype).reshape(padded.shape)[:count]
    for one, count in zip(found, counts)
  ]


def together(work: Callable[[], Result]) -> Result:
  """Does each process's own work; if one process raises InputError, all raise it.

  Without this, the others would wait for a process that has gone.

  Raises:
    InputError: the error of the first process that raised one.
  """
  result, refused, later = None, None, False
  try:
    result = work()
  except InputError as error:
    if jax.process_count() == 1:
      raise
    refused, later = str(error), isinstance(error, TryLaterError)
  except OSError as error:
    if jax.process_count() == 1:
      raise
    refused = f"{error.strerror or error} ({error.filename}): make it usable and run again"
  for process, (sentence, may_be_later) in enumerate(gather([refused, later])):
    if sentence is not None:
      kind = TryLaterError if may_be_later else InputError
      raise kind(f"process {process} of {jax.process_count()}: {sentence}")
  return result  # type: ignore[return-value]


def first_alone(work: Callable[[], object]) -> None:
  """Does work in the first process alone; the others wait for it."""
  together(lambda: work() if is_first() else None)


def first_before_others(work: Callable[[], Result]) -> Result:
  """Does work in the first process, then in the others, such as making the same folder."""
  if jax.process_count() == 1:
    return work()
  found = together(lambda: work() if is_first() else None)
  return together(lambda: found if is_first() else work())  # type: ignore[return-value]


def check_devices() -> None:
  """Refuses processes with different numbers of devices, which could not have equal shares.

  Raises:
    InputError: it gives the number of each process.
  """
  counts = np.bincount([device.process_index for device in jax.devices()])
  if len(set(counts.tolist())) > 1:
    raise InputError(
      f"the processes have {', '.join(map(str, counts))} devices: each must have as many as the "
      "others, since each reads an equal share of every batch"
    )


def check_agreement(values: Mapping[str, Any], way_out: str) -> None:
  """Refuses processes that differ in a value that must be the same in all.

  Args:
    values: name -> plain value.
    way_out: what to do about it, which ends the error's sentence.

  Raises:
    InputError: the same in every process, with names, values and the processes that have them.
  """
  everyone = gather(dict(values))
  differing = []
  for name in sorted({name for one in everyone for name in one}):
    first = everyone[0].get(name)
    for process, one in enumerate(everyone):
      if one.get(name) != first:
        differing.append(
          f"{name} is {first!r} in process 0 and {one.get(name)!r} in process {process}"
        )
        break
  if differing:
    more = f"; and {len(differing) - 4} more" if len(differing) > 4 else ""
    raise InputError(
      f"the {jax.process_count()} processes do not agree ({'; '.join(differing[:4])}{more}): "
      f"{way_out}"
    )
