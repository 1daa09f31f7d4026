"""Folders for vectors and masks of one's own videos and folders: no input takes another's place.

In a workdir the folder is `own/NAME` or `masks_chosen/NAME`, named after the input. A record of the
input lies beside the files, and a folder with another input's files is never taken.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cosam_jax.data.box_files import FOUND_OUT, BoxReading
from cosam_jax.data.taken_frames import Taking
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import EMBEDDINGS_FILE, Embeddings, read_embeddings
from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.experiment.network import Network
from cosam_jax.reports.masks_folder import masks_folder
from cosam_jax.runtime.output_folders import OutputFolder

PICTURES = "pictures"
"""The folder beside the embeddings with a frame of each tracklet, by its row: `00000.jpg`, ..."""
PICTURE = "[0-9][0-9][0-9][0-9][0-9]*.jpg"
"""Names of these files, as `pathlib.Path.glob` takes them."""
CHOSEN = "chosen"
"""Of a source: what of the input was chosen; a later choice replaces it."""
_LONGEST_NAME, _MOST_BYTES = 100, 200

Source = Mapping[str, Any]


def source_of(
  path: str | os.PathLike, boxes: str | os.PathLike | None = None, **options: Any
) -> dict[str, Any]:
  """The source of files: the input, its boxes and other options; plain values."""
  resolved = None if boxes is None else str(pathlib.Path(boxes).resolve())
  return {"input": str(pathlib.Path(path).resolve()), "boxes": resolved, **options}


def frame_options(margin: float, reading: BoxReading, taking: Taking) -> dict[str, Any]:
  """The options of a source that say which pixels of the input are used."""
  taken_of = {"frame_stride": taking.stride, "most_frames": taking.most} if not taking.all else {}
  read_as = {"box_reading": str(reading)} if reading != FOUND_OUT else {}
  return {"box_margin": margin, **read_as, **taken_of}


def with_choice(source: Source, network: Network, **choice: Any) -> dict[str, Any]:
  """A source with what was chosen of the input, and the weights; a later choice replaces it."""
  weights = f"{network.label} ({weights_hash(network.variables)})"
  given = {name: value for name, value in choice.items() if value}
  return {**source, CHOSEN: {**given, "weights": weights}}


def replaced(folder: OutputFolder, source: Source) -> str | None:
  """A sentence on the choice whose files those of `source` replace; None if it is the same.

  Args:
    folder: as it is before it is written.
    source: of the new files, from `with_choice`.
  """
  before = (folder.source or {}).get(CHOSEN)
  if before in (None, source[CHOSEN]):
    return None
  words = (
    f"{name} {', '.join(value) if isinstance(value, list) else value}"
    for name, value in before.items()
  )
  return f"they replace those of {', '.join(words)}"


def own_folder(directory: pathlib.Path) -> OutputFolder:
  """A folder with vectors of a user's own tracklets, and their pictures."""
  patterns = (EMBEDDINGS_FILE, f"{PICTURES}/{PICTURE}")
  return OutputFolder(directory, "embed", patterns, EMBEDDINGS_FILE, _of_earlier_version)


def no_earlier_source(directory: pathlib.Path) -> Source | None:
  """None: no version without lists wrote files of this kind."""
  del directory
  return None


@dataclasses.dataclass(frozen=True)
class Kind:
  """A kind of files that belong to one input.

  Attributes:
    noun: names them, for people.
    below: their folder in a workdir.
    folder: gives the output folder in a directory.
    earlier: gives the source of the files there that a version without lists wrote.
  """

  noun: str
  below: str
  folder: Callable[[pathlib.Path], OutputFolder]
  earlier: Callable[[pathlib.Path], Source | None] = no_earlier_source

  def held_in(self, folder: OutputFolder) -> Source | None:
    """The source of the files in a folder; None if there are none, or it is unknown."""
    return self.earlier(folder.directory) if folder.source is None else folder.source


