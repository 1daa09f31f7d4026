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
PUBLISHED_LIST = "publish_files.json"
"""The list of what `--mode=publish` wrote, in its folder."""
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


def check_digests(weights: pathlib.Path) -> None:
  """Compares a published file of weights, and the files beside it, with the record's digests.

  A record of `--mode=export` states none, and a file of another name has no record.

  Raises:
    InputError: the record cannot be read, or a file is not the one that was published.
  """
  record = weights.with_name(RECORD)
  if weights.name not in WEIGHTS or not record.is_file():
    return
  for name, wanted in stated_digests(read_record(record)).items():
    file = weights.with_name(name)
    if file.is_file() and (found := sha256_of(file)) != wanted:
      raise InputError(
        f"{file} has SHA-256 {found[:16]}..., and {RECORD} beside it promises {wanted[:16]}...: it "
        "is damaged, or was changed since it was published; take a whole copy of the folder, or "
        "publish the network again"
      )


def lacking_of_published(folder: pathlib.Path) -> str:
  """The sentence on a published folder without its weights or its record; empty for others.

  The list of files says that it is one; a copy from the Hub has no list, and its record says it.
  """
  there = {name: (folder / name).is_file() for name in (PUBLISHED_LIST, RECORD, SAFETENSORS)}
  if there[RECORD] and there[SAFETENSORS]:
    return ""
  if there[PUBLISHED_LIST]:
    sign = PUBLISHED_LIST
  elif there[RECORD] and SAFETENSORS in stated_digests(read_record(folder / RECORD)):
    sign = RECORD
  else:
    return ""
  lacking = " and ".join(name for name in (RECORD, SAFETENSORS) if not there[name])
  return (
    f"{folder} is a published folder, as its {sign} says, and lacks {lacking}: take a whole copy "
    "of it, or publish the network again"
  )


def sha256_of(path: str | os.PathLike[str]) -> str:
  """The SHA-256 of a file, in hexadecimal digits."""
  with open(path, "rb") as file:
    return hashlib.file_digest(file, "sha256").hexdigest()
