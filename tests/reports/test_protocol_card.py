"""The protocol card: the numbers of one network, without names and places."""

import copy
import json

from results_record import RECORD

from cosam_jax.reports.protocol_card import protocol_card, without_places
from cosam_jax.reports.results import read_results, write_results

CONFIG = {"data.dir": "/home/me/mars", "data.name": "mars"}


def content(tmp_path, *hashes, **run):
  """Results of these weights, as they are read back."""
  records = []
  for digest in hashes:
    record = copy.deepcopy(RECORD)
    record["card"] |= {"checkpoint_hash": digest, "warnings": ["/home/me/mars/info is old"]}
    records.append(record)
  write_results(tmp_path / "results.json", records, {"config": CONFIG, **run})
  return read_results(tmp_path / "results.json")


def test_it_has_the_results_of_these_weights_alone(tmp_path):
  found = protocol_card(content(tmp_path, "aa", "bb", "aa"), "aa")
  assert len(found["results"]) == 2
  assert protocol_card(content(tmp_path, "bb"), "aa") is None
  assert found["results"][0]["metrics"]["mAP"] == {"fraction": 0.798761, "percent": 79.88}


def test_it_names_nobody_and_no_place(tmp_path):
  run = {"step": 3, "training_identities": 625, "initial_weights": "hf:a/b@c", "devices": ["gpu"]}
  warnings = ["/home/me/mars has other counts"]
  found = protocol_card(content(tmp_path, "aa", **run, warnings=warnings), "aa")
  text = json.dumps(found)
  assert "/home/me" not in text
  assert "queries" not in found["results"][0]
  assert found["results"][0]["card"]["warnings"] == ["mars/info is old"]
  assert found["run"] == {
    "step": 3, "training_identities": 625, "initial_weights": "hf:a/b@c",
    "warnings": ["mars has other counts"],
  }  # fmt: skip


def test_it_is_read_as_results_and_gives_itself_again(tmp_path):
  found = protocol_card(content(tmp_path, "aa"), "aa")
  (tmp_path / "protocol.json").write_text(json.dumps(found))
  assert protocol_card(read_results(tmp_path / "protocol.json"), "aa") == found


def test_places_of_every_kind_lose_their_folders(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  config = {"data.dir": "sets/mars", "evaluation.attributes_file": "a/b.csv"}
  text = f"sets/mars/x, {tmp_path}/sets/mars/y and a/b.csv"
  assert without_places(text, config) == "mars/x, mars/y and b.csv"
