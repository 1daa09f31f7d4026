"""`--mode=search`: the nearest of a gallery for each query, from files, folders and videos."""

import functools
import pathlib
from collections.abc import Callable, Sequence

import jax
import numpy as np

from cosam_jax.commands import chosen_frames
from cosam_jax.commands.call import Call
from cosam_jax.data.taken_frames import ALL_FRAMES, Taking
from cosam_jax.errors import InputError, suggestion
from cosam_jax.evaluation.search import ChosenRows, Neighbours, Rows, nearest
from cosam_jax.experiment.fields import FIELDS
from cosam_jax.experiment.own_videos import Given
from cosam_jax.experiment.search_rates import Rates, rates_for
from cosam_jax.experiment.search_sides import Networks, Side, open_side, picture_of
from cosam_jax.reports.search_results import Hit, QueryResult, search_folder, write_search
from cosam_jax.training import mesh


def run(call: Call) -> None:
  """Runs the mode."""
  flags = call.flags
  with call.holding_output():
    search(
      Networks(call.config, call.workdir, flags["weights"]),
      pathlib.Path(flags["query"]),
      pathlib.Path(flags["gallery"]),
      call.path("output"),
      names=flags["query_names"],
      top=flags["top"] or 10,
      backend=flags["search_backend"] or "device",
      exclude_same_camera=bool(flags["exclude_same_camera"]),
      taking=chosen_frames.taking(flags),
      camera_from=flags["camera_from"],
      calibration=call.path("calibration"),
    )


def search(
  networks: Networks,
  query: pathlib.Path,
  gallery: pathlib.Path,
  directory: pathlib.Path | None = None,
  *,
  names: Sequence[str] | None = None,
  top: int = 10,
  backend: str = "device",
  exclude_same_camera: bool = False,
  taking: Taking = ALL_FRAMES,
  camera_from: str | None = None,
  calibration: pathlib.Path | None = None,
) -> list[QueryResult]:
  """Ranks the gallery for each query; writes `search.json` and sheets, prints a table.

  If both sides are the same file or folder, no query finds itself.

  Args:
    networks: embeds folders and videos.
    query, gallery: `embeddings.npz`, a `.npy` matrix, a folder of tracklets or a video.
    directory: the output folder; None: `search` in the workdir, or beside the gallery.
    names: the queries' names; None: all.
    top: number of tracklets to find for each query.
    backend: see `evaluation.search.nearest`.
    exclude_same_camera: leave out tracklets of the query's own camera, and rank those of other
      cameras alone; cameras are compared by their names.
    taking, camera_from: for sides that are embedded here, see `own_videos.embed_own`.
    calibration: gives distances their rates; None: see `search_rates.rates_for`.

  Raises:
    InputError: the input cannot be read, the two sides have different networks, cameras must be
      compared and are unknown, or a user's files are in the way of the output.
  """
  place = directory or (networks.workdir or gallery.parent) / "search"
  search_folder(place).check(query, gallery)
  same = query.resolve() == gallery.resolve()
  _check_used(query, gallery, taking, camera_from)
  given = [
    Given(taking=taking, camera_from=camera_from if side.is_dir() else None)
    for side in (query, gallery)
  ]
  asked = open_side(query, networks, given[0])
  searched = asked if same else open_side(gallery, networks, given[1])
  if asked.weights and searched.weights and asked.weights != searched.weights:
    raise InputError(
      f"{query} and {gallery} were embedded by different weights, so their vectors cannot be "
      "compared: embed one of them again"
    )
  for name, value in asked.settings.items():
    other = searched.settings.get(name, value)
    if value != other:
      raise InputError(
        f"the vectors of {query} were made with config.{name} {value}, and those of {gallery} with "
        f"{other}, so that they cannot be compared: embed one of them again"
      )
  if asked.flip is not None and searched.flip is not None and asked.flip != searched.flip:
    mirrored = query if asked.flip else gallery
    raise InputError(
      f"the vectors of {mirrored} alone were made with mirror images (config.evaluation.flip), so "
      f"{query} and {gallery} cannot be compared: embed one of them again"
    )
  rows = _rows(asked, names)
  configured = networks.config.evaluation.distance if networks.config else None
  unknown = FIELDS["evaluation.distance"].default
  distance = configured or asked.distance or searched.distance or unknown
  rates = rates_for(asked, searched, distance, given=calibration, workdir=networks.place)
  where = mesh.make_mesh() if jax.device_count() > 1 else None

  def ranked(queries: np.ndarray, others: Rows) -> Neighbours:
    vectors = np.asarray(asked.vectors[queries], np.float32)
    return nearest(vectors, others, top + same, distance=distance, where=where, backend=backend)

  if exclude_same_camera:
    pairs, counts = _under_other_cameras(asked, searched, rows, ranked)
  else:
    found = ranked(rows, searched.vectors)
    pairs = [list(zip(*both, strict=True)) for both in zip(found.rows, found.distances)]
    counts = [None] * len(rows)
  results = [
    QueryResult(
      asked.name(int(row)),
      functools.partial(picture_of, asked, int(row)),
      _hits(asked, searched, int(row), pairs[i], same, top, rates),
      asked.seen(int(row)),
      counts[i],
    )
    for i, row in enumerate(rows)
  ]
  about = {
    "query": str(query),
    "gallery": str(gallery),
    "gallery_size": int(searched.vectors.shape[0]),
    "distance": distance,
    "backend": backend,
    "weights": asked.weights or searched.weights,
    "exclude_same_camera": exclude_same_camera,
  }
  if rates is not None:
    about["calibration"] = rates.record()
  write_search(place, results, about)
  if rates is not None:
    print(rates.sentence())
  return results


