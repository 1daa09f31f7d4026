"""Rows of the poster's tables: every number is ours, the poster's, or their difference."""

import statistics

import pytest
from poster_results import PLAIN, blocks, record, write

from cosam_jax.errors import InputError
from cosam_jax.experiment.flat_config import trained_with
from cosam_jax.reports import poster_tables
from cosam_jax.reports.poster_rows import BEST_ROW
from cosam_jax.reports.published import read_published


def published(table, row, dataset, reranked=False):
  (line,) = [one for one in read_published()[table]
             if one.row == row and one.reranked == reranked]  # fmt: skip
  return line.numbers[dataset]


def test_ours_stand_beside_the_published_with_difference_and_spread(mars):
  block = blocks(mars)["positions", "mars"]
  assert block.metrics == ("mAP", "Rank-1", "Rank-5", "Rank-20")
  lines = {line.name: line for line in block.lines}
  assert len(lines) == 12
  plain, best = lines[PLAIN.title], lines[BEST_ROW.title]
  assert plain.ours["mAP"] == pytest.approx(75.123)
  assert plain.published == published("positions", PLAIN, "mars")
  assert plain.difference("Rank-1") == pytest.approx(83.456 - 83.1)
  assert plain.spreads == {}
  assert best.ours["mAP"] == pytest.approx((79.0 + 80.5 + 81.0) / 3)
  assert best.spreads["mAP"] == pytest.approx(statistics.stdev([79.0, 80.5, 81.0]))
  assert best.note == "3 seeds"
  others = [line for line in block.lines if line not in (plain, best)]
  assert {(line.note, line.comparable, *line.ours) for line in others} == {("not run", False)}
  assert all(line.published for line in others)


def test_the_re_ranked_row_has_the_re_ranked_numbers_and_others_methods_are_named(mars):
  block = blocks(mars)["state_of_the_art", "mars"]
  ranked, reranked = block.lines[-2:]
  assert reranked.ours["mAP"] - ranked.ours["mAP"] == pytest.approx(7)
  assert reranked.published["mAP"] == 87.4
  assert [line.note for line in block.lines][:2] == [poster_tables.OTHERS] * 2
  assert block.lines[1].published == {"mAP": 68.5, "Rank-1": 73.9}


def test_attributes_are_rows_of_their_own_table(tmp_path):
  duke = {"dataset": "dukemtmc_vidreid"}
  records = [record((90.0, 91.0), **duke)]
  for attribute, gallery, mean in (
    ("hat=yes", "whole", 80.0), ("hat=yes", "subset", 85.0), ("hat=no", "whole", 70.0),
    ("handbag=yes", "whole", 75.0), ("top=long", "whole", 60.0),
  ):  # fmt: skip
    card = {"attribute": attribute, "attribute_gallery": gallery, "valid_queries": int(mean)}
    records.append(record((mean, mean), **duke, **card))
  write(tmp_path, "plain", PLAIN, *records)
  found = blocks(tmp_path)
  lines = {line.name: line for line in found["attributes", "dukemtmc_vidreid"].lines}
  wanted = {"handbag": 75.0, "hat": 80.0}
  for attribute in ("handbag", "hat", "backpack"):
    line = lines[f"{PLAIN.title} ({attribute})"]
    assert line.ours.get("mAP") == pytest.approx(wanted.get(attribute))
  assert lines[f"{PLAIN.title} (hat)"].difference("mAP") == pytest.approx(80.0 - 91.1)
  # The poster does not say which gallery it used: its numbers stand beside both.
  assert lines[f"{PLAIN.title} (hat), subset"].difference("mAP") == pytest.approx(85.0 - 91.1)
  assert "people with the attribute only" in lines[f"{PLAIN.title} (hat), subset"].note
  (everybody,) = [line for line in found["positions", "dukemtmc_vidreid"].lines if line.ours]
  assert everybody.ours["mAP"] == pytest.approx(90.0)


def test_splits_are_averaged_and_an_incomplete_set_is_said_to_be(tmp_path):
  for split in range(10):
    result = record((50.0, 70.0 + split), dataset="ilids_vid", split=split)
    write(tmp_path, f"best{split}", BEST_ROW, result)
    if split < 3:
      write(tmp_path, f"plain{split}", PLAIN, result)
  block = blocks(tmp_path)["temporal", "ilids_vid"]
  assert block.metrics == ("Rank-1", "Rank-5")
  lines = {line.name: line for line in block.lines}
  assert lines[BEST_ROW.title].ours["Rank-1"] == pytest.approx(74.5)
  assert lines[BEST_ROW.title].difference("Rank-1") == pytest.approx(74.5 - 79.6)
  assert lines[PLAIN.title].ours["Rank-1"] == pytest.approx(71.0)
  assert lines[PLAIN.title].note == "3 of 10 splits"
  assert lines[PLAIN.title].difference("Rank-1") is None


