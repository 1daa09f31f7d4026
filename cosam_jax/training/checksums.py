"""SHA-256 of every file of a folder, kept in the folder, to notice bytes that change on disk."""

import hashlib
import json
import os
import pathlib

from cosam_jax.runtime.full_disk import naming
from cosam_jax.runtime.json_files import parse_json
from cosam_jax.runtime.outside_files import MOST_TEXT_BYTES, read_bytes

NAME = "sha256.json"


def write_checksums(folder: pathlib.Path) -> None:
  """Writes the digests of all files below `folder` into it, whole or not at all."""
  digests = {name: _digest(folder / name) for name in sorted(_files(folder))}
  digests[NAME] = _digest_of_list(digests)
  partial = folder / f"{NAME}.partial"
  with naming(partial), open(partial, "w", encoding="utf-8") as file:
    json.dump(digests, file, indent=1)
    file.flush()
    os.fsync(file.fileno())
  partial.replace(folder / NAME)


def damage(folder: pathlib.Path) -> str | None:
  """The fault of the files of `folder`, in words; None if they are as they were written.

  A folder without digests (its process was killed right before it wrote them) cannot be compared,
  and counts as whole.
  """
  own = None
  try:
    digests = parse_json(read_bytes(folder / NAME, MOST_TEXT_BYTES))
    # Older lists have no digest of their own.
    own = digests.pop(NAME, None)
    if own not in (None, _digest_of_list(digests)):
      return f"{NAME}, its list of checksums, is damaged"
    for name, digest in digests.items():
      if _digest(folder / name) != digest:
        return f"{name} has other bytes than were saved"
  except FileNotFoundError as error:
    missing = pathlib.Path(error.filename).relative_to(folder).as_posix()
    if missing == NAME:
      return None
    return f"{missing} is missing" + ("" if own else f", or {NAME}, its list of checksums, damaged")
  except (ValueError, AttributeError, TypeError):
    return f"{NAME}, its list of checksums, is damaged"
  except OSError as error:
    return f"{error.filename}: {error.strerror}"
  return None


def _files(folder: pathlib.Path) -> list[str]:
  files = (path for path in folder.rglob("*") if path.is_file() and path.parent / NAME != path)
  return [path.relative_to(folder).as_posix() for path in files if path.suffix != ".partial"]


def _digest_of_list(digests: dict[str, str]) -> str:
  return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def _digest(path: pathlib.Path) -> str:
  with open(path, "rb") as file:
    return hashlib.file_digest(file, "sha256").hexdigest()