def _check_used(
  query: pathlib.Path, gallery: pathlib.Path, taking: Taking, camera_from: str | None
) -> None:
  """Refuses flags about frames if no side has frames."""
  sides = query, gallery
  if camera_from is not None and not any(side.is_dir() for side in sides):
    raise InputError(
      "--camera_from is about folders of tracklets, and neither --query nor --gallery is one: give "
      "it to --mode=embed --input, and search its embeddings"
    )
  if not taking.all and all(side.suffix in (".npy", ".npz") for side in sides):
    raise InputError(
      "--frame_stride and --most_frames are about frames, and --query and --gallery are vectors: "
      "give them to --mode=embed --input, and search its embeddings"
    )


def _under_other_cameras(
  asked: Side,
  searched: Side,
  queries: np.ndarray,
  ranked: Callable[[np.ndarray, Rows], Neighbours],
) -> tuple[list[list[tuple[int, float]]], list[int | None]]:
  """For each query, its nearest (row, distance) under other cameras, and how many were ranked."""
  own = _cameras(asked, queries)
  theirs = _cameras(searched, np.arange(searched.vectors.shape[0]))
  pairs: list[list[tuple[int, float]]] = [[] for _ in queries]
  counts: list[int | None] = [0] * len(queries)
  for camera in sorted(set(own.tolist())):
    kept, places = np.flatnonzero(theirs != camera), np.flatnonzero(own == camera)
    for place in places:
      counts[place] = len(kept)
    if not len(kept):
      continue
    found = ranked(queries[places], ChosenRows(searched.vectors, kept))
    for place, rows, distances in zip(places, found.rows, found.distances, strict=True):
      pairs[place] = list(zip(kept[rows].tolist(), distances.tolist(), strict=True))
  return pairs, counts


def _cameras(side: Side, rows: np.ndarray) -> np.ndarray:
  """str[n], the cameras' names; InputError if one is unknown."""
  cameras = [side.seen(int(row)).camera or "" for row in rows]
  unknown = [row for row, camera in zip(rows, cameras, strict=True) if not camera]
  if unknown:
    raise InputError(
      f"--exclude_same_camera needs every camera, and those of {len(unknown):,} of {len(rows):,} "
      f"tracklets of {side.path} are not known, such as that of {side.name(int(unknown[0]))!r}: "
      "embed them with --camera=NAME or --camera_from=PATTERN"
    )
  return np.array(cameras)


def _rows(side: Side, names: Sequence[str] | None) -> np.ndarray:
  """int64[Q], the queries' rows."""
  count = side.vectors.shape[0]
  if names is None:
    return np.arange(count)
  known: dict[str, int] = {}
  again: dict[str, int] = {}
  for row in range(count):
    if known.setdefault(side.name(row), row) != row:
      again.setdefault(side.name(row), row)
  for name in names:
    if name in again:
      raise InputError(
        f"--query_names has {name!r}, which is the name of several tracklets of {side.path}, such "
        f"as those of rows {known[name]} and {again[name]}: leave --query_names out, or embed them "
        "again under different names"
      )
    if name not in known:
      raise InputError(
        f"--query_names has {name!r}, which {side.path} does not have: it has {count:,} tracklets, "
        f"such as {side.name(0)!r}{suggestion(name, known)}"
      )
  return np.array([known[name] for name in names])


def _hits(
  asked: Side,
  searched: Side,
  query: int,
  pairs: Sequence[tuple[int, float]],
  same: bool,
  top: int,
  rates: Rates | None,
) -> list[Hit]:
  kept = [(int(row), float(far)) for row, far in pairs if not same or row != query][:top]
  person = asked.seen(query)
  comparable = person.known and asked.dataset == searched.dataset
  hits = []
  for row, distance in kept:
    picture, seen = functools.partial(picture_of, searched, row), searched.seen(row)
    right = seen.identity == person.identity if comparable and seen.identity is not None else None
    known = {} if rates is None else rates.of(distance)
    hits.append(Hit(searched.name(row), row, distance, picture, seen, right, known))
  return hits
