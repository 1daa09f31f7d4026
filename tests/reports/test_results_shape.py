"""Damaged results files: every reader gives an answer, or a sentence that names the place."""

import copy
import json

import pytest
from damaged_json import damaged
from results_record import RECORD

from cosam_jax.commands.sweep.plan import Job
from cosam_jax.commands.sweep.progress import DONE, NEW, progress_of
from cosam_jax.errors import InputError
from cosam_jax.evaluation.bootstrap import interval_record, query_scores
from cosam_jax.experiment.config import complete
from cosam_jax.reports import comparison, comparison_table, facts, results, sweep_results

STAGE = {"frames": 2, "mean": 0.4, "min": 0.1, "max": 0.9, "spread": 0.2, "share_on_figure": 0.5}
CONFIG = {
  "seed": 0, "model.backbone": "resnet50", "model.temporal": "tp", "model.cosam_stages": [4, 5],
  "model.width": 1.0, "clips.num_frames": 4, "clips.selection": "sequential", "train.epochs": 800,
  "train.identities_per_batch": 8, "train.instances": 4, "init.weights": "imagenet",
}  # fmt: skip
RUN = {
  "step": 240, "steps_per_epoch": 78, "seed": 0, "config": CONFIG, "warnings": ["few"],
  "devices": ["cpu:0"], "unreadable_frames_skipped": 1,
  "masks": {"after training": {"stages": {"4": STAGE}}},
}  # fmt: skip


def whole():
  """A results file's content as a training leaves it."""
  record = copy.deepcopy(RECORD) | {"label": "after training"}
  record["card"] |= {"warnings": ["a part"], "unannotated": {}, "checkpoint_hash": "1a"}
  record["card"] |= {"flip": True}
  places, people = [1, 2, 1, 0, 3, 1, 4, 1], [1, 1, 2, 2, 3, 4, 4, 5]
  worth = [1 / place if place else None for place in places]
  record["queries"] = {
    "name": [f"q{i}" for i in range(len(places))],
    "identity": people,
    "average_precision": worth,
    "inverse_negative_penalty": worth,
    "first_match": places,
  }
  scores = query_scores(worth, places, worth, (1, 5, 10, 20))
  record["uncertainty"] = interval_record(scores, people, 20)
  return json.loads(json.dumps(results.results_content([record], RUN)))


def use(folder, other):
  """Makes everything that needs a results file but no frames and no network."""
  path = folder / "resnet50" / "results.json"
  content = results.read_results(path)
  run, records = content["run"], content["results"]
  results.terminal_table(records)
  facts.title(run["config"], records[0]["card"])
  facts.number_rows(records, records)
  facts.summary(records, records)
  facts.warnings(run, records)
  facts.protocol(records[0]["card"])
  facts.tested(records, records, run)
  facts.mask_rows(run.get("masks", {}))
  facts.times(run, [{"step": 1, "clips_per_second": 2.0}], None)
  sweep_results.summarise(sweep_results.read_samples(folder))
  comparison_table.comparison_table(comparison.compare([path], [other], resamples=10))


def test_every_damage_is_an_answer_or_a_sentence(tmp_path):
  path, other = tmp_path / "resnet50" / "results.json", tmp_path / "other.json"
  path.parent.mkdir()
  content = whole()
  other.write_text(json.dumps(content))
  path.write_text(json.dumps(content))
  use(tmp_path, other)
  job = Job(next(iter(sweep_results.SWEEPS["all"])), 0, None, {})
  refused = count = 0
  for place, wrong, changed in damaged(content):
    path.write_text(json.dumps(changed))
    count += 1
    assert progress_of(job, path.parent, CONFIG).state, (place, wrong)
    try:
      use(tmp_path, other)
    except InputError as error:
      refused += len(str(error)) < 2000
    except Exception as error:
      raise AssertionError(f"{place} {wrong!r}: {type(error).__name__}: {error}") from error
  assert refused > count / 2


def test_epochs_are_told_with_their_steps():
  content = results.checked_results(whole(), "r.json")
  run, card = content["run"], content["results"][0]["card"]
  assert ("Epochs", "800 of 78 steps each") in facts.times(run, [], None)
  older = {name: value for name, value in run.items() if name != "steps_per_epoch"}
  assert "Epochs" not in dict(facts.times(older, [], None))
  assert dict(facts.protocol(card))["Frames"].endswith("of 4, each also as its mirror image")
  assert "mirror" not in str(facts.protocol({**card, "flip": False}))
  assert "with mirror images" in results.terminal_table(content["results"])


@pytest.mark.parametrize(
  ("change", "said"),
  [
    (lambda c: c["results"][0]["card"].update(flip=1), r"card.flip is 1, and must be true or fal"),
    (lambda c: c["run"].update(steps_per_epoch=-1), r"steps_per_epoch is -1, and must be a whole"),
    (lambda c: c.update(results=[]), r"r.json, results is an empty list"),
    (lambda c: c.update(results={}), r"r.json, results is dict, and must be a list"),
    (lambda c: c["results"][0].pop("card"), r"r.json, results\[0\] does not say 'card'"),
    (lambda c: c["results"][0]["card"].update(split="x"), r"results\[0\].card.split is 'x', and"),
    (lambda c: c["results"][0]["queries"]["name"].pop(), r"lists of several lengths \(7 of name"),
    (lambda c: c["results"][0]["metrics"].update(mAP=1), r"metrics.mAP is 1, and must be an obj"),
    (lambda c: c["run"]["config"].update(seed="0"), r"run.config.seed is '0', and must be a whole"),
  ],
)
def test_the_place_of_the_damage_is_named(tmp_path, change, said):
  content = whole()
  change(content)
  (tmp_path / "r.json").write_text(json.dumps(content))
  with pytest.raises(InputError, match=said):
    results.read_results(tmp_path / "r.json")


def test_what_is_missed_later_is_named_with_its_file(tmp_path):
  content = whole()
  del content["results"][0]["card"]["valid_queries"]
  (tmp_path / "r.json").write_text(json.dumps(content))
  read = results.read_results(tmp_path / "r.json")
  assert copy.deepcopy(read) == read
  with pytest.raises(InputError, match=r"r.json, results\[0\].card does not say 'valid_queries'"):
    facts.protocol(read["results"][0]["card"])


def test_a_sweep_runs_again_what_it_cannot_read(tmp_path):
  job = Job(next(iter(sweep_results.SWEEPS["all"])), 0, None, {})
  (tmp_path / "results.json").write_text(json.dumps(whole()))
  asked = complete(CONFIG)
  assert progress_of(job, tmp_path, asked).state == DONE
  (tmp_path / "results.json").write_text("[" * 100_000)
  assert progress_of(job, tmp_path, asked).state == NEW
