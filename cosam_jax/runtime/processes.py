"""Several processes, on one host or many: how they find each other, and values they must share.

  explicit   --coordinator_address=HOST:PORT --num_processes=N --process_id=I
  SLURM      srun with more than one task: no flag
  TPU        a slice of several hosts: no flag on GKE, --hosts=tpu on TPU VMs

Imports nothing slow, since a process that is alone needs none of it.
"""

import contextlib
import hashlib
import importlib.metadata
import ipaddress
import os
import pathlib
import platform
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.runtime import process_end

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "tensorflow",
            "tensorflow-cpu", "pillow")  # fmt: skip
EXPLICIT = ("coordinator_address", "num_processes", "process_id")
FLAGS = (*EXPLICIT, "hosts")
_BIND = "JAX_COORDINATOR_BIND_ADDRESS"
_LEAVE_WITHIN = 60
"""Seconds that a process waits at its end for the others; after that all of them end."""


def arguments(values: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any] | None:
  """The arguments of `jax.distributed.initialize`; None for a process that is alone.

  Args:
    values: the flags `FLAGS`.
    environment: the environment's variables.

  Raises:
    InputError: flags that do not fit together.
  """
  given = [name for name in EXPLICIT if values[name] is not None]
  if given and len(given) < len(EXPLICIT):
    missing = next(name for name in EXPLICIT if name not in given)
    raise InputError(
      f"--{given[0]} is given without --{missing}: give --{', --'.join(EXPLICIT)} or none of them"
    )
  if given:
    if values["hosts"] != "auto":
      raise InputError(f"--hosts={values['hosts']} and --coordinator_address: give one of them")
    if not re.fullmatch(r".+:\d+", values["coordinator_address"]):
      raise InputError(
        f"--coordinator_address is {values['coordinator_address']!r}: it must be HOST:PORT"
      )
    if values["process_id"] >= values["num_processes"]:
      raise InputError(
        f"--process_id is {values['process_id']}: with --num_processes={values['num_processes']} "
        f"it must be from 0 to {values['num_processes'] - 1}"
      )
    found = {name: values[name] for name in EXPLICIT} | {"cluster_detection_method": "deactivate"}
    if _is_loopback(values["coordinator_address"]) and _BIND not in environment:
      # By default the coordinator listens on every network, and asks for no password.
      found["coordinator_bind_address"] = values["coordinator_address"]
    return found
  if values["hosts"] == "slurm" and "SLURM_STEP_NODELIST" not in environment:
    raise InputError("--hosts is slurm, but this is not a task of srun: start it with srun")
  # Set for tasks of srun, and not for the batch script itself.
  tasks = int(environment.get("SLURM_STEP_NUM_TASKS", "1"))
  if values["hosts"] == "slurm" or (values["hosts"] == "auto" and tasks > 1):
    return {"cluster_detection_method": "slurm"}
  several = "," in environment.get("TPU_WORKER_HOSTNAMES", "")
  if values["hosts"] == "tpu" or (values["hosts"] == "auto" and several):
    return {}  # jax finds the rest in the TPU's environment.
  return None


def first_alone(work: Callable[[], object]) -> None:
  """Does work in the first process alone; the others, if there are any, wait for it."""
  if "jax" not in sys.modules:  # This process is alone, and jax takes seconds to load.
    work()
    return
  import jax

  if not jax.distributed.is_initialized():
    work()
    return
  from cosam_jax.runtime import hosts

  hosts.first_alone(work)


def _is_loopback(address: str) -> bool:
  """Whether HOST of HOST:PORT can only be this machine."""
  host = address.rpartition(":")[0].strip("[]")
  try:
    return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
  except ValueError:  # Another name.
    return False


@contextlib.contextmanager
def joined(
  mode: str,
  agreed: Mapping[str, Any],
  values: Mapping[str, Any],
  *,
  connect: Callable[[], object],
  shared: bool = True,
) -> Iterator[Callable[[int], int]]:
  """Joins the other processes, if there are any, for the length of the block.

  The first process prints; the others print only errors. Errors must be printed inside the block:
  leaving it waits for the others, and a process that failed alone does not return from that wait.

  Args:
    mode: the mode, the same in all.
    agreed: name -> plain value that must be the same in all: the configuration, the places.
    values: the flags `FLAGS`.
    connect: lets the devices of all processes meet once; called if there are several.
    shared: whether several processes can share the mode.

  Yields:
    A function to call last, with this process's exit status, which it returns.

  Raises:
    InputError: the flags do not fit together, the mode is for one process, or the other processes
      cannot be reached or have another configuration, other packages or more or fewer devices.
    SystemExit: something else was raised inside; its traceback has been printed.
  """
  join = arguments(values, os.environ)
  if join is None:
    yield lambda status: status
    return
  if not shared:
    raise InputError(
      f"--mode={mode} is work for one process: leave the other processes out, or give --hosts=one"
    )
  import jax

  from cosam_jax.runtime import hosts

  # These are for CPUs; accelerators have their own.
  jax.config.update("jax_cpu_collectives_implementation", "gloo")
  try:
    jax.distributed.initialize(**join, shutdown_timeout_seconds=_LEAVE_WITHIN)
  except (RuntimeError, ValueError) as error:
    reason = " ".join(str(error).split())[:200]
    raise InputError(
      f"the processes could not find each other ({reason}): see that all were started, and that "
      "--coordinator_address is an address of process 0 that the others reach"
    ) from error
  try:
    hosts.check_devices()
    hosts.check_agreement(
      {"mode": mode, **agreed, **versions()},
      "start all with the same command, in the same environment",
    )
    # Now, while all are here: later, a process would wait only half a minute for the others.
    connect()
    with contextlib.ExitStack() as stack:
      if hosts.is_first():
        print(f"{jax.process_count()} processes, {jax.device_count()} devices")
      else:
        nowhere = stack.enter_context(open(os.devnull, "w"))
        stack.enter_context(contextlib.redirect_stdout(nowhere))
      try:
        yield _ending_with
      except Exception:
        traceback.print_exc()
        sys.exit(_ending_with(1))
  finally:
    with contextlib.suppress(RuntimeError):  # The others have ended already.
      jax.distributed.shutdown()


def _ending_with(status: int) -> int:
  """If this process failed, it exits with its own status even if the others never arrive."""
  if status:
    process_end.at_latest(_LEAVE_WITHIN - 5, status)
  return status


def versions() -> dict[str, str]:
  """Name -> version of everything that the processes' numbers depend on, our own files included."""
  found = {"Python": platform.python_version()}
  for name in PACKAGES:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
      found[name] = importlib.metadata.version(name)
  digest = hashlib.sha256()
  package = pathlib.Path(__file__).parents[1]  # All of cosam_jax, not runtime alone.
  for path in sorted(package.rglob("*.py")):
    digest.update(f"{path.relative_to(package)}\n".encode() + path.read_bytes())
  return found | {"cosam_jax's files (digest)": digest.hexdigest()[:12]}
