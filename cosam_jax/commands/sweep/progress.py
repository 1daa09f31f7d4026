"""The progress of a sweep's runs, from their folders, and an estimate of the time left."""

import dataclasses
import json
import math
import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from cosam_jax.commands.sweep.plan import Job, differing
from cosam_jax.data.sets.registry import data_set_of
from cosam_jax.errors import InputError
from cosam_jax.reports.results import read_results
from cosam_jax.runtime.full_disk import naming
from cosam_jax.runtime.json_files import read_json_lines
from cosam_jax.runtime.outside_files import open_to_append
from cosam_jax.runtime.quiet import warn
from cosam_jax.training.scalars import read_scalars

DONE, BEGUN, ANOTHER, NEW = "done", "stopped", "other configuration", "to run"
TRAINED = "after training"  # Only finished training gives its results this label.
ATTEMPTS = "attempts.jsonl"
_LONGEST = 1e9  # Most seconds of an attempt; more than thirty years must be a damaged number.


@dataclasses.dataclass(frozen=True)
class State:
  """The progress of one run.

  Attributes:
    job: the run.
    state: `DONE` (it has results of this configuration), `BEGUN` (it began and can continue),
      `ANOTHER` (the folder holds results of another configuration) or `NEW`.
    step: number of steps trained, by the log.
    clips_per_second: of training, over the latest steps; 0 if unknown.
    seconds: time of all attempts together; 0 if unknown.
    fields: for `ANOTHER`, the fields that differ.
  """

  job: Job
  state: str
  step: int = 0
  clips_per_second: float = 0.0
  seconds: float = 0.0
  fields: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Estimate:
  """The time that a run may still take.

  Attributes:
    seconds: None if unknown.
    basis: says how the number was found.
  """

  seconds: float | None
  basis: str


def progress_of(job: Job, folder: pathlib.Path, asked: Mapping[str, Any]) -> State:
  """Reads a run's folder.

  Args:
    job: the run.
    folder: its workdir, which need not exist.
    asked: the flat configuration that it should have.
  """
  rows = read_scalars(folder / "scalars.jsonl")
  last = rows[-1] if rows else {}
  known: dict[str, Any] = {
    "step": int(last.get("step", 0)),
    "clips_per_second": _number(last.get("clips_per_second", 0.0)),
    "seconds": sum(attempt["seconds"] for attempt in read_attempts(folder)),
  }
  try:
    content = read_results(folder / "results.json")
    saved = content["run"]["config"]
    trained = content["results"][0]["label"] == TRAINED
    fields = tuple(differing(saved, asked))
  except (InputError, KeyError, IndexError, TypeError, AttributeError):
    # They are missing or damaged; the run writes them again.
    return State(job, BEGUN if (folder / "config.json").is_file() else NEW, **known)
  if fields:
    return State(job, ANOTHER, **known, fields=fields)
  known["step"] = int(content["run"].get("step") or known["step"])
  return State(job, DONE if trained else BEGUN, **known)


def _number(value: Any) -> float:
  return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def read_attempts(folder: pathlib.Path) -> list[dict[str, Any]]:
  """The records of all attempts at a run, {"seconds", "status"}; other lines are skipped."""
  path = folder / ATTEMPTS
  try:
    rows = read_json_lines(path, "attempts", "remove it") if path.exists() else {}
  except InputError as error:
    warn(f"{error}; it is left out")
    return []
  found = []
  for row in rows.values():
    seconds = None if row is None else row.get("seconds")
    if isinstance(seconds, int | float) and 0 <= seconds < _LONGEST:
      found.append({**(row or {}), "seconds": float(seconds)})
  return found


def note_attempt(folder: pathlib.Path, seconds: float, status: int) -> None:
  """Records an attempt that ended: its seconds and exit status."""
  with naming(folder / ATTEMPTS), open_to_append(folder / ATTEMPTS) as file:
    file.write(json.dumps({"seconds": round(seconds, 1), "status": status}) + "\n")


def estimate(one: State, everyone: Sequence[State], config: Mapping[str, Any]) -> Estimate:
  """The time that a run may still take, by the times of others, or else by a measured rate.

  Args:
    one: the run.
    everyone: all runs of the sweep, in the same workdir.
    config: the flat configuration of the sweep.
  """
  if one.state == DONE:
    return Estimate(0.0, "done")
  finished = [other for other in everyone if other.state == DONE and other.seconds and other.step]
  if finished:
    alike = max(_likeness(one, other) for other in finished)
    models = [other for other in finished if _likeness(one, other) == alike]
    whole = statistics.median(other.seconds for other in models)
    left = 1 - min(1.0, one.step / models[0].step)
    return Estimate(whole * left, f"as {models[0].job.name} took")
  measured = [other for other in everyone if other.clips_per_second]
  last_step = _last_step(config)
  if measured and last_step:
    other = max(measured, key=lambda other: _likeness(one, other))
    clips = config["train.identities_per_batch"] * config["train.instances"]
    steps = max(0, last_step - one.step)
    rate = f"{other.clips_per_second:.3g} clips/s"
    return Estimate(
      steps * clips / other.clips_per_second, f"training alone, at {rate} ({other.job.name})"
    )
  return Estimate(None, "unknown: nothing has been measured in this workdir")


def _likeness(one: State, other: State) -> int:
  """Higher for two runs whose times are more similar; the most important facts come first."""
  a, b = one.job.row, other.job.row
  same = (a.backbone == b.backbone, a.num_frames == b.num_frames, a.cosam == b.cosam,
          a.temporal == b.temporal)  # fmt: skip
  return sum(2 ** (len(same) - i) for i, value in enumerate(same) if value)


def _last_step(config: Mapping[str, Any]) -> int | None:
  """Number of steps of training; None if the steps of an epoch are unknown without the data."""
  if config["train.sampler"] != "every_identity":
    return None
  row = data_set_of(config["data.name"])
  if row.drawn:
    identities = config["synthetic.identities_train"]
  elif row.expected:
    identities = row.expected["train"].identities
  else:
    return None
  identities -= config["data.validation_identities"]
  return config["train.epochs"] * (identities // config["train.identities_per_batch"])


def clock(seconds: float) -> str:
  """Seconds as h:mm:ss, with days if there are any."""
  minutes, seconds = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  days, hours = divmod(hours, 24)
  return (f"{days} d " if days else "") + f"{hours}:{minutes:02d}:{seconds:02d}"
