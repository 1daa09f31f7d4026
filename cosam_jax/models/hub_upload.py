"""Uploads the folder of a network to the Hub."""

import pathlib
import sys
from collections.abc import Collection

from cosam_jax.models.hub_errors import endpoint, hub_client, push_refusal
from cosam_jax.models.hub_names import HubName


def upload(
  folder: pathlib.Path, names: Collection[str], repository: str, ours: Collection[str]
) -> HubName:
  """Makes one commit with the files of a folder; a repository that is missing is made, private.

  Args:
    folder: has the files.
    names: of the files.
    repository: `org/name`.
    ours: names of files that earlier uploads may have left; those not in `names` are removed.

  Returns:
    The repository, with the commit as its revision.

  Raises:
    InputError: the Hub does not let this user write there, or the upload failed.
  """
  hub_client("an upload")
  import huggingface_hub as hub

  silent = not sys.stderr.isatty() and not hub.utils.are_progress_bars_disabled()
  if silent:  # It would draw them for nobody.
    hub.utils.disable_progress_bars()
  try:
    client = hub.HfApi(endpoint=endpoint())
    client.create_repo(repository, private=True, exist_ok=True)
    there = {one.rfilename for one in client.model_info(repository).siblings or ()}
    operations: list[hub.CommitOperationAdd | hub.CommitOperationDelete] = [
      hub.CommitOperationAdd(name, str(folder / name)) for name in names
    ]
    gone = sorted(there & {*ours} - {*names})
    operations += [hub.CommitOperationDelete(name) for name in gone]
    made = client.create_commit(
      repository, operations, commit_message="Publish a network of cosam_jax"
    )
  except Exception as error:  # The client raises kinds of its own, and those of its HTTP library.
    raise push_refusal(error, repository, folder) from error
  finally:
    if silent:
      hub.utils.enable_progress_bars()
  return HubName(repository, made.oid)
