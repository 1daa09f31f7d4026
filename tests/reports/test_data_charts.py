"""The numbers behind the charts of a data set, against loops."""

import csv

import numpy as np

from cosam_jax.data import Tables
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.reports.data_charts import data_charts, data_facts


def table_of(identities, cameras, lengths):
  lengths = np.array(lengths)
  return TrackletTable(
    frames=range(int(lengths.sum())),
    starts=np.cumsum(lengths) - lengths,
    lengths=lengths,
    identities=np.array(identities),
    cameras=np.array(cameras),
    names=[f"t{i}" for i in range(len(lengths))],
  )


def columns_of(directory, name):
  with (directory / "figures" / f"{name}.csv").open() as file:
    heads, *rows = csv.reader(file)
  return {head: [row[i] for row in rows] for i, head in enumerate(heads)}


def test_counts_of_a_data_set(tmp_path):
  rng = np.random.default_rng(0)
  people = np.repeat(np.arange(1, 6), [1, 1, 2, 3, 25])
  train = table_of(people, rng.integers(1, 4, 32), rng.integers(3, 90, 32))
  query = table_of([7, 8], [1, 6], [40, 200])
  gallery = table_of([7, 8, 0, -1], [2, 2, 2, 3], [10, 20, 30, 1])
  tables = Tables(train=train, query=query, gallery=gallery, name="drawn")
  facts = data_facts(tables)
  assert (facts["train"]["people"], facts["train"]["tracklets"]) == (5, 32)
  assert facts["train"]["frames"] == sum(train.lengths)
  assert facts["query"] == {
    "people": 2, "tracklets": 2, "distractors": 0, "cameras": 2, "frames": 240, "shortest": 40,
    "median": 120.0, "longest": 200,
  }  # fmt: skip

  parts = {"train": train, "query": query, "gallery": gallery}
  charts = {chart.name: chart for chart in data_charts(tmp_path, tables)}
  found = columns_of(tmp_path, "tracklet_lengths")
  for name, table in parts.items():
    bars = zip(found["frames from"], found["frames to"], found[name], strict=True)
    for low, high, count in bars:
      assert int(count) == sum(int(low) <= one <= int(high) for one in table.lengths)
    assert sum(map(int, found[name])) == len(table)
  assert "from 1 to 200 frames" in charts["tracklet_lengths"].description
  found = columns_of(tmp_path, "cameras")
  assert found["camera"] == ["1", "2", "3", "6"]
  for name, table in parts.items():
    wanted = [sum(camera == int(mark) for camera in table.cameras) for mark in found["camera"]]
    assert list(map(int, found[name])) == wanted
  found = columns_of(tmp_path, "people")
  assert found["tracklets of a person"] == [*map(str, range(1, 20)), "20+"]
  assert list(map(int, found["train"])) == [2, 1, 1, *[0] * 16, 1]
  assert list(map(int, found["query"])) == [2, *[0] * 19]
