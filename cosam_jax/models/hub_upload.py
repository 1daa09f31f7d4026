"""Uploads the folder of a network to the Hub."""

import contextlib
import hashlib
import pathlib
import sys
from collections.abc import Collection
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.models.exported_record import (
  CARD,
  CARD_DIGEST,
  CARD_FACTS,
  RECORD,
  read_record,
)
from cosam_jax.models.hub_errors import address, endpoint, hub_client, push_refusal
from cosam_jax.models.hub_names import HubName
from cosam_jax.runtime.quiet import warn


def upload(
  folder: pathlib.Path, names: Collection[str], repository: str, ours: Collection[str]
) -> HubName:
  """Makes one commit with the files of a folder; a repository that is missing is made, private.

  Args:
    folder: has the files.
    names: of the files.
    repository: `org/name`. A model card that was edited there stays, and a warning says so.
    ours: names of files that earlier uploads may have left; those not in `names` are removed.

  Returns:
    The repository, with the commit as its revision.

  Raises:
    InputError: the repository has such files of somebody else, the Hub does not let this user
      write there, or the upload failed.
  """
  hub_client("an upload")
  import huggingface_hub as hub

  silent = not sys.stderr.isatty() and not hub.utils.are_progress_bars_disabled()
  if silent:  # It would draw them for nobody.
    hub.utils.disable_progress_bars()
  try:
    client = hub.HfApi(endpoint=endpoint())
    client.create_repo(repository, private=True, exist_ok=True)
    info = client.model_info(repository)
    there = {one.rfilename for one in info.siblings or ()}
    facts = read_record(folder / RECORD).get(CARD_FACTS)
    kept = _edited_card(client, repository, info.sha, there, ours, facts)
    operations: list[hub.CommitOperationAdd | hub.CommitOperationDelete] = [
      hub.CommitOperationAdd(name, str(folder / name)) for name in names if name != kept
    ]
    gone = sorted(there & {*ours} - {*names})
    operations += [hub.CommitOperationDelete(name) for name in gone]
    made = client.create_commit(
      repository, operations, commit_message="Publish a network of cosam_jax"
    )
  except InputError:
    raise
  except Exception as error:  # The client raises kinds of its own, and those of its HTTP library.
    raise push_refusal(error, repository, folder) from error
  finally:
    if silent:
      hub.utils.enable_progress_bars()
  return HubName(repository, made.oid)


def _edited_card(
  client: Any,
  repository: str,
  revision: str | None,
  there: Collection[str],
  ours: Collection[str],
  facts: Any,
) -> str | None:
  """The name of a model card that was edited on the Hub; None if there is none.

  Args:
    client, repository, revision: the repository.
    there: names of its files. ours: as of `upload`.
    facts: the digest of what the new card says.

  Raises:
    InputError: the repository has files of our names that no upload of this program left.
  """
  if not (found := sorted({*there} & {*ours})):
    return None

  def fetched(name: str) -> pathlib.Path:
    return pathlib.Path(client.hf_hub_download(repository, name, revision=revision))

  record: dict[str, Any] = {}
  if RECORD in there:
    with contextlib.suppress(InputError):
      record = read_record(fetched(RECORD))
  written = record.get(CARD_DIGEST)
  if written is None:
    raise InputError(
      f"{repository} on {address()} has {', '.join(found)}, which --mode=publish did not upload: "
      "they would be replaced; give another --push, or remove them there first"
    )
  if CARD not in there:
    return None
  if hashlib.sha256(fetched(CARD).read_bytes()).hexdigest() == written:
    return None
  other = ", although a new one would say other things"
  but = "" if record.get(CARD_FACTS) == facts else other
  warn(f"{CARD} was edited in {repository}, so it stays there as it is{but}")
  return CARD
