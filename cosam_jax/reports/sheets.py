"""Ranking sheets of an evaluated test set: chosen queries with pictures of their nearest."""

from collections.abc import Mapping

import numpy as np

from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.errors import InputError
from cosam_jax.evaluation.clip_masks import frame_image
from cosam_jax.reports.ranking_sheet import Found, Sheet
from cosam_jax.reports.rankings import Ranking, Rankings


def check_same_tracklets(rankings: Rankings, table: TrackletTable) -> None:
  """Raises InputError unless the rankings are of this table."""
  if not np.array_equal(rankings.names, table.names):
    raise InputError(
      f"the rankings are of {len(rankings.names)} tracklets that are not the {len(table)} of the "
      "data set that the configuration names: give the data set that was evaluated, or evaluate "
      "this one"
    )


def make_sheets(
  rankings: Rankings, table: TrackletTable, chosen: Mapping[int, str]
) -> dict[int, Sheet]:
  """Query number -> its sheet, for each chosen one.

  Args:
    rankings: of the tracklets of `table`.
    table: has the frames; the middle frame of each tracklet is shown.
    chosen: from `choose_queries`.
  """
  images: dict[int, np.ndarray | None] = {}

  def image(row: int) -> np.ndarray | None:
    if row not in images:
      images[row] = frame_image(table, int(table.starts[row] + table.lengths[row] // 2))
    return images[row]

  def found(query: int, row: int, distance: float) -> Found:
    person = rankings.identities[query]
    own = person == rankings.identities[row] and table.numbering.people(person)
    return Found(
      name=str(rankings.names[row]),
      image=image(row),
      identity=table.numbering.identity(rankings.identities[row]),
      camera=table.numbering.camera(rankings.cameras[row]),
      distance=float(distance),
      right=bool(own),
    )

  sheets = {}
  for number, why in chosen.items():
    query = int(rankings.queries[number])
    rows = {
      title: [
        found(query, int(row), distance)
        for row, distance in zip(ranking.rows[number], ranking.distances[number])
        if row >= 0
      ]
      for title, ranking in rankings.by_title.items()
    }
    person = Found(
      name=str(rankings.names[query]),
      image=image(query),
      identity=table.numbering.identity(rankings.identities[query]),
      camera=table.numbering.camera(rankings.cameras[query]),
    )
    worth = "; ".join(
      f"{title}: {_worth(ranking, number)}" for title, ranking in rankings.by_title.items()
    )
    sheets[number] = Sheet(person, rows, f"{why.capitalize()}. {worth.capitalize()}.")
  return sheets


def _worth(ranking: Ranking, number: int) -> str:
  precision = ranking.average_precision[number]
  if np.isnan(precision):
    return "no match under another camera, so it does not count"
  place = ranking.first_match[number]
  return f"average precision {100 * precision:.1f}%, first right entry in place {place}"
