"""Rankings on disk: the first entries of every query, and some vectors to make a picture of.

They are written when a test set is evaluated, so that the page can be made again, with other
queries, without the network. The file is one `.npz` of plain arrays, read without pickle.

Notation: `n` tracklets, `Q` queries, `k` entries of a list, `m` pictured tracklets, `D` embedding
size.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cosam_jax.data.npz_files import read_npz
from cosam_jax.errors import InputError, suggestion
from cosam_jax.runtime.full_disk import naming

RANKINGS_FILE = "rankings.npz"
_FORMAT = 1
AS_RANKED, RE_RANKED = "as ranked", "re-ranked"


@dataclasses.dataclass(frozen=True, eq=False)
class Ranking:
  """The lists of one way of ranking.

  Attributes:
    rows: int32[Q, k], the tracklets found, nearest first; -1 if there are fewer.
    distances: float32[Q, k].
    average_precision: float64[Q]; nan if a query does not count.
    first_match: int64[Q], place of the first match from 1; 0 if a query does not count.
  """

  rows: np.ndarray
  distances: np.ndarray
  average_precision: np.ndarray
  first_match: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Rankings:
  """The parts of an evaluation that a page needs besides its numbers.

  Attributes:
    protocol: its name.
    names: str[n], identities: int64[n], cameras: int64[n], lengths: int64[n], of all tracklets.
    queries: int64[Q], the rows of the queries among them.
    by_title: "as ranked", and "re-ranked" if that was asked for.
    pictured: int64[m], the tracklets whose vectors are kept.
    vectors: float32[m, D].
    seconds: times of "embedding" and "ranking".
  """

  protocol: str
  names: np.ndarray
  identities: np.ndarray
  cameras: np.ndarray
  lengths: np.ndarray
  queries: np.ndarray
  by_title: Mapping[str, Ranking]
  pictured: np.ndarray
  vectors: np.ndarray
  seconds: Mapping[str, float]


_COLUMNS = ("names", "identities", "cameras", "lengths", "queries", "pictured", "vectors")
_LISTS = tuple(field.name for field in dataclasses.fields(Ranking))


def write_rankings(path: str | os.PathLike, rankings: Rankings) -> None:
  """Writes the file whole or not at all."""
  arrays = {name: getattr(rankings, name) for name in _COLUMNS}
  arrays |= {"format": np.int64(_FORMAT), "protocol": np.str_(rankings.protocol)}
  arrays["titles"] = np.array(list(rankings.by_title), np.str_)
  arrays["timed"] = np.array(list(rankings.seconds), np.str_)
  arrays["seconds"] = np.array(list(rankings.seconds.values()), np.float64)
  for number, ranking in enumerate(rankings.by_title.values()):
    arrays |= {f"{name}_{number}": getattr(ranking, name) for name in _LISTS}
  path = pathlib.Path(path)
  partial = path.with_name(f"{path.name}.partial")
  with naming(path), partial.open("wb") as file:
    np.savez_compressed(file, **arrays)
  partial.replace(path)


def read_rankings(path: str | os.PathLike) -> Rankings:
  """Reads a file of `write_rankings`; InputError if it is another file, or damaged."""
  try:
    file = read_npz(path)
    if int(file["format"]) != _FORMAT:
      raise ValueError(f"format {int(file['format'])}, and this program reads {_FORMAT}")
    lists = {
      str(title): Ranking(**{name: file[f"{name}_{number}"] for name in _LISTS})
      for number, title in enumerate(file["titles"])
    }
    seconds = dict(zip(map(str, file["timed"]), map(float, file["seconds"])))
    rankings = Rankings(
      protocol=str(file["protocol"]),
      by_title=lists,
      seconds=seconds,
      **{name: file[name] for name in _COLUMNS},
    )
    _check(rankings)
    return rankings
  except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
    raise InputError(
      f"{path} cannot be read as rankings ({error}): evaluate again, which writes it anew"
    ) from error
  except Exception as error:  # A damaged zip archive fails in any way.
    raise InputError(
      f"{path} is damaged ({error}): evaluate again, which writes it anew"
    ) from error


def _check(rankings: Rankings) -> None:
  """Raises ValueError unless all arrays fit each other."""
  n, count, m = len(rankings.names), len(rankings.queries), len(rankings.pictured)
  wanted: dict[str, tuple[str, tuple[int, ...], tuple[int, int] | None]] = {
    "names": ("U", (n,), None), "identities": ("i", (n,), None), "cameras": ("i", (n,), None),
    "lengths": ("i", (n,), None), "queries": ("i", (count,), (0, n)),
    "pictured": ("i", (m,), (0, n)), "vectors": ("f", (m, rankings.vectors.shape[-1]), None),
  }  # fmt: skip
  arrays: dict[str, Any] = {name: (getattr(rankings, name), *rest) for name, rest in wanted.items()}
  if not rankings.by_title:
    raise ValueError("it has no way of ranking")
  for title, ranking in rankings.by_title.items():
    shape = (count, ranking.rows.shape[-1])
    arrays |= {
      f"{title}: rows": (ranking.rows, "i", shape, (-1, n)),
      f"{title}: distances": (ranking.distances, "f", shape, None),
      f"{title}: average precision": (ranking.average_precision, "f", (count,), None),
      f"{title}: first match": (ranking.first_match, "i", (count,), None),
    }
  for name, (array, kind, shape, bounds) in arrays.items():
    if array.dtype.kind != kind or array.shape != shape:
      raise ValueError(f"{name} are {array.dtype}{list(array.shape)}, and the rest has {shape}")
    if bounds and array.size and not bounds[0] <= array.min() <= array.max() < bounds[1]:
      raise ValueError(f"{name} go beyond the {n} tracklets")
  if not np.isfinite(rankings.vectors).all():
    raise ValueError("vectors are not all finite")


def choose_queries(
  rankings: Rankings,
  *,
  worst: int,
  best: int,
  random: int,
  names: Sequence[str] = (),
  seed: int = 0,
) -> dict[int, str]:
  """The queries to show: query number -> the reason; each once, in this order.

  Args:
    rankings: the first way of ranking in it decides which queries are good.
    worst, best: number of queries with the lowest and the highest average precision.
    random: number of other queries, drawn at random.
    names: tracklet names of further queries, which need not count.
    seed: of the random draw.

  Raises:
    InputError: a name is not that of a query.
  """
  known = {str(name): query for query, name in enumerate(rankings.names[rankings.queries])}
  chosen: dict[int, str] = {}
  for name in names:
    if name not in known:
      raise InputError(
        f"config.report.queries names {name!r}, which is not a query of this test set: it has "
        f"{len(known):,}, such as {next(iter(known), 'none')!r}{suggestion(name, known)}"
      )
    chosen.setdefault(known[name], "asked for by name")
  precision = next(iter(rankings.by_title.values())).average_precision
  counting = np.flatnonzero(~np.isnan(precision))
  order = counting[np.argsort(precision[counting], kind="stable")].tolist()
  drawn = np.random.default_rng(seed).permutation(counting).tolist()
  for candidates, number, why in (
    (order, worst, "among the worst"),
    (order[::-1], best, "among the best"),
    (drawn, random, "drawn at random"),
  ):
    free = [query for query in candidates if query not in chosen]
    chosen |= dict.fromkeys(free[:number], why)
  return chosen
