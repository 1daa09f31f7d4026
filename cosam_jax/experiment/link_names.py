"""Names of linked tracklets: all different, and the same whatever the order of the inputs.

Corrections name tracklets, so a name must not move to another tracklet.
"""

import pathlib
from collections import Counter
from collections.abc import Sequence

from cosam_jax.evaluation.embeddings import EMBEDDINGS_FILE
from cosam_jax.experiment.own_videos import Given


def tracklet_names(
  paths: Sequence[pathlib.Path], given: Sequence[Given], tracklets: Sequence[tuple[int, str]]
) -> tuple[str, ...]:
  """The names of tracklets: `INPUT/NAME`, also of a single input, since more may come later.

  Args:
    paths: the inputs.
    given: what is said about each of them.
    tracklets: (input, its own name) of each; equal names of one input get numbers in their order.
  """
  inputs = input_names(paths, given)
  longer = [f"{inputs[number]}/{name}" for number, name in tracklets]
  again, taken = Counter(longer), {*longer}
  found = []
  for name in longer:
    if again[name] > 1:
      count = 1
      while f"{name} ({count})" in taken:
        count += 1
      name = f"{name} ({count})"
      taken.add(name)
    found.append(name)
  return tuple(found)


def input_names(paths: Sequence[pathlib.Path], given: Sequence[Given]) -> list[str]:
  """Names of inputs.

  A video or folder is called by its name, and vectors by their folder's. Inputs of one name have
  folders above in it, and in brackets what else tells them apart: the file of boxes, or of vectors.
  """
  places = [
    path.absolute().parent if path.suffix == ".npz" else path.absolute().parent / path.stem
    for path in paths
  ]
  parts = [1] * len(places)
  while True:
    names = ["/".join(place.parts[-count:]) for place, count in zip(places, parts, strict=True)]
    holders: dict[str, set[pathlib.Path]] = {}
    for name, place in zip(names, places, strict=True):
      holders.setdefault(name, set()).add(place)
    short = [
      number for number, name in enumerate(names)
      if len(holders[name]) > 1 and parts[number] < len(places[number].parts) - 1
    ]  # fmt: skip
    if not short:
      break
    for number in short:
      parts[number] += 1
  for end in (_file, _kind):
    again = Counter(names)
    ends = [end(path, said) for path, said in zip(paths, given, strict=True)]
    names = [
      f"{name}[{more}]" if again[name] > 1 and more else name
      for name, more in zip(names, ends, strict=True)
    ]
  return names


def _file(path: pathlib.Path, said: Given) -> str:
  """The file of boxes or of vectors, which tells inputs of one place apart; may be empty."""
  if said.boxes is not None:
    return pathlib.Path(said.boxes).stem
  return path.stem if path.suffix == ".npz" and path.name != EMBEDDINGS_FILE else ""


def _kind(path: pathlib.Path, said: Given) -> str:
  """The kind of a video, which tells a file from another one of its name; may be empty."""
  del said
  return path.suffix[1:]
