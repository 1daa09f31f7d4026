"""The end of a run: files come in an order that leaves a stopped run with its numbers."""

import types

import numpy as np
import pytest

from cosam_jax.experiment import outcome


class Stopped(Exception):
  pass


@pytest.fixture
def end(tmp_path, monkeypatch):
  """Runs the end of a run; its parts only note their calls, and the one named `stop` raises."""
  done = []

  def part(name, stop):
    def call(*arguments, **options):
      if name == stop:
        raise Stopped
      done.append((name, *arguments))
      return ""

    return call

  def leave(mode, stop=None, **options):
    done.clear()
    for name in ("write_results", "terminal_table", "finish"):
      monkeypatch.setattr(outcome, name, part(name, stop))
    for name in ("record", "next_steps"):
      monkeypatch.setattr(outcome.command_line, name, part(name, stop))
    monkeypatch.setattr(outcome, "describe_run", lambda run, step, skipped: {"step": step})
    masks = types.SimpleNamespace(write=part("masks", stop))
    events = types.SimpleNamespace(results=part("events", stop))
    run = types.SimpleNamespace(workdir=tmp_path)
    metrics = types.SimpleNamespace(mean_average_precision=0.5, cmc=np.array([0.25, 1.0]))
    results = [types.SimpleNamespace(label="step 3", metrics=metrics)]
    outcome.leave(
      run, None, masks, results, {}, mode=mode, label="after", step=3, events=events, **options
    )
    return done

  return leave, done


ORDER = ["write_results", "terminal_table", "events", "masks", "record", "finish", "next_steps"]


def test_everything_comes_in_its_order(end, tmp_path):
  leave, done = end
  leave("evaluate")
  assert [name for name, *_ in done] == ORDER
  assert done[0][1] == tmp_path / "results.json"
  assert done[0][3] == {"step": 3}
  assert done[2] == ("events", 3, "step 3")
  assert done[3][2:] == ("after", tmp_path / "results.json")
  # Training noted its command when it began.
  leave("train")
  assert [name for name, *_ in done] == [name for name in ORDER if name != "record"]


@pytest.mark.parametrize("stop", ORDER[1:])
def test_a_run_that_is_stopped_has_all_that_comes_before(end, stop):
  leave, done = end
  with pytest.raises(Stopped):
    leave("evaluate", stop)
  assert [name for name, *_ in done] == ORDER[: ORDER.index(stop)]


def test_skipped_frames_and_changed_fields_are_told(end, capsys):
  leave, done = end
  leave("train", skipped=2, changed=["from step 4 on, optim.clip_norm is 1 instead of 0"])
  assert "skipped 2 unreadable frames" in capsys.readouterr().out
  assert done[0][3]["changed_on_resume"] == ["from step 4 on, optim.clip_norm is 1 instead of 0"]
  leave("evaluate", start={"initial_weights": "hf:org/name@0a"})
  assert done[0][3]["initial_weights"] == "hf:org/name@0a"
