"""The attention's table: each number in its place."""

from cosam_jax.reports.attention_table import attention_table

DELETION = {
  "lowest": {"cosine": 0.9876, "mean_rank": 12.345, "rank1": 0.5, "mAP": 0.1},
  "random": {"cosine": -0.5, "mean_rank": 3.0, "rank1": 1.0, "mAP": 0.1},
}
RECORD = {
  "queries": 8, "gallery": 9, "frames_per_tracklet": 4,
  "stages": {
    "5": {"std": 0.04482, "peak": 1.1313, "entropy": 0.99833, "between_frames": 0.00664,
          "deletion": DELETION},
  },
  "frame_weights": {"note": "all equal in 12.5% of 8 clips"},
  "whole": {"mean_rank": 2.0, "rank1": 0.75, "mAP": 0.1},
}  # fmt: skip


def test_every_number_has_its_place():
  lines = [line.split() for line in attention_table(RECORD).splitlines()]
  assert ["COSAM", "5", "0.0448", "1.131", "0.9983", "0.0066"] in lines
  assert ["none", "1.000", "2.00", "75.0%"] in lines
  assert ["COSAM", "5,", "lowest", "weights", "0.988", "12.35", "50.0%"] in lines
  assert ["COSAM", "5,", "random", "weights", "-0.500", "3.00", "100.0%"] in lines
  text = attention_table(RECORD)
  assert "frame weights: all equal in 12.5% of 8 clips" in text
  assert "measured on 8 queries, 9 gallery tracklets, 4 frames each" in text
