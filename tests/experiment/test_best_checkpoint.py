"""The best checkpoint so far, by given scores: which one is kept, also after a restart."""

import json
import types

import pytest

from cosam_jax.errors import InputError
from cosam_jax.experiment import best_checkpoint
from cosam_jax.experiment.best_checkpoint import Best
from cosam_jax.training.state import AveragedState


class Kept:
  """Checkpoints in memory; only the newest is kept."""

  directory = "best"

  def __init__(self, about=None):
    self.steps = {} if about is None else {1: about}

  def latest_step(self):
    return max(self.steps, default=None)

  def about(self, step):
    if isinstance(self.steps[step], Exception):
      raise self.steps[step]
    return self.steps[step]

  def save(self, step, current, about):
    self.steps = {step: {"state": current.variables, **about}}


@pytest.fixture
def best_of(tmp_path, monkeypatch):
  """Makes a `Best` over some checkpoints; its evaluator returns the weights as the score."""

  def evaluator(config, tables, model, **options):
    assert (tables, options) == ("held out", {"attributes": False})

    def evaluate(variables, label):
      assert label == "validation"
      metrics = types.SimpleNamespace(mean_average_precision=variables)
      return [types.SimpleNamespace(metrics=metrics)]

    return evaluate

  def make(kept, weights="trained"):
    monkeypatch.setattr(best_checkpoint, "Evaluator", evaluator)
    monkeypatch.setattr(best_checkpoint, "Checkpoints", lambda workdir, name: kept)
    config = types.SimpleNamespace(evaluation=types.SimpleNamespace(weights=weights))
    run = types.SimpleNamespace(
      config=config, training_tables="held out", model=None, workdir=tmp_path
    )
    return Best(run, {"config": {"seed": 1}})

  return make


def validate(best, scores):
  for step, score in scores.items():
    best(step, types.SimpleNamespace(variables=score))


def test_the_first_of_the_highest_is_kept_and_every_score_is_logged(best_of, tmp_path):
  kept = Kept()
  best = best_of(kept)
  assert not best.lacks(0)
  assert best.lacks(2)
  scores = {2: 0.3, 4: 0.6, 6: 0.5, 8: 0.6}
  validate(best, scores)
  assert kept.steps == {4: {"state": 0.6, "config": {"seed": 1}, "validation_mAP": 0.6}}
  rows = [json.loads(line) for line in (tmp_path / "validation.jsonl").read_text().splitlines()]
  assert {row["step"]: row["mAP"] for row in rows} == scores
  assert not best.lacks(8)
  assert best.lacks(9)


def test_after_a_restart_only_a_higher_one_replaces_it(best_of):
  kept = Kept({"validation_mAP": 0.5})
  validate(best_of(kept), {2: 0.4, 3: 0.5})
  assert kept.latest_step() == 1
  validate(best_of(kept), {4: 0.51})
  assert kept.latest_step() == 4


def test_the_average_is_validated_if_it_is_asked_for(best_of):
  kept = Kept()
  best = best_of(kept, "average")
  score = {"params": 1.0}
  current = AveragedState(step=2, params=0.1, batch_stats={}, opt_state={}, average=score)
  validated = []
  best._evaluator = lambda weights, label: (
    validated.append(weights)
    or [types.SimpleNamespace(metrics=types.SimpleNamespace(mean_average_precision=0.5))]
  )
  best(2, current)
  assert validated == [score]
  assert kept.latest_step() == 2


def test_zero_is_better_than_none(best_of):
  kept = Kept()
  validate(best_of(kept), {2: 0.0})
  assert kept.latest_step() == 2


@pytest.mark.parametrize(
  ("about", "reason"),
  [
    (InputError("b has other bytes"), "b has other bytes"),
    ({}, "it does not say its validation_mAP"),
    ({"validation_mAP": None}, "it does not say its validation_mAP"),
    ({"validation_mAP": "high"}, "it does not say its validation_mAP"),
  ],
)
def test_a_damaged_one_is_replaced_with_a_warning(best_of, capsys, about, reason):
  kept = Kept(about)
  best = best_of(kept)
  assert f"warning: the best checkpoint so far cannot be used ({reason})" in capsys.readouterr().out
  validate(best, {2: 0.1})
  assert kept.latest_step() == 2
