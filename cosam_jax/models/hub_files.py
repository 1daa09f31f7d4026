"""Fetches networks by name from the Hub, and keeps them in its client's cache (`HF_HOME`).

The first use fetches the record, which fixes the commit, and then the files that it lists, at this
commit. Each file must have the SHA-256 that the record states. Later uses only ask whether the
revision is another commit by now; without a network, they take what is there.
"""

import hashlib
import pathlib
import re
from collections.abc import Mapping
from typing import NamedTuple

from cosam_jax.errors import InputError
from cosam_jax.models.exported_record import (
  RECORD,
  SAFETENSORS,
  read_record,
  sha256_of,
  stated_digests,
)
from cosam_jax.models.hub_errors import endpoint, fetch_refusal, hub_client
from cosam_jax.models.hub_names import HubName

_HEX = re.compile("[0-9a-f]+")
_SECONDS = 10
"""How long to wait for the server's first answer."""


class Found(NamedTuple):
  """A weights file that was looked up.

  Attributes:
    path: of the file.
    label: names it for people and in records: the file's name, or `hf:org/name@commit`.
  """

  path: pathlib.Path
  label: str


def fetched(name: HubName) -> Found:
  """The weights of a published network; the files that belong to them lie beside them.

  Raises:
    InputError: there is no such repository or revision, it may not be read, it is no published
      network, a file is damaged, or there is no network and nothing in the cache.
  """
  hub_client(str(name))
  record_file = _fetch(name, RECORD)
  if _is_damaged(record_file):
    record_file = _fetch(name, RECORD, again=True)
  commit = name._replace(revision=record_file.parent.name)
  owner = "its owner should make the folder with --mode=publish"
  record = read_record(record_file, f"{commit} has it so; {owner}, or name another revision")
  digests = stated_digests(record)
  lacking = []
  if not (isinstance(record.get("config"), Mapping) and record["config"]):
    lacking.append("the network's configuration")
  if SAFETENSORS not in digests:
    lacking.append(f"the SHA-256 of {SAFETENSORS}")
  if lacking:
    raise InputError(
      f"{RECORD} of {commit} lacks {' and '.join(lacking)}, so nobody knows what its weights are: "
      f"{owner}"
    )
  for file, digest in digests.items():
    _fetch_whole(commit, file, digest)
  return Found(record_file.with_name(SAFETENSORS), str(commit))


def _is_damaged(path: pathlib.Path) -> bool:
  """Whether a file of the cache is not the one that the server named; unknown without links.

  The cache calls a file by git's SHA-1 of it, and a large one by its SHA-256.
  """
  name, content = path.resolve().name, path.read_bytes()
  plain = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
  wanted = {40: plain, 64: hashlib.sha256(content).hexdigest()}.get(len(name), name)
  return bool(_HEX.fullmatch(name)) and name != wanted


def _fetch_whole(name: HubName, file: str, digest: str) -> None:
  """Fetches a file, once more if what is in the cache is damaged."""
  if sha256_of(_fetch(name, file)) == digest:
    return
  try:
    found = sha256_of(_fetch(name, file, again=True))
  except InputError as error:
    raise InputError(f"{file} of {name} is damaged in the cache, and {error}") from error
  if found != digest:
    raise InputError(
      f"{file} of {name} has SHA-256 {found[:16]}..., and {RECORD} promises {digest[:16]}...: it "
      "is damaged, or was changed by somebody; try again later, or name another revision"
    )


def _fetch(name: HubName, file: str, again: bool = False) -> pathlib.Path:
  """The path of a file in the cache: `.../snapshots/COMMIT/FILE`.

  Args:
    name: the repository and the revision; a commit that is in the cache needs no network.
    file: in the repository.
    again: fetch it even if it is in the cache.
  """
  import huggingface_hub as hub

  repository, revision, server = name.repository, name.revision, endpoint()
  try:
    cached = hub.try_to_load_from_cache(repository, file, revision=revision)
    if not again and not isinstance(cached, str):
      # This fails at once without a network. The download itself would try for half a minute.
      address = hub.hf_hub_url(repository, file, revision=revision, endpoint=server)
      hub.get_hf_file_metadata(address, timeout=_SECONDS)
    path = hub.hf_hub_download(
      repository, file, revision=revision, endpoint=server, force_download=again
    )
  except Exception as error:  # The client raises kinds of its own, and those of its HTTP library.
    raise fetch_refusal(error, repository, revision, file) from error
  return pathlib.Path(path)
