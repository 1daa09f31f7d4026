"""Makes queries and a gallery of tracklets that have none: held-out identities, unsplit tables."""

import dataclasses

import numpy as np

from cosam_jax.data.draws import shuffled
from cosam_jax.data.identities import UNKNOWN_CAMERA
from cosam_jax.data.sets.registry import data_set_of
from cosam_jax.data.tracklets import Tables, TrackletTable, concatenate
from cosam_jax.errors import InputError


def seen_by_several_cameras(table: TrackletTable) -> np.ndarray:
  """int64[k], the identities with tracklets from at least two known cameras, ascending."""
  pairs = np.unique(np.stack([table.identities, table.cameras], axis=1), axis=0)
  pairs = pairs[pairs[:, 1] != UNKNOWN_CAMERA]
  identities, cameras = np.unique(pairs[:, 0], return_counts=True)
  return identities[cameras >= 2]


def choose_queries(table: TrackletTable, seed: int, every: np.ndarray | None = None) -> np.ndarray:
  """bool[n], one query for each identity and camera, as in MARS, with a match for each query.

  A camera's only tracklet becomes a query too, unless the gallery would then hold fewer than two of
  the identity's cameras. In that case one such tracklet, drawn by seed, stays in the gallery, so
  that every query keeps a gallery tracklet of its identity from another camera. Identities seen by
  one camera give no query.
  """
  chosen = np.zeros(len(table), bool)
  for identity in seen_by_several_cameras(table):
    address = int(identity) if every is None else 1 + int(np.searchsorted(every, identity))
    mine = np.flatnonzero(table.identities == identity)
    mine = mine[shuffled(len(mine), seed, address)]
    cameras, counts = np.unique(table.cameras[mine], return_counts=True)
    # `mine` is shuffled, so the first tracklet of a camera is a random one.
    first = {camera: mine[table.cameras[mine] == camera][0] for camera in cameras}
    only = [camera for camera, count in zip(cameras, counts) if count == 1]
    if len(cameras) - len(only) < 2 and only:
      del first[only[shuffled(len(only), seed, address, 1)[0]]]
    chosen[list(first.values())] = True
  return chosen


def hold_out_identities(tables: Tables, number: int, seed: int = 0) -> Tables:
  """Takes training identities out to select models with, so that the test set is never used for it.

  Args:
    tables: a data set; its own query and gallery are ignored.
    number: how many identities to hold out, drawn by `seed` among those seen by at least two
      cameras.
    seed: gives the same choice on every machine.

  Returns:
    Tables with the remaining training tracklets; query and gallery are made of the held-out ones
    whose camera is known.

  Raises:
    InputError: `number` is less than one, there are not enough such identities, or none would be
      left to train on.
  """
  train = tables.train
  fit = seen_by_several_cameras(train)
  if number < 1:
    raise InputError(
      f"validation_identities is {number}, but holding out needs at least 1; use 0 in the config "
      "to train on all identities"
    )
  if number > len(fit) or number >= train.num_identities:
    raise InputError(
      f"validation_identities is {number}, but of {train.num_identities} training identities of "
      f"{tables.name} only {len(fit)} are seen by two cameras and one must remain to train on; "
      f"choose at most {min(len(fit), train.num_identities - 1)}"
    )
  held = np.isin(train.identities, fit[shuffled(len(fit), seed)[:number]])
  return with_test_set(
    dataclasses.replace(tables, train=train.select(~held)), train.select(held), seed, train
  )


def with_test_set(
  tables: Tables, table: TrackletTable, seed: int, every: TrackletTable | None = None
) -> Tables:
  """The tables with queries and a gallery made of one table's tracklets whose camera is known.

  Args:
    tables: a data set; its own query and gallery are left out.
    table: the tracklets.
    seed: draws the queries, see `choose_queries`.
    every: the table of all identities among which these were chosen; None: `table`.
  """
  known = table.select(table.cameras != UNKNOWN_CAMERA)
  among = (table if every is None else every).identities
  numbered = np.unique(among) if data_set_of(tables.name).own else None
  queries = choose_queries(known, seed, numbered)
  query, gallery = known.select(queries), known.select(~queries)
  return dataclasses.replace(
    tables,
    query=query,
    gallery=gallery,
    official=None if tables.official is None else concatenate(gallery, query),
  )