def folder_for(
  source: Source, *, output: pathlib.Path | None, workdir: pathlib.Path, kind: Kind
) -> OutputFolder:
  """The folder for the files of an input, checked before any work.

  Args:
    source: see `source_of`.
    output: the folder that the user named; None: one in the workdir, named after the input.
    workdir: of the run.
    kind: which files.

  Raises:
    InputError: the folder holds files of another input or of the user, or it is, holds or lies in
      the input.
  """
  if output is not None:
    folder = kind.folder(output)
    _check(folder, source)
    held = kind.held_in(folder)
    if held is not None and not _same(held, source):
      raise InputError(
        f"{output} holds the {kind.noun} of {source_words(held)}, and now they would be those of "
        f"{source_words(source)}: give another --output, or remove that folder"
      )
    return folder
  places = [kind.folder(workdir / kind.below / name) for name in _names(source)]
  of_it = [place for place in places if _same(kind.held_in(place), source)]
  free = [place for place in places if kind.held_in(place) is None and _is_free(place)]
  folder = [*of_it, *free, places[0]][0]
  _check(folder, source)
  return folder


def neighbour_of(folder: OutputFolder, source: Source, kind: Kind) -> str | None:
  """A sentence on why files do not go where the input's name alone says; None if they do."""
  first = kind.folder(folder.directory.parent / next(_names(source)))
  held = kind.held_in(first)
  if first.directory == folder.directory:
    return None
  whose = f"the {kind.noun} of {source_words(held)}" if held is not None else "other files"
  return f"{first.directory} holds {whose}, so these go to {folder.directory}"


def has_own_pictures(embeddings: pathlib.Path) -> bool:
  """Whether the pictures beside embeddings belong to them, judged by the list there."""
  folder = own_folder(embeddings.parent)
  if embeddings.name != EMBEDDINGS_FILE or folder.source is None:
    return True
  return folder.holds(EMBEDDINGS_FILE, f"{PICTURES}/00000.jpg")


def _same(held: Source | None, source: Source) -> bool:
  """Whether both sources are the same; earlier versions recorded only the input."""
  return held is not None and _lasting(held) in (_lasting(source), {"input": source["input"]})


def _lasting(source: Source) -> Source:
  """A source without what may change from call to call."""
  return {name: value for name, value in source.items() if name != CHOSEN}


def source_words(source: Source) -> str:
  """What a source is of, for people."""
  if "input" not in source:
    return f"the test set of {source.get('dataset')}"
  words = str(source["input"])
  others = {name: value for name, value in _lasting(source).items() if name != "input" and value}
  more = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in others.items())
  return f"{words} ({more})" if more else words


def _names(source: Source) -> Iterator[str]:
  """Names for the input's folder, the plainest first; the last is unique."""
  path = pathlib.Path(source["input"])
  # The part after a dot is a video's kind, but belongs to a folder's name.
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
  digest = hashlib.sha256(json.dumps(_lasting(source), sort_keys=True).encode()).hexdigest()
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
  # A run may lie in the folder of its data set, of which it reads only what belongs to the set.
  inputs = [source["input"], source.get("boxes")] if "dataset" not in source else []
  folder.check(*filter(None, inputs))


def _embeddings_of_earlier_version(directory: pathlib.Path) -> Embeddings | None:
  """Embeddings that a version without lists wrote for a user's input, with their pictures."""
  if not (directory / EMBEDDINGS_FILE).is_file() or not (directory / PICTURES).is_dir():
    return None
  try:
    found = read_embeddings(directory / EMBEDDINGS_FILE)
  except InputError:
    return None
  names = sorted(os.listdir(directory / PICTURES))
  whole = names == [f"{row:05d}.jpg" for row in range(len(found.names))]
  return found if whole and not len(found.query_rows) else None


def _source_of_earlier_version(directory: pathlib.Path) -> Source | None:
  found = _embeddings_of_earlier_version(directory)
  return None if found is None else {"input": str(pathlib.Path(found.origin.dataset).resolve())}


def _of_earlier_version(directory: pathlib.Path) -> list[str]:
  found = _embeddings_of_earlier_version(directory)
  if found is None:
    return []
  return [EMBEDDINGS_FILE, *(f"{PICTURES}/{row:05d}.jpg" for row in range(len(found.names)))]


VECTORS = Kind("vectors", "own", own_folder, _source_of_earlier_version)
CHOSEN_MASKS = Kind("masks", "masks_chosen", masks_folder)
