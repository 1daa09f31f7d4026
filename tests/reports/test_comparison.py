"""Comparisons of results files: numbers against slow loops, refusals, and plain words."""

import json

import numpy as np
import pytest
from comparable_results import PEOPLE, drawn, result, write

from cosam_jax.errors import InputError
from cosam_jax.evaluation import bootstrap
from cosam_jax.reports import comparison, comparison_table


def test_one_run_on_each_side_against_a_slow_loop(tmp_path):
  places = [drawn(0, 0.8), drawn(1, 0.3)]
  files = [write(tmp_path / f"{i}.json", result(p), seed=i) for i, p in enumerate(places)]
  record = comparison.compare(files[:1], files[1:], resamples=300)
  (found,) = record["comparisons"]
  assert (found["queries"], found["identities"]) == (12, 8)
  for name, score in {
    "mAP": lambda p: 1 / p,
    "Rank-1": lambda p: p == 1,
    "Rank-5": lambda p: p <= 5,
  }.items():
    means = [np.mean([score(p) for p in side]) for side in places]
    metric = found["metrics"][name]
    assert metric["A"]["fraction"] == pytest.approx(means[0])
    assert metric["B"]["runs"] == pytest.approx([means[1]])
    assert metric["A"]["spread"] is None
    assert metric["difference"]["fraction"] == pytest.approx(means[0] - means[1])
    low, high = metric["difference"]["interval"]
    assert low < means[0] - means[1] < high
    assert metric["difference"]["interval_with_runs"] is None
  assert record["A"][0]["seed"] == 0
  json.dumps(record, allow_nan=False)


def test_a_file_equals_itself(tmp_path):
  file = write(tmp_path / "a.json", result(drawn(0, 0.5)))
  record = comparison.compare([file], [file])
  difference = record["comparisons"][0]["metrics"]["mAP"]["difference"]
  assert (difference["fraction"], difference["interval"], difference["p"]) == (0, [0, 0], 1)
  assert "mAP: A and B are equal." in comparison_table.verdicts(record)


def test_runs_are_averaged_query_by_query(tmp_path):
  sides = {"a": [drawn(i, 0.9) for i in range(3)], "b": [drawn(i, 0.2) for i in range(10, 12)]}
  for side, runs in sides.items():
    for i, places in enumerate(runs):
      write(tmp_path / f"{side}_s{i}" / "results.json", result(places), seed=i)
  a, b = (comparison.files_of(f"{tmp_path}/{side}_s*") for side in sides)
  assert [len(a), len(b)] == [3, 2]
  record = comparison.compare(a, b)
  metric = record["comparisons"][0]["metrics"]["mAP"]
  means = [np.mean(1 / places) for places in sides["a"]]
  assert metric["A"]["fraction"] == pytest.approx(np.mean(means))
  assert metric["A"]["spread"] == pytest.approx(np.std(means, ddof=1))
  wide, narrow = (metric["difference"][key] for key in ("interval_with_runs", "interval"))
  assert wide[1] - wide[0] > narrow[1] - narrow[0]
  assert [run["seed"] for run in record["A"]] == [0, 1, 2]
  # Good runs against bad ones: the difference is sure.
  assert 0 < metric["difference"]["p"] < 0.05
  # The same with a run that has its queries in another order: each query is averaged by itself.
  other_order = result(sides["a"][1])
  other_order["queries"] = {key: row[::-1] for key, row in other_order["queries"].items()}
  write(a[1], other_order, seed=1)
  again = comparison.compare(a, b)["comparisons"][0]["metrics"]["mAP"]
  first, second = (np.mean([1 / places for places in runs], axis=0) for runs in sides.values())
  for found, values in (("A", first), ("B", second), ("difference", first - second)):
    wanted = bootstrap.intervals(bootstrap.means_of_people(values[:, None], np.array(PEOPLE)))[0]
    assert metric[found]["interval"] == pytest.approx(wanted)
    assert again[found]["interval"] == pytest.approx(wanted)
  p = bootstrap.sign_flip_p((first - second)[:, None], np.array(PEOPLE))[0]
  assert metric["difference"]["p"] == again["difference"]["p"] == pytest.approx(p)


