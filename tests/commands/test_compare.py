"""`--mode=compare`: two sides of results or of embeddings, and the file of the comparison."""

import json

import pytest
import tiny
from comparable_results import result, write
from evaluation_embeddings import RANKED, made

from cosam_jax.commands import compare as compare_command
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import Origin, write_embeddings
from cosam_jax.experiment.flat_config import plain
from cosam_jax.experiment.saved_rankings import evaluate_embeddings
from cosam_jax.reports import results


def test_comparison_starts_from_embeddings_too(tmp_path, capsys):
  origin = Origin("mars", num_frames=2, config={"seed": 3, **RANKED})
  paths = [tmp_path / f"{name}.npz" for name in "ab"]
  one, other = made(origin=origin), made(origin=origin, vectors=made().vectors[::-1])
  for path, embeddings in zip(paths, (one, other)):
    write_embeddings(path, embeddings)
  evaluate_embeddings(paths[0], None, tmp_path / "ranked")
  record = json.loads((tmp_path / "ranked" / "results.json").read_text())
  compare_command.compare(list(map(str, paths)), tmp_path, resamples=100)
  compared = json.loads((tmp_path / "comparison.json").read_text())
  assert [one["reranking"] is None for one in compared["comparisons"]] == [True, False]
  for comparison, wanted in zip(compared["comparisons"], record["results"]):
    found = comparison["metrics"]["mAP"]["A"]["fraction"]
    assert found == pytest.approx(wanted["metrics"]["mAP"]["fraction"])
  assert "a.npz" in capsys.readouterr().out


def test_somebodys_file_is_not_replaced_by_a_comparison(tmp_path):
  for text in ("my notes", "[]", '{"program": "another"}', '{"comparisons": []}'):
    (tmp_path / "comparison.json").write_text(text)
    with pytest.raises(InputError, match=r"comparison\.json would be replaced"):
      compare_command.compare(["a", "b"], str(tmp_path))
    assert (tmp_path / "comparison.json").read_text() == text


def test_a_comparison_of_other_sides_is_said_to_be_replaced(tmp_path, capsys):
  a, b, c = (str(write(tmp_path / f"{name}.json", result([1, 2] * 6))) for name in "abc")

  def told(*sides):
    compare_command.compare(sides, tmp_path, resamples=10)
    return [line for line in capsys.readouterr().out.splitlines() if "replaces" in line]

  assert told(a, b) == told(a, b) == []
  assert told(a, f"{b},{c}") == [f"it replaces the comparison of {a} and {b}"]
  assert told(b, a) == [f"it replaces the comparison of {a} and {b}, {c}"]
  record = json.loads((tmp_path / "comparison.json").read_text())
  assert record["A"][0]["file"] == b
  del record["A"]
  (tmp_path / "comparison.json").write_text(json.dumps(record))
  assert told(b, a) == ["it replaces the comparison of files that it does not name"]


def test_the_fields_in_which_the_sides_differ_are_printed(tmp_path, capsys):
  """Those that decide results: a place or a number of workers does not."""
  places, files = [1, 2] * 6, []
  for name, seed, changes in (
    ("a0", 0, {}), ("a1", 1, {}), ("b0", 0, {"model.cosam_stages": [4, 5], "data.dir": "other"}),
    ("b1", 1, {"model.cosam_stages": [4, 5], "train.log_every_steps": 9}),
  ):  # fmt: skip
    config = plain(tiny.config("data", seed=seed)) | changes
    files.append(tmp_path / f"{name}.json")
    results.write_results(files[-1], [result(places)], {"seed": seed, "config": config})

  def printed(*sides):
    compare_command.compare(sides, tmp_path, resamples=10)
    return " ".join(capsys.readouterr().out.split())

  a, b = ",".join(map(str, files[:2])), ",".join(map(str, files[2:]))
  assert "differ in model.cosam_stages ([5] in A, [4, 5] in B) queries" in printed(a, b)
  record = json.loads((tmp_path / "comparison.json").read_text())
  assert record["differing_fields"] == {"model.cosam_stages": [[[5]], [[4, 5]]]}
  assert "differ in seed (0 in A, 1 in B) queries" in printed(str(files[0]), str(files[1]))
  mixed = printed(f"{a},{b}", b)
  assert "warning the runs of A are not one network with other seeds: they differ in" in mixed
  assert "model.cosam_stages ([5] and [4, 5]); name the runs" in mixed
  same = printed(a, a)
  assert "warning" not in same
  assert "differ in no field of the configuration that decides results" in same
  assert "A and B are the same: " in same


@pytest.mark.parametrize("count", [0, 1, 3])
def test_there_are_two_sides(tmp_path, count):
  with pytest.raises(InputError, match=f"needs two sides and got {count}: A and B"):
    compare_command.compare(["a"] * count, tmp_path)
  assert not list(tmp_path.iterdir())
