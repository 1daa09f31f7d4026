"""The table of results by distance, pooling and number of frames."""

import copy

from results_record import RECORD

from cosam_jax.reports.sensitivity_table import sensitivity_table


def record(frames, pooling, distance, mean):
  made = copy.deepcopy(RECORD)
  made["card"] |= {"frames": frames, "pooling": pooling, "distance": distance}
  made["metrics"]["mAP"] = mean
  return made


def test_each_combination_is_a_row_and_each_number_of_frames_a_block():
  lines = sensitivity_table([
    record("all", "mean", "sqeuclidean", 0.79876),
    record("all", "normalised", "cosine", 0.81),
    record("first 1000", "mean", "cosine", 0.5),
  ]).split("\n")  # fmt: skip
  assert lines[0].split() == [
    "frames", "clips", "distance", "mAP", "Rank-1", "Rank-5", "Rank-10", "Rank-20", "mINP",
  ]  # fmt: skip
  assert set(lines[1]) == {"-"}
  others = ["84.90", "95.50", "97.00", "100.00", "50.00"]
  assert lines[2].split() == ["all", "mean", "sqeuclidean", "79.88", *others]
  assert lines[3].split() == ["all", "normalised", "cosine", "81.00", *others]
  assert lines[4] == ""
  assert lines[5].split() == ["first", "10", "mean", "cosine", "50.00", *others]
  assert lines[6] == ""
  assert lines[7] == "mars, reference: 1,840 queries count, 9,330 in the gallery; percent."
  assert max(map(len, lines)) < 80