def test_queries_that_do_not_count_are_left_out(tmp_path):
  places = drawn(0, 0.5)
  places[[0, 5]] = 0
  a = write(tmp_path / "a.json", result(places))
  b = write(tmp_path / "b.json", result(np.where(places, 1, 0)))
  record = comparison.compare([a], [b])["comparisons"][0]
  assert (record["queries"], record["identities"]) == (10, 7)
  assert record["metrics"]["mAP"]["B"]["fraction"] == 1


def test_splits_are_paired_and_people_stay_together(tmp_path):
  files = {}
  for side, skill in (("a", 0.9), ("b", 0.4)):
    files[side] = [
      write(tmp_path / f"{side}{split}.json", result(drawn(split, skill), split=split))
      for split in range(2)
    ]
  found = comparison.compare(files["a"], files["b"])["comparisons"][0]
  assert (found["queries"], found["identities"]) == (24, 8)
  with pytest.raises(InputError, match="A has results of split 0, 1 and B of 1"):
    comparison.compare(files["a"], files["b"][1:])


def test_protocols_are_not_mixed_unless_told(tmp_path):
  a = write(tmp_path / "a.json", result(drawn(0, 0.5)))
  other = drawn(1, 0.5)
  other[3] = 0
  b = write(tmp_path / "b.json", result(other, protocol="official", gallery_size=11310))
  with pytest.raises(InputError) as caught:
    comparison.compare([a], [b])
  for words in ("protocol reference", "and official", str(b), "11310", "--allow_mixed_protocols"):
    assert words in str(caught.value)
  record = comparison.compare([a], [b], allow_mixed=True)
  assert record["comparisons"][0]["queries"] == 11
  assert len(record["mixed_protocols"]) == 3
  table = comparison_table.comparison_table(record)
  assert "MIXED      protocol reference" in table
  assert "none of this is evidence" in table


def test_other_weights_and_clips_may_be_compared(tmp_path):
  a = write(tmp_path / "a.json", result(drawn(0, 0.5)))
  b = write(tmp_path / "b.json", result(drawn(1, 0.5), num_frames=8, checkpoint="step 9"))
  assert comparison.compare([a], [b])["mixed_protocols"] == []


def test_reranked_results_are_compared_where_both_have_them(tmp_path):
  constants = {"k1": 20, "k2": 6, "lambda": 0.3}
  plain, again = result(drawn(0, 0.5)), result(drawn(1, 0.9), reranking=constants)
  both = write(tmp_path / "both.json", plain, again)
  record = comparison.compare([both], [both])
  assert [part["reranking"] for part in record["comparisons"]] == [None, constants]
  assert "re-ranked" in comparison_table.comparison_table(record)
  one = write(tmp_path / "one.json", plain)
  assert len(comparison.compare([both], [one])["comparisons"]) == 1
  only = write(tmp_path / "only.json", again)
  with pytest.raises(InputError, match="no way of ranking in common"):
    comparison.compare([one], [only])


def test_other_queries_or_people_are_refused(tmp_path):
  a = write(tmp_path / "a.json", result(drawn(0, 0.5)))
  other = result(drawn(0, 0.5))
  other["queries"]["name"][0] = "somebody"
  b = write(tmp_path / "b.json", other)
  with pytest.raises(InputError, match="answer different queries"):
    comparison.compare([a], [b])
  c = write(tmp_path / "c.json", result(drawn(0, 0.5), people=PEOPLE[::-1]))
  with pytest.raises(InputError, match="give a query different identities"):
    comparison.compare([a], [c])
  nobody = result(drawn(0, 0.5))
  nobody["queries"]["name"] = [f"x{i}" for i in range(12)]
  d = write(tmp_path / "d.json", nobody)
  with pytest.raises(InputError, match="no query in common"):
    comparison.compare([a], [d], allow_mixed=True)


