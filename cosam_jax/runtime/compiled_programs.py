"""Compiled programs are kept on disk, so that a machine compiles the same program only once.

JAX keeps them if it knows a folder; this module names the folder and limits its size.
"""

import contextlib
import hashlib
import pathlib
import platform

import filelock

from cosam_jax.errors import InputError
from cosam_jax.runtime.cache import cache_folder, why_unusable
from cosam_jax.runtime.user_paths import user_path

AUTO, OFF = "auto", "off"
LIMIT_BYTES = 4 * 2**30
"""Beyond this size, the least recently used programs are removed."""


def keep(choice: str = AUTO) -> pathlib.Path | None:
  """Sets JAX's folder for compiled programs. Call before anything is compiled.

  Each kind of machine has a folder of its own below, since programs for CPUs hold instructions that
  not every CPU has, and home directories are shared.

  Args:
    choice: `"auto"`, `"off"`, or a folder.

  Returns:
    The folder; None if programs are not kept, or if the user has set JAX's own option.

  Raises:
    InputError: a folder was given that cannot be written to.
  """
  import jax

  if choice == OFF:
    jax.config.update("jax_enable_compilation_cache", False)
    return None
  told = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
  if choice == AUTO and told is not None:
    return None
  try:
    root = cache_folder() / "compiled" if choice == AUTO else user_path(choice)
  except InputError:  # No home directory.
    if choice == AUTO:
      return None
    raise
  folder = root / _machine()
  if reason := why_unusable(folder):
    if choice == AUTO:  # Nobody asked for it, and it only saves time.
      return None
    raise InputError(
      f"--compiled_programs is {choice!r}, which cannot be used ({reason}): give a folder that can "
      f"be written to, or {OFF}"
    )
  _forget_torn(folder)
  jax.config.update("jax_compilation_cache_dir", str(folder))
  jax.config.update("jax_compilation_cache_max_size", LIMIT_BYTES)
  return folder


def _forget_torn(folder: pathlib.Path) -> None:
  """Removes programs that a killed process did not finish writing.

  JAX writes a program and then the time of its last use, under a lock. A program without that time
  may be cut short: JAX then fails to read it, and keeps no further programs.
  """
  # JAX's own lock. A process that holds it for so long is writing, and will finish.
  with contextlib.suppress(filelock.Timeout), filelock.FileLock(folder / ".lockfile", timeout=10):
    for program in folder.glob("*-cache"):
      if not program.with_name(program.name.removesuffix("-cache") + "-atime").exists():
        program.unlink(missing_ok=True)


def _machine() -> str:
  """A name for this machine's kind: its architecture and a digest of its CPU's features."""
  try:
    lines = pathlib.Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    about = next((line for line in lines if line.startswith(("flags", "Features"))), "")
  except OSError:
    about = platform.processor()
  return f"{platform.machine() or 'cpu'}-{hashlib.sha256(about.encode()).hexdigest()[:12]}"