def test_a_seed_that_lacks_splits_is_left_out_and_named(tmp_path):
  for seed, splits in ((0, 10), (1, 4), (2, 10)):
    for split in range(splits):
      result = record((50.0, 70.0 + seed), dataset="ilids_vid", split=split)
      write(tmp_path, f"best{seed}_{split}", BEST_ROW, result, seed=seed)
  (line,) = (x for x in blocks(tmp_path)["temporal", "ilids_vid"].lines if x.name == BEST_ROW.title)
  assert line.ours["Rank-1"] == pytest.approx(71.0)  # Of seeds 0 and 2.
  assert line.note == "2 seeds; without seed 1, which lacks splits"
  assert line.difference("Rank-1") == pytest.approx(71.0 - 79.6)


@pytest.mark.parametrize(
  "change", [{"protocol": "official", "gallery_size": 11310}, {"distance": "cosine"},
             {"valid_queries": 1800}, {"flip": True}]
)  # fmt: skip
def test_different_protocols_are_refused_or_marked(tmp_path, change):
  write(tmp_path, "best", BEST_ROW, record((80.0, 85.0)))
  write(tmp_path, "plain", PLAIN, record((75.0, 83.0), **change))
  with pytest.raises(InputError) as caught:
    blocks(tmp_path)
  for word in ("different protocols", "/best/", "/plain/", "--allow_mixed_protocols"):
    assert word in str(caught.value)
  block = blocks(tmp_path, allow_mixed_protocols=True)["positions", "mars"]
  notes = {line.name: line.note for line in block.lines}
  value = "with mirror images" if "flip" in change else str(next(iter(change.values())))
  assert value in notes[PLAIN.title].replace(",", "")
  assert "protocol reference" in notes[BEST_ROW.title]


def test_numbers_of_another_protocol_are_not_subtracted(tmp_path):
  card = {"protocol": "official", "gallery_size": 11310}
  write(tmp_path, "best", BEST_ROW, record((80.0, 85.0), **card))
  line = next(line for line in blocks(tmp_path)["positions", "mars"].lines if line.ours)
  assert line.difference("mAP") is None
  assert "the poster's is reference" in line.note


def test_settings_in_which_rows_differ_are_told(tmp_path):
  write(tmp_path, "a", PLAIN, record((75.0, 83.0)), **{"train.epochs": 4})
  write(tmp_path, "b", BEST_ROW, record((80.0, 85.0)), step=1240)
  notes = "\n".join(blocks(tmp_path)["positions", "mars"].notes)
  assert f"rows differ in train.epochs: 4 ({PLAIN.name}); 800 ({BEST_ROW.name})" in notes
  assert "init.weights imagenet" in notes
  assert "steps 10 to 1,240" in notes


def test_settings_that_train_no_other_network_are_passed_over(tmp_path):
  others = {"report.worst": 9, "model.remat": True, "data.retry_seconds": 5}
  write(tmp_path, "plain", PLAIN, record((70.0, 80.0)), **others)
  write(
    tmp_path, "best", BEST_ROW, record((79.0, 85.0)), **{"report.worst": 3, "model.remat": False}
  )
  write(tmp_path, "best1", BEST_ROW, record((79.0, 85.0)), seed=1, **{"init.mask_start": 0.9})
  found = blocks(tmp_path, trained_with=trained_with)["positions", "mars"].notes
  differing = [note for note in found if note.startswith("rows differ")]
  # The other two are older than the field.
  wanted = f"0.5 ({PLAIN.name}, {BEST_ROW.name}); 0.9 ({BEST_ROW.name})"
  assert differing == [f"rows differ in init.mask_start: {wanted}"]


def test_tables_of_an_earlier_call_do_not_stay(mars):
  stale = mars / "tables" / "attributes.md"  # There are no results with attributes.
  stale.parent.mkdir()
  for name in ("attributes.md", "positions.md"):
    (stale.parent / name).write_text("old")
  poster_tables.write_tables(mars)
  assert not stale.exists()
  assert "old" not in (stale.parent / "positions.md").read_text().split()
