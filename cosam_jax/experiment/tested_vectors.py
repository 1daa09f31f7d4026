"""The test set's vectors in a run's folder; they never replace those of a user's own tracklets."""

import pathlib
from collections.abc import Mapping
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import EMBEDDINGS_FILE, read_embeddings
from cosam_jax.experiment.evaluated_set import may_be_same
from cosam_jax.experiment.own_outputs import PICTURE, PICTURES, source_words
from cosam_jax.runtime.output_folders import OutputFolder

_REMEDY = f"move {EMBEDDINGS_FILE} and {PICTURES} away, or give another --workdir"


def tested_folder(directory: pathlib.Path) -> OutputFolder:
  """A folder with the test set's vectors; its list is the same as for a user's own tracklets."""
  return OutputFolder(
    directory, "embed", (EMBEDDINGS_FILE,), EMBEDDINGS_FILE, _of_earlier_version, _REMEDY
  )


def check_tested(folder: OutputFolder, source: Mapping[str, Any]) -> None:
  """Refuses, before any work, a folder whose files the test set's vectors must not replace.

  Args:
    folder: see `tested_folder`.
    source: of the vectors, see `evaluation_sources.source_of`.

  Raises:
    InputError: the folder holds the vectors of other tracklets, or their pictures, which a search
      would show as the test set's.
  """
  directory = folder.directory
  held = tested_source(directory)
  if held is not None and not _same_tracklets(held, source):
    raise InputError(
      f"{directory} holds the vectors of {source_words(held)}, and now they would be those of "
      f"{source_words(source)}: {_REMEDY}"
    )
  folder.check()
  picture = next(iter(sorted((directory / PICTURES).glob(PICTURE))), None)
  if picture is not None:
    raise InputError(
      f"a search would show {picture} as a picture of the test set, and it is of other "
      f"tracklets: {_REMEDY}"
    )


def tested_source(directory: pathlib.Path) -> Mapping[str, Any] | None:
  """The source of the vectors in a folder; None if there are none, or it is unknown."""
  folder = tested_folder(directory)
  if folder.source is not None:
    return folder.source if folder.names else None
  return _stated(directory)


def _same_tracklets(held: Mapping[str, Any], source: Mapping[str, Any]) -> bool:
  # Earlier versions named a data set of folders after its last folder.
  names = (held.get("dataset"), held.get("fields", {}).get("data.name"))
  return source["dataset"] in names and may_be_same(held.get("test_set"), source["test_set"])


def _stated(directory: pathlib.Path) -> dict[str, Any] | None:
  """The source in a file of vectors of a version without lists; None if there is no such file."""
  try:
    found = read_embeddings(directory / EMBEDDINGS_FILE)
  except InputError:
    return None
  origin = found.origin
  if not len(found.query_rows):
    return {"input": origin.dataset}
  names = ("dataset", "checkpoint_hash", "test_set")
  return {name: getattr(origin, name) for name in names} | {"fields": dict(origin.config)}


def _of_earlier_version(directory: pathlib.Path) -> list[str]:
  return [EMBEDDINGS_FILE] if "dataset" in (_stated(directory) or {}) else []
