"""The poster's numbers: every one is there, every one belongs to a row that a sweep runs."""

import json
import pathlib
import re

import pytest

from cosam_jax.errors import InputError
from cosam_jax.reports import published
from cosam_jax.reports.poster_rows import SWEEPS, Row

FILE = pathlib.Path(published.__file__).with_name("published_results.json")

# The poster's tables as printed: backbone, stages, head (TP: "temporal aggregation as TPavg"), and
# the other entries of a line.
NETWORKS = ("resnet50", "se_resnet50")
POSITIONS = [
  Row(network, stages, "tp")
  for network in NETWORKS
  for stages in ((), (2,), (3,), (4,), (5,), (4, 5))
]
TEMPORAL = [
  Row(network, stages, head)
  for network in NETWORKS
  for head in ("tp", "ta", "rnn")
  for stages in ((), (4, 5))
]
BASELINES = [Row(network, (), head) for network in NETWORKS for head in ("tp", "ta", "rnn")]
BEST_ROW = Row("se_resnet50", (4, 5), "tp", 4, "sequential")


def numbers_of(value) -> list[float]:
  """Every printed number in a JSON value; stages and counts of frames are not among them."""
  if isinstance(value, dict):
    return [
      number
      for name, part in value.items()
      if name not in ("cosam", "num_frames")
      for number in numbers_of(part)
    ]
  if isinstance(value, list):
    return [number for part in value for number in numbers_of(part)]
  return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def test_rows_are_the_posters():
  tables = published.read_published()
  rows = {name: [line.row for line in lines] for name, lines in tables.items()}
  assert rows["positions"] == POSITIONS
  assert rows["temporal"] == TEMPORAL
  assert rows["baselines"] == BASELINES
  assert rows["num_frames"] == [Row("se_resnet50", (4, 5), "tp", n) for n in (2, 4, 8)]
  assert rows["frame_selection"] == [
    BEST_ROW, Row("se_resnet50", (4, 5), "tp", 4, "random")
  ]  # fmt: skip
  assert [(line.row, line.attribute) for line in tables["attributes"]] == [
    (Row(network, stages, "tp"), attribute)
    for network in NETWORKS
    for stages in ((), (4, 5))
    for attribute in ("handbag", "hat", "backpack")
  ]
  ours = [line for line in tables["state_of_the_art"] if line.row is not None]
  assert [(line.row, line.reranked) for line in ours] == [
    (Row("resnet50", (), "ta"), False),
    (Row("se_resnet50", (), "tp"), False),
    (BEST_ROW, False),
    (BEST_ROW, True),
  ]


def test_every_number_of_the_file_is_read():
  content = json.loads(FILE.read_text())
  for table, lines in published.read_published().items():
    read = [
      number for line in lines for values in line.numbers.values() for number in values.values()
    ]
    assert sorted(read) == sorted(numbers_of(content[table])), table


def test_every_row_with_a_number_is_run_by_its_sweep_and_by_all():
  for table, lines in published.read_published().items():
    rows = {line.row for line in lines if line.row is not None}
    sweep = SWEEPS["temporal" if table == "baselines" else table]
    assert rows <= set(sweep), table
    assert rows <= set(SWEEPS["all"])
  assert len(SWEEPS["all"]) == len(set(SWEEPS["all"])) == 23


def test_other_methods_are_recognised_by_their_numbers():
  """If a comparison's row is a network of ours, other tables give it the same numbers."""
  tables = published.read_published()
  for line in tables["state_of_the_art"]:
    if line.row is None or line.reranked:
      continue
    same = [other for other in tables["baselines"] + tables["positions"] if other.row == line.row]
    assert same[0].numbers == line.numbers


def test_numbers_stand_in_the_poster(shared):
  """The poster's text has every line of numbers, in its order of columns."""
  text = (shared / "design" / "poster.txt").read_text()
  printed = {tuple(re.findall(r"\d+\.\d+", line)) for line in text.splitlines()}
  groups = {
    "baselines": [("mars", "dukemtmc_vidreid")],
    "positions": [("mars", "dukemtmc_vidreid")],
    "temporal": [("mars", "dukemtmc_vidreid", "ilids_vid")],
    "num_frames": [("mars", "dukemtmc_vidreid")],
    "frame_selection": [("mars", "dukemtmc_vidreid")],
    "state_of_the_art": [("mars",), ("dukemtmc_vidreid",)],
  }
  tables = published.read_published()
  for table, orders in groups.items():
    for line in tables[table]:
      for datasets in orders:
        values = [value for name in datasets for value in line.numbers.get(name, {}).values()]
        if values:
          as_printed = tuple(f"{v:.1f}" if v == round(v, 1) else f"{v:.2f}" for v in values)
          assert as_printed in printed, (table, line.name)
  lines = tables["attributes"]
  for i in range(0, len(lines), 3):
    values = [v for line in lines[i : i + 3] for v in line.numbers["dukemtmc_vidreid"].values()]
    assert tuple(f"{v:.1f}" for v in values) in printed


@pytest.mark.parametrize(
  ("change", "words"),
  [
    (lambda c: c.pop("temporal"), ["must have the tables", "temporal"]),
    (lambda c: c["positions"][0].pop("temporal"), ["lacks a field", "temporal"]),
    (lambda c: c["positions"][0]["mars"].update(R1=831), ["R1 is 831", "0 to 100"]),
    (lambda c: c["positions"][0]["mars"].update(R1="83"), ["R1 is '83'"]),
    (lambda c: c["positions"][0]["mars"].update(R5=80.0), ["fall"]),
    (lambda c: c["positions"][0]["mars"].update(R7=80.0), ["R7", "mAP, R1, R5, R20"]),
    (lambda c: c["state_of_the_art"].update(cuhk=[]), ["'cuhk'", "mars"]),
  ],
)
def test_another_file_is_checked(tmp_path, change, words):
  content = json.loads(FILE.read_text())
  change(content)
  path = tmp_path / "published.json"
  path.write_text(json.dumps(content))
  with pytest.raises(InputError) as caught:
    published.read_published(path)
  for word in (str(path), *words):
    assert word in str(caught.value)
