"""`export.json`, the record beside exported weights: names, format, and digests of the files.

`--mode=export` and `--mode=publish` write it. It has the network's configuration, without which the
weights alone say nothing of the frames that they take.
"""

import hashlib
import os
import pathlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.runtime.json_files import read_json

RECORD = "export.json"
SAFETENSORS, PICKLED = "model.safetensors", "model.pth.tar"
WEIGHTS = (SAFETENSORS, PICKLED)
RECORD_FORMAT = 1
"""The newest format that is written and read; records of earlier versions do not say theirs."""
DIGESTS = "files"
"""The entry of a published record with the SHA-256 of each file beside it."""
CARD, CARD_DIGEST = "README.md", "card"
"""The model card of a published network, and the entry of the record with its SHA-256."""
CARD_FACTS = "card_facts"
"""The entry with the SHA-256 of the card without the repository's name: of what it says."""
TRAINED_HERE = "trained"
"""The entry that says whether this program trained the weights; earlier versions have none."""
_HEX = re.compile("[0-9a-f]{64}")
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")


def read_record(path: pathlib.Path, remedy: str = "export again") -> dict[str, Any]:
  """The content of a record; empty if it is not an object.

  Args:
    path: of the record.
    remedy: what to do if it cannot be read.

  Raises:
    InputError: it cannot be read, or its format is newer than this program.
  """
  record = read_json(path, "the record of an export", remedy)
  if not isinstance(record, dict):
    return {}
  found = record.get("format", RECORD_FORMAT)
  if type(found) is not int or not 1 <= found <= RECORD_FORMAT:
    raise InputError(
      f"{path} has the format {str(found)[:40]!r}, and this version reads up to {RECORD_FORMAT}: "
      "it was written by a newer cosam-jax, so update this one"
    )
  return record


def digests_of(folder: pathlib.Path, names: Iterable[str]) -> dict[str, str]:
  """Name -> SHA-256 in hexadecimal digits, of files in a folder."""
  return {name: sha256_of(folder / name) for name in names}


def stated_digests(record: Mapping[str, Any]) -> dict[str, str]:
  """The digests that a record states; empty if it states none, or not as `digests_of` made them.

  The names are those of files beside the record, and of none elsewhere.
  """
  found = record.get(DIGESTS)
  sound = isinstance(found, dict) and all(
    _PLAIN.fullmatch(name) and isinstance(digest, str) and _HEX.fullmatch(digest)
    for name, digest in found.items()
  )
  return dict(found) if sound and isinstance(found, dict) else {}


def sha256_of(path: str | os.PathLike[str]) -> str:
  """The SHA-256 of a file, in hexadecimal digits."""
  with open(path, "rb") as file:
    return hashlib.file_digest(file, "sha256").hexdigest()
