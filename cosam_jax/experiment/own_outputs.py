"""Folders for vectors of one's own videos and folders: no input takes another one's place.

In a workdir the folder is `own/NAME`, named after the input. A record of the input lies beside the
vectors, and a folder with another input's vectors is never taken.
"""

import hashlib
import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import EMBEDDINGS_FILE, Embeddings, read_embeddings
from cosam_jax.runtime.output_folders import OutputFolder

PICTURES = "pictures"
"""Beside the embeddings: `00000.jpg`, ... one of each tracklet's frames, by its row."""
PICTURE = "[0-9][0-9][0-9][0-9][0-9]*.jpg"
"""Names of these files, as `pathlib.Path.glob` takes them."""
_LONGEST_NAME, _MOST_BYTES = 100, 200

Source = Mapping[str, Any]


def source_of(
  path: str | os.PathLike, boxes: str | os.PathLike | None = None, **options: Any
) -> dict[str, Any]:
  """The source of vectors: the input, its boxes and other options; plain values."""
  resolved = None if boxes is None else str(pathlib.Path(boxes).resolve())
  return {"input": str(pathlib.Path(path).resolve()), "boxes": resolved, **options}


def own_folder(directory: pathlib.Path) -> OutputFolder:
  """A folder with vectors of one's own tracklets and their pictures."""
  patterns = (EMBEDDINGS_FILE, f"{PICTURES}/{PICTURE}")
  return OutputFolder(directory, "embed", patterns, EMBEDDINGS_FILE, _of_earlier_version)


def folder_for(
  source: Source, *, output: pathlib.Path | None, workdir: pathlib.Path
) -> OutputFolder:
  """The folder for the vectors of an input, looked at before any work.

  Args:
    source: see `source_of`.
    output: the folder that somebody named; None: one in the workdir, named after the input.
    workdir: of the run.

  Raises:
    InputError: a folder that holds another input's vectors or somebody's files, or that is, holds
      or lies in the input.
  """
  if output is not None:
    folder = own_folder(output)
    _check(folder, source)
    held = held_by(folder)
    if held is not None and not _same(held, source):
      raise InputError(
        f"{output} holds the vectors of {vectors_of(held)}, and now they would be those of "
        f"{vectors_of(source)}: give another --output, or remove that folder"
      )
    return folder
  places = [own_folder(workdir / "own" / name) for name in _names(source)]
  of_it = [place for place in places if _same(held_by(place), source)]
  free = [place for place in places if held_by(place) is None and _is_free(place)]
  folder = [*of_it, *free, places[0]][0]
  _check(folder, source)
  return folder


def neighbour_of(folder: OutputFolder, source: Source) -> str | None:
  """A sentence on why the vectors do not go where the input's name alone says; None if they do."""
  first = own_folder(folder.directory.parent / next(_names(source)))
  held = held_by(first)
  if first.directory == folder.directory:
    return None
  whose = f"the vectors of {vectors_of(held)}" if held is not None else "other files"
  return f"{first.directory} holds {whose}, so these go to {folder.directory}"


def held_by(folder: OutputFolder) -> Source | None:
  """The source of the vectors in a folder; None if there are none, or nobody knows."""
  if folder.source is not None:
    return folder.source
  old = _embeddings_of_earlier_version(folder.directory)
  return None if old is None else {"input": str(pathlib.Path(old.origin.dataset).resolve())}


def has_own_pictures(embeddings: pathlib.Path) -> bool:
  """Whether the pictures beside embeddings are of them, as far as a list there says."""
  folder = own_folder(embeddings.parent)
  if embeddings.name != EMBEDDINGS_FILE or folder.source is None:
    return True
  return folder.holds(EMBEDDINGS_FILE, f"{PICTURES}/00000.jpg")


def _same(held: Source | None, source: Source) -> bool:
  """Whether both are one; earlier versions said no more than the input."""
  return held is not None and held in (source, {"input": source["input"]})


def vectors_of(source: Source) -> str:
  """The tracklets of vectors, for people."""
  if "input" not in source:
    return f"the test set of {source.get('dataset')}"
  words = str(source["input"])
  others = {name: value for name, value in source.items() if name != "input" and value}
  more = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in others.items())
  return f"{words} ({more})" if more else words


def _names(source: Source) -> Iterator[str]:
  """Names for the input's folder, the plainest first; the last is nobody else's."""
  path = pathlib.Path(source["input"])
  # What follows a dot is a video's kind, but part of a folder's name.
  stem = path.name if path.is_dir() else path.stem
  yield _short(stem or "input")
  if source.get("boxes"):
    yield _short(f"{stem}_{pathlib.Path(source['boxes']).stem}")
  name = path.name
  if name != stem:
    yield _short(name)
  for parent in path.parents:
    if parent.name:
      name = f"{parent.name}_{name}"
      yield _short(name)
  digest = hashlib.sha256(json.dumps(dict(source), sort_keys=True).encode()).hexdigest()
  yield f"{_short(stem)}_{digest[:12]}"


def _short(name: str) -> str:
  kept = name[-_LONGEST_NAME:]
  while len(os.fsencode(kept)) > _MOST_BYTES:  # Letters have up to four bytes.
    kept = kept[1:]
  return kept


def _is_free(folder: OutputFolder) -> bool:
  try:
    folder.check()
  except InputError:
    return False
  return True


def _check(folder: OutputFolder, source: Source) -> None:
  folder.check(source["input"], *([source["boxes"]] if source.get("boxes") else []))


def _embeddings_of_earlier_version(directory: pathlib.Path) -> Embeddings | None:
  """Embeddings that a version without lists wrote for one's own input, with their pictures."""
  if not (directory / EMBEDDINGS_FILE).is_file() or not (directory / PICTURES).is_dir():
    return None
  try:
    found = read_embeddings(directory / EMBEDDINGS_FILE)
  except InputError:
    return None
  names = sorted(os.listdir(directory / PICTURES))
  whole = names == [f"{row:05d}.jpg" for row in range(len(found.names))]
  return found if whole and not len(found.query_rows) else None


def _of_earlier_version(directory: pathlib.Path) -> list[str]:
  found = _embeddings_of_earlier_version(directory)
  if found is None:
    return []
  return [EMBEDDINGS_FILE, *(f"{PICTURES}/{row:05d}.jpg" for row in range(len(found.names)))]
