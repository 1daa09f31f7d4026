"""What goes along with exported weights, and what of another network does not."""

import copy
import json

import calibrations
import labelled
import numpy as np
import pytest
from results_record import RECORD

from cosam_jax.commands.export.companions import keep_companions, kept_sentences, network_record
from cosam_jax.evaluation.calibration import calibrate
from cosam_jax.evaluation.calibration_files import read_calibration
from cosam_jax.evaluation.fingerprints import vectors_hash, weights_hash
from cosam_jax.experiment.link_calibrating import calibrate_and_write_links
from cosam_jax.experiment.network import Network
from cosam_jax.models import ReidNet
from cosam_jax.reports.results import write_results

WIDTH = 6
NETWORK = Network(
  ReidNet("resnet18", num_frames=2, image_size=(8, 4)),
  {"params": {"classifier": {"kernel": np.ones((WIDTH, 3), np.float32)}}},
  {},
  "step 3",
)


@pytest.fixture
def place(tmp_path):
  (tmp_path / "out").mkdir()
  (tmp_path / "run").mkdir()
  return tmp_path


def measured(folder, weights=None, vectors=None, width=WIDTH):
  """Writes a calibration, one of links, and results, all of a network with these hashes."""
  vectors = vectors or vectors_hash(NETWORK.variables)
  calibrations.write(folder / "calibration.json", {"vectors_hash": vectors})
  made = labelled.embeddings(labelled.drawn(width=width), vectors_hash=vectors)
  one = calibrate(made, "sqeuclidean", calibrations.QUICK)
  calibrate_and_write_links(made, one, folder, 100)
  record = copy.deepcopy(RECORD)
  record["card"]["checkpoint_hash"] = weights or weights_hash(NETWORK.variables)
  write_results(folder / "results.json", [record], {"config": {"data.dir": "/home/me/mars"}})


def test_all_that_was_measured_goes_along(place, capsys):
  measured(place / "run")
  found = keep_companions(NETWORK, place / "run", place / "out")
  assert capsys.readouterr().out == ""
  assert sorted(path.name for path in (place / "out").iterdir()) == [
    "calibration.json", "linking.npz", "protocol.json",
  ]  # fmt: skip
  for name in ("linking.npz",):
    assert (place / "out" / name).read_bytes() == (place / "run" / name).read_bytes()
  assert read_calibration(place / "out" / "calibration.json") == read_calibration(
    place / "run" / "calibration.json"
  )
  assert found["calibration"]["calibrated_on"] == "12 people of mars (held out)"
  assert found["linking"] == {
    "file": "linking.npz", "dataset": "mars", "people": "held_out", "identities": 12,
  }  # fmt: skip
  assert found["protocol"] == {"file": "protocol.json", "results": 1}
  assert kept_sentences(found) == [
    "calibration.json has the network's calibration",
    "linking.npz has the network's calibration of links",
    "protocol.json has the network's numbers, and the protocol by which they were measured",
  ]
  # From there it goes along again: an export is published.
  (place / "again").mkdir()
  assert keep_companions(NETWORK, place / "out", place / "again") == found


def test_no_command_line_goes_along(place):
  measured(place / "run")
  path = place / "run" / "calibration.json"
  path.write_text(json.dumps({**json.loads(path.read_text()), "command": "--data_dir=/home/me"}))
  keep_companions(NETWORK, place / "run", place / "out")
  assert "/home/me" not in (place / "out" / "calibration.json").read_text()


@pytest.mark.parametrize(
  ("facts", "words"),
  [
    ({"vectors": "zz"}, ("the calibration of another network (it has other weights)",
                         "the calibration of links of another network (it has other weights)")),
    ({"weights": "zz"}, ("results.json, the results of other weights",)),
    ({"width": 5}, ("its vectors have 5 dimensions, and these 6",)),
  ],
)  # fmt: skip
def test_what_is_of_another_network_stays_behind_and_is_said(place, capsys, facts, words):
  measured(place / "run", **facts)
  kept = keep_companions(NETWORK, place / "run", place / "out")
  out = capsys.readouterr().out
  assert len(kept) == 3 - len(words) == len(list((place / "out").iterdir()))
  for sentence in words:
    assert f"left out: {place / 'run'}" in out
    assert sentence in out


def test_what_is_damaged_stays_behind_and_is_said(place, capsys):
  for name in ("calibration.json", "linking.npz", "results.json"):
    (place / "run" / name).write_text("{")
  assert keep_companions(NETWORK, place / "run", place / "out") == {}
  assert capsys.readouterr().out.count("left out: ") == 3
  assert keep_companions(NETWORK, None, place / "out") == {}
  assert keep_companions(NETWORK, place / "nowhere", place / "out") == {}


def test_the_record_knows_the_network():
  found = network_record(NETWORK)
  assert found["weights"] == "step 3"
  assert found["weights_hash"] == weights_hash(NETWORK.variables)
  assert found["format"] == 1
  assert found["resize"] == "bilinear"