def test_each_attribute_is_a_comparison_of_its_own(tmp_path):
  hats = {"attribute": "hat=yes", "attribute_gallery": "whole"}
  files = [
    write(tmp_path / f"{i}.json", result(drawn(i, 0.5)), result(drawn(i + 2, skill), **hats))
    for i, skill in enumerate((0.9, 0.1))
  ]
  found = comparison.compare(files[:1], files[1:])
  assert [one["attribute"] for one in found["comparisons"]] == [None, "hat=yes"]
  means = [np.mean(1 / drawn(i, skill)) for i, skill in ((2, 0.9), (3, 0.1))]
  difference = found["comparisons"][1]["metrics"]["mAP"]["difference"]
  assert difference["fraction"] == pytest.approx(means[0] - means[1])
  assert "hat=yes, whole gallery\nmars (%)" in comparison_table.comparison_table(found)
  assert "hat=yes, whole gallery: mAP: A is ahead" in " ".join(comparison_table.verdicts(found))
  old = write(tmp_path / "old.json", result(drawn(5, 0.5)))  # Older than attributes.
  assert len(comparison.compare(files[:1], [old])["comparisons"]) == 1


def test_what_exists_is_meant_before_any_pattern(tmp_path, monkeypatch):
  names = ["run[1]", "run1", "all[x]/c_s0", "all[x]/c_s1", "a,b", "a", "b", "star*", "starred"]
  files = {name: write(tmp_path / name / "results.json", result(drawn(0, 0.5))) for name in names}
  for name in ("run[1]", "a,b", "star*"):
    assert comparison.files_of(f"{tmp_path}/{name}") == [files[name]]
    assert comparison.files_of(str(files[name])) == [files[name]]
  assert comparison.files_of(f"{tmp_path}/run[0-9]") == [files["run1"]]
  both = [files["all[x]/c_s0"], files["all[x]/c_s1"]]
  assert comparison.files_of(f"{tmp_path}/all[x]/c_s*") == both
  assert comparison.files_of(f"{tmp_path}/all[x]/c_s[01]/results.json") == both
  monkeypatch.chdir(tmp_path / "all[x]")
  assert [str(path) for path in comparison.files_of("c_s*")] == [
    "c_s0/results.json", "c_s1/results.json",
  ]  # fmt: skip
  assert len(comparison.files_of("../run*")) == 2


def test_files_by_name_folder_and_pattern(tmp_path):
  names = ["r_s0", "r_s1", "other"]
  files = [write(tmp_path / name / "results.json", result(drawn(0, 0.5))) for name in names]
  (tmp_path / "r_s0.log").write_text("of the run beside it")
  assert comparison.files_of(f"{tmp_path}/r_s*") == files[:2]
  assert comparison.files_of(str(tmp_path / "other")) == files[2:]
  assert comparison.files_of(f"{tmp_path}/r_s*/results.json") == files[:2]
  assert comparison.files_of(f"{files[2]}, {tmp_path}/r_s*,{files[0]}") == [files[2], *files[:2]]
  for text in ("", " , ", f"{tmp_path}/nothing*", str(tmp_path)):
    with pytest.raises(InputError, match=r"give results\.json files"):
      comparison.files_of(text)


def test_the_table_fits_and_says_what_it_means(tmp_path):
  sure = np.ones(12, int), np.full(12, 25)
  sides = []
  for label, places in zip("ab", sure):
    card = {"warnings": ["a subset of the data " * 9], "dataset": "a_rather_long_name_of_a_set"}
    path = tmp_path / ("deep_" * 20) / label
    sides.append([
      write(path / f"{i}.json", result(places, **card), seed=i) for i in range(8)
    ])  # fmt: skip
  record = comparison.compare(*sides)
  table = comparison_table.comparison_table(record)
  assert all(len(line) < 80 for line in table.split("\n") if "deep_" not in line), table
  words = " ".join(table.split())  # The folder's name decides where lines break.
  assert "100.00 ±0.00" in words
  assert "and 2 more" in words
  assert "mAP: A is ahead by 96.00 points (95% interval of A - B 96.0 to 96.0" in words
  assert "more than luck of training" in words
  few = comparison.compare(sides[1][:1], sides[0][:1])
  text = " ".join(comparison_table.verdicts(few))
  assert "B is ahead by 96.00" in text
  assert "more than luck in the choice of people." in text
  assert "one run" in text
  unsure = write(tmp_path / "u.json", result([1, 1, 2, 2] * 3))
  other = write(tmp_path / "v.json", result([2, 1, 1, 1] * 3))
  assert "which may be luck" in " ".join(
    comparison_table.verdicts(comparison.compare([unsure], [other]))
  )
