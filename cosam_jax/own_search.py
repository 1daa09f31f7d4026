"""`--mode=search`: the nearest of a gallery for each query, from files, folders and videos."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Sequence

import jax
import numpy as np
from ml_collections import ConfigDict
from PIL import Image

from cosam_jax.embedder import Embedder
from cosam_jax.errors import InputError, suggestion
from cosam_jax.evaluation.embeddings import read_embeddings
from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.evaluation.search import Neighbours, Rows, VectorFile, nearest
from cosam_jax.own_videos import PICTURES, embed_own
from cosam_jax.reports.search_results import Hit, QueryResult, write_search
from cosam_jax.saved_network import network_asked_for
from cosam_jax.training import mesh


@dataclasses.dataclass(frozen=True, eq=False)
class Side:
  """The queries or the gallery.

  Attributes:
    path: what was given.
    vectors: [n, D].
    name: row -> name, for people.
    picture: row -> uint8[H, W, 3], or None where there is none.
    weights: hash of the network's weights; None where nobody knows.
    distance: what the network's run compares by; None where nobody knows.
  """

  path: pathlib.Path
  vectors: Rows
  name: Callable[[int], str]
  picture: Callable[[int], np.ndarray | None]
  weights: str | None = None
  distance: str | None = None


@dataclasses.dataclass(frozen=True)
class Networks:
  """The network of the command, loaded when something is to be embedded.

  Attributes:
    config: what --config says; None where it is left out.
    workdir: where checkpoints lie; None where --workdir is left out.
  """

  config: ConfigDict | None = None
  workdir: pathlib.Path | None = None

  @functools.cached_property
  def embedder(self) -> Embedder:
    """InputError where there is no network."""
    if self.workdir is None:
      raise InputError(
        "--workdir is missing: frames are embedded by the network of a run; give its folder, or "
        "give embeddings"
      )
    network = network_asked_for(self.config, self.workdir)
    return Embedder(network, batch_clips=int(network.flat.get("evaluation.batch_clips", 32)))


def search(
  networks: Networks,
  query: pathlib.Path,
  gallery: pathlib.Path,
  directory: pathlib.Path | None = None,
  *,
  names: Sequence[str] | None = None,
  top: int = 10,
  backend: str = "device",
) -> list[QueryResult]:
  """Ranks the gallery for each query; writes `search.json` and sheets, prints a table.

  Where both sides are the same file or folder, no query finds itself.

  Args:
    networks: what embeds folders and videos.
    query, gallery: `embeddings.npz`, a `.npy` matrix, a folder of tracklets or a video.
    directory: what is written; None: `search` in the workdir, or beside the gallery.
    names: the queries' names, where not all are meant.
    top: how many are found for each query.
    backend: see `evaluation.search.nearest`.

  Raises:
    InputError: input that cannot be read, or two sides of different networks.
  """
  same = query.resolve() == gallery.resolve()
  asked = open_side(query, networks)
  searched = asked if same else open_side(gallery, networks)
  if asked.weights and searched.weights and asked.weights != searched.weights:
    raise InputError(
      f"{query} and {gallery} were embedded by different weights, so their vectors cannot be "
      "compared: embed one of them again"
    )
  rows = _rows(asked, names)
  configured = networks.config.evaluation.distance if networks.config else None
  distance = configured or asked.distance or searched.distance or "sqeuclidean"
  found = nearest(
    np.asarray(asked.vectors[rows], np.float32),
    searched.vectors,
    top + same,
    distance=distance,
    where=mesh.make_mesh() if jax.device_count() > 1 else None,
    backend=backend,
  )
  results = [
    QueryResult(
      asked.name(int(row)),
      functools.partial(_picture_of, asked, int(row)),
      _hits(searched, found, i, int(row) if same else None, top),
    )
    for i, row in enumerate(rows)
  ]
  place = directory or (networks.workdir or gallery.parent) / "search"
  about = {
    "query": str(query),
    "gallery": str(gallery),
    "gallery_size": int(searched.vectors.shape[0]),
    "distance": distance,
    "backend": backend,
    "weights": asked.weights or searched.weights,
  }
  write_search(place, results, about)
  return results


def open_side(path: pathlib.Path, networks: Networks) -> Side:
  """Reads vectors, or embeds what has none yet.

  Raises:
    InputError: as `search`.
  """
  if path.suffix == ".npy":
    return Side(path, VectorFile(path), lambda row: f"row {row}", lambda row: None)
  if path.suffix == ".npz":
    saved = read_embeddings(path)
    return Side(
      path,
      saved.vectors,
      lambda row: str(saved.names[row]),
      lambda row: _saved_picture(path.parent / PICTURES / f"{row:05d}.jpg"),
      saved.origin.checkpoint_hash,
      saved.origin.config.get("evaluation.distance"),
    )
  if not path.exists():
    raise InputError(
      f"{path} does not exist: give embeddings.npz of --mode=embed, a .npy file of vectors, a "
      "folder of tracklets or a video"
    )
  embedder = networks.embedder
  flat = embedder.network.flat
  own = embed_own(
    embedder,
    path,
    follow_links=bool(flat.get("data.follow_links", False)),
    on_unreadable=flat.get("data.on_unreadable", "error"),
  )
  return Side(
    path,
    own.vectors,
    own.names.__getitem__,
    own.picture,
    weights_hash(embedder.network.variables),
    flat.get("evaluation.distance"),
  )


def _rows(side: Side, names: Sequence[str] | None) -> np.ndarray:
  """int64[Q], the queries' rows."""
  count = side.vectors.shape[0]
  if names is None:
    return np.arange(count)
  known = {side.name(row): row for row in range(count)}
  for name in names:
    if name not in known:
      raise InputError(
        f"--query_names has {name!r}, which {side.path} does not: it has {count:,} tracklets, such "
        f"as {side.name(0)!r}{suggestion(name, known)}"
      )
  return np.array([known[name] for name in names])


def _hits(side: Side, found: Neighbours, i: int, own: int | None, top: int) -> list[Hit]:
  pairs = zip(found.rows[i].tolist(), found.distances[i].tolist(), strict=True)
  kept = [(row, distance) for row, distance in pairs if row != own][:top]
  return [
    Hit(side.name(row), row, distance, functools.partial(_picture_of, side, row))
    for row, distance in kept
  ]


def _picture_of(side: Side, row: int) -> np.ndarray | None:
  try:
    return side.picture(row)
  except InputError:
    return None


def _saved_picture(path: pathlib.Path) -> np.ndarray | None:
  if not path.is_file():
    return None
  with Image.open(path) as image:
    return np.asarray(image.convert("RGB"))
