"""`--mode=attention` on tiny networks with drawn weights: one with TP, one with TA."""

import json

import modes
import pytest
import saved_run as saved
import tiny

from cosam_jax.errors import InputError

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def test_numbers_and_a_table(saved_run, tiny_synthetic, capsys):
  record = modes.attention(tiny.config(tiny_synthetic), saved_run)
  assert json.loads((saved_run / "attention.json").read_text()) == record
  stage = record["stages"]["5"]
  assert set(stage["deletion"]) == {"lowest", "highest", "random"}
  for cut in stage["deletion"].values():
    assert -1 <= cut["cosine"] < 1
    assert 1 <= cut["mean_rank"] <= record["gallery"]
  assert 0 < stage["entropy"] <= 1 <= stage["peak"]
  assert record["frame_weights"]["all_equal"] is None
  out = capsys.readouterr().out
  assert "not applicable, the head is TP" in out
  assert max(map(len, out.split("written to")[0].splitlines())) < 80


def test_how_often_tas_weights_are_equal(tiny_synthetic, tmp_path):
  run = saved.write(tmp_path / "ta", tiny_synthetic, model__temporal="ta")
  record = modes.attention(tiny.config(tiny_synthetic, model__temporal="ta"), run)
  assert 0 <= record["frame_weights"]["all_equal"] <= 1
  assert record["frame_weights"]["clips"] >= record["queries"]


def test_without_cosam_there_is_nothing_to_ask(tiny_synthetic, tmp_path):
  with pytest.raises(InputError, match=r"cosam_stages is empty.*name stages"):
    modes.attention(tiny.config(tiny_synthetic, model__cosam_stages=()), tmp_path)
