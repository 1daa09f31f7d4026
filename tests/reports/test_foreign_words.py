"""A foreign network in words, and as what tells two sides of a comparison apart."""

import copy

from results_record import RECORD

from cosam_jax.reports import comparison, comparison_table, facts, results
from cosam_jax.reports.foreign_words import input_words, network_words, with_networks

FOREIGN = {
  "file": "model.onnx", "sha256": "0123456789abcdef" * 4,
  "preprocessing": {
    "size": [256, 128], "channels": "RGB", "range": 1, "mean": [0.485, 0.456, 0.406],
    "deviation": [0.229, 0.224, 0.225], "resize": "bicubic", "frames": 1, "normalise": True,
    "layout": "NCHW", "output": "vectors",
  },
  "comparable_with": "results of the same protocol",
}  # fmt: skip
CONFIG = {"model.backbone": "resnet50", "evaluation.flip": False, "optim.weight_decay": 0.1}


def test_every_item_is_said():
  assert network_words(FOREIGN) == ["foreign: model.onnx", "sha256 0123456789abcdef"]
  beside = {**FOREIGN, "weights_beside": {"model.data": "ab" * 32}}
  assert network_words(beside)[2] == "with model.data, sha256 abababababababab"
  assert input_words(FOREIGN) == [
    "256x128", "RGB", "0 to 1", "mean 0.485 0.456 0.406", "deviation 0.229 0.224 0.225", "bicubic",
    "one frame at a time", "output vectors", "of length 1 before the mean",
  ]  # fmt: skip
  clips = {"preprocessing": {**FOREIGN["preprocessing"], "frames": 4, "normalise": False}}
  assert input_words(clips)[-3:] == ["clips of 4", "output vectors", "as it is in the mean"]


def test_an_edited_file_is_still_shown():
  words = [*network_words({"weights_beside": 3}), *input_words({"preprocessing": {"mean": "x"}})]
  assert "foreign: unknown" in words
  assert input_words({"preprocessing": []})[-1] == "as it is in the mean"


def test_the_network_takes_the_place_of_fields_of_ours():
  theirs = with_networks(CONFIG, CONFIG, FOREIGN)
  own = with_networks(CONFIG, CONFIG, {})
  assert own == {"network": "ours: resnet50", "evaluation.flip": False}
  assert theirs["network"].startswith("foreign: model.onnx, sha256 0123456789abcdef, 256x128, RGB")
  assert theirs["evaluation.flip"] is False
  assert with_networks({}, {}, FOREIGN) == {}


def written(path, foreign):
  """A results file of two queries."""
  record = copy.deepcopy(RECORD)
  record["card"] |= {"foreign": foreign} if foreign else {}
  record["queries"] = {
    "name": ["a", "b"], "identity": [1, 2], "average_precision": [0.5, 1.0],
    "inverse_negative_penalty": [0.5, 1.0], "first_match": [0, 1],
  }  # fmt: skip
  results.write_results(path, [record], {"config": CONFIG, "seed": 0})
  return path


def test_a_comparison_says_that_and_how_networks_are_foreign(tmp_path):
  other = copy.deepcopy(FOREIGN)
  other["preprocessing"]["channels"] = "BGR"
  files = [
    written(tmp_path / name, foreign)
    for name, foreign in (("ours", None), ("theirs", FOREIGN), ("swapped", other))
  ]
  found = comparison.compare([files[0]], [files[1]], resamples=100)
  assert list(found["differing_fields"]) == ["network"]
  assert found["B"][0]["foreign"] == FOREIGN
  assert "foreign" not in found["A"][0]
  told = " ".join(comparison_table.comparison_table(found).split())
  assert 'differ in network ("ours: resnet50" in A, "foreign: model.onnx, sha256' in told
  found = comparison.compare([files[1]], [files[2]], resamples=100)
  ((first,), (second,)) = found["differing_fields"]["network"]
  assert first.replace("RGB", "BGR") == second != first
  same = comparison.compare([files[1]], [files[1]], resamples=100)
  assert same["differing_fields"] == {}


def test_the_terminal_and_the_page_state_it():
  record = copy.deepcopy(RECORD)
  assert "foreign" not in results.terminal_table([record])
  record["card"]["foreign"] = FOREIGN
  lines = results.terminal_table([record]).splitlines()
  assert "network   foreign: model.onnx, sha256 0123456789abcdef" in lines
  assert any(line.startswith("input     256x128, RGB, 0 to 1, mean 0.485") for line in lines)
  assert all(len(line) < 80 for line in lines)
  card = record["card"]
  assert facts.title({}, card) == "mars: model.onnx, a foreign network"
  said = dict(facts.protocol(card))
  assert said["Network"] == "foreign: model.onnx, sha256 0123456789abcdef"
  assert said["May be compared with"] == "results of the same protocol"
  assert any("prepared as by its authors" in one for one in facts.warnings({}, [record]))
  assert "foreign" in facts._not_comparable({}, type("T", (), {"name": "mars"}), card)
