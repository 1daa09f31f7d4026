"""Runs a command and notes every change that its Python code makes on disk, by audit events.

  python watched.py LOG FOLDER [flags of cosam_jax.main]

LOG gets one line, event and path, for every change in FOLDER. Writes by native code (checkpoints'
arrays, TensorBoard's files) are not seen.
"""

import os
import runpy
import sys

log, folder = sys.argv[1], os.path.abspath(sys.argv[2])
sys.argv[1:] = sys.argv[3:]
notes = os.open(log, os.O_WRONLY | os.O_CREAT)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "os.link")


def note(event: str, arguments: tuple) -> None:
  """Notes an event that changes something."""
  if event == "open" and not (arguments[2] or 0) & _WRITES:
    return
  if event in ("open", *_CHANGES):
    paths = [one for one in arguments[:2] if isinstance(one, str | bytes | os.PathLike)]
    for path in map(os.path.abspath, map(os.fsdecode, paths)):
      if path.startswith(folder):
        os.write(notes, f"{event} {os.path.relpath(path, folder)}\n".encode())


sys.addaudithook(note)
runpy.run_module("cosam_jax.main", run_name="__main__", alter_sys=True)
