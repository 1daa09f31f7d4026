"""The two sides of a search: vectors from files, or vectors that are embedded for the search."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from cosam_jax.data.stored_pictures import read_picture
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import read_embeddings
from cosam_jax.evaluation.fingerprints import vectors_hash, weights_hash
from cosam_jax.evaluation.search import Rows, VectorFile
from cosam_jax.evaluation.sightings import NEVER_SEEN, Sighting
from cosam_jax.experiment.decisions import network_facts, network_folder
from cosam_jax.experiment.embedder import Embedder
from cosam_jax.experiment.flat_config import complete
from cosam_jax.experiment.network import network_asked_for
from cosam_jax.experiment.network_settings import settings_of_embeddings, settings_of_network
from cosam_jax.experiment.own_outputs import PICTURES, has_own_pictures
from cosam_jax.experiment.own_videos import NOTHING_SAID, Given, embed_own


def never_seen(row: int) -> Sighting:
  """The sighting of every row of a side without cameras and times."""
  del row
  return NEVER_SEEN


@dataclasses.dataclass(frozen=True, eq=False)
class Side:
  """The queries or the gallery.

  Attributes:
    path: the path that was given.
    vectors: [n, D].
    name: row -> name, for people.
    picture: row -> uint8[H, W, 3], or None if there is none.
    weights: hash of the network's weights; None if unknown.
    distance: the distance that the network's run ranks by; None if unknown.
    seen: row -> where and when the tracklet was seen.
    dataset: the data set whose numbers the identities are; None if there are none.
    flip: whether vectors are means of clips and their mirror images; None if unknown.
    settings: of the network, see `network_settings`; empty if unknown.
    vectors_hash: see `fingerprints.vectors_hash`; None if unknown.
  """

  path: pathlib.Path
  vectors: Rows
  name: Callable[[int], str]
  picture: Callable[[int], np.ndarray | None]
  weights: str | None = None
  distance: str | None = None
  seen: Callable[[int], Sighting] = never_seen
  dataset: str | None = None
  flip: bool | None = None
  settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  vectors_hash: str | None = None


@dataclasses.dataclass(frozen=True)
class Networks:
  """The network of the command, loaded only if frames must be embedded.

  Attributes:
    config: the configuration of --config; None if it is left out.
    workdir: the folder of the checkpoints; None if --workdir is left out.
    weights: those of --weights, which go before the checkpoints; None if it is left out.
  """

  config: ConfigDict | None = None
  workdir: pathlib.Path | None = None
  weights: str | None = None

  @functools.cached_property
  def embedder(self) -> Embedder:
    """The embedder; InputError if there is no network."""
    if self.workdir is None and self.weights is None:
      raise InputError(
        "--workdir is missing: frames are embedded by the network of a run; give its folder, or "
        "give embeddings"
      )
    workdir = self.workdir or pathlib.Path()
    return Embedder(network_asked_for(self.config, workdir, self.weights))

  @property
  def facts(self) -> dict[str, Any]:
    """What a calibration of links compares of this network; InputError if there is no network."""
    return {**network_facts(self.embedder.network), "distance": None}

  @functools.cached_property
  def place(self) -> pathlib.Path | None:
    """The folder in which calibrations of the network may lie; None if there is none."""
    if self.weights is None:
      return self.workdir
    found = self.embedder.network.place
    return None if found is None else network_folder(found)


def open_side(path: pathlib.Path, networks: Networks, given: Given = NOTHING_SAID) -> Side:
  """Reads vectors, or embeds frames.

  Args:
    path: embeddings.npz, a .npy file of vectors, a folder of tracklets, or a video.
    networks: embeds folders and videos.
    given: what is said about these.

  Raises:
    InputError: the input cannot be used, or has boxes and no frames.
  """
  check_side(path, given)
  if path.suffix == ".npy":
    return Side(path, VectorFile(path), lambda row: f"row {row}", lambda row: None)
  if path.suffix == ".npz":
    saved = read_embeddings(path)
    pictures = path.parent / PICTURES
    shown = has_own_pictures(path)
    if not shown and pictures.is_dir():
      print(f"left out: {pictures}, which an earlier call wrote with other vectors than {path}")
    return Side(
      path,
      saved.vectors,
      lambda row: str(saved.names[row]),
      lambda row: _saved_picture(pictures / f"{row:05d}.jpg") if shown else None,
      saved.origin.checkpoint_hash,
      complete(saved.origin.config).get("evaluation.distance"),
      saved.seen,
      saved.origin.dataset,
      saved.origin.flip,
      settings_of_embeddings(saved),
      saved.origin.vectors_hash,
    )
  embedder = networks.embedder
  own = embed_own(embedder, path, **vars(given))
  return Side(
    path,
    own.vectors,
    own.names.__getitem__,
    own.picture,
    weights_hash(embedder.network.variables),
    embedder.network.flat.get("evaluation.distance"),
    own.seen,
    flip=embedder.inference.flip,
    settings=settings_of_network(embedder.network),
    vectors_hash=vectors_hash(embedder.network.variables),
  )


def check_side(path: pathlib.Path, given: Given = NOTHING_SAID) -> None:
  """Refuses an input that does not exist, or has boxes and no frames; InputError."""
  if given.boxes is not None and path.suffix in (".npy", ".npz"):
    raise InputError(
      f"--boxes has {given.boxes} for {path}, which has vectors and no frames: leave its place "
      "empty"
    )
  if not path.exists():
    raise InputError(
      f"{path} does not exist: give embeddings.npz of --mode=embed, a .npy file of vectors, a "
      "folder of tracklets or a video"
    )


def picture_of(side: Side, row: int) -> np.ndarray | None:
  """A tracklet's picture, or None if there is none or it cannot be read."""
  try:
    return side.picture(row)
  except InputError:
    return None


def _saved_picture(path: pathlib.Path) -> np.ndarray | None:
  """The picture in a file; None if there is none, or it is not such a picture."""
  try:
    return read_picture(path, "JPEG")
  except OSError:
    return None
