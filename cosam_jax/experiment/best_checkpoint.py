"""The best checkpoint of a run by validation on people who are held out of training."""

import pathlib
from collections.abc import Callable
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.experiment.evaluator import Evaluator
from cosam_jax.experiment.run import Run
from cosam_jax.runtime import hosts
from cosam_jax.training import scalars, state
from cosam_jax.training.checkpoints import BEST, Checkpoints


def scalar_log(
  path: pathlib.Path, first_step: int, also: Callable[..., None] | None = None
) -> scalars.ScalarLog:
  """The log of a run's values; only the first process writes it."""
  return scalars.ScalarLog(path if hosts.is_first() else None, first_step, also)


class Best:
  """Validates on the held-out identities, and keeps the checkpoint with the highest mAP.

  The weights that are validated are those that `evaluation.weights` names.
  """

  def __init__(self, run: Run, about: dict[str, Any], also: Callable[..., None] | None = None):
    self._run, self._about, self._also = run, about, also
    self._weights = run.config.evaluation.weights
    self._log = run.workdir / "validation.jsonl"
    # The held-out people are from the training set; the mAP of all of them chooses the model.
    self._evaluator = Evaluator(run.config, run.training_tables, run.model, attributes=False)
    self._checkpoints = Checkpoints(run.workdir, BEST)
    self._highest = self._highest_so_far()

  def _highest_so_far(self) -> float:
    """The best checkpoint's mAP, -1 without one; a damaged one only gives a warning."""
    try:
      step = self._checkpoints.latest_step()
      return -1.0 if step is None else float(self._checkpoints.about(step)["validation_mAP"])
    except (InputError, KeyError, TypeError, ValueError) as error:
      reason = error if isinstance(error, InputError) else "it does not say its validation_mAP"
      hosts.first_alone(
        lambda: print(
          f"warning: the best checkpoint so far cannot be used ({reason}); the best of those that "
          f"follow takes its place in {self._checkpoints.directory}"
        )
      )
      return -1.0

  def __call__(self, step: int, current: state.TrainState) -> None:
    """Validates the state after `step` steps."""
    weights = state.weights_of(current, self._weights)
    result = self._evaluator(weights, label="validation")[0]
    score = float(result.metrics.mean_average_precision)
    print(f"step {step}  validation mAP {100 * score:.1f}", flush=True)
    if score > self._highest:
      self._highest = score
      self._checkpoints.save(step, current, {**self._about, "validation_mAP": score})
    # Written last, since it marks all of this as done.
    scalar_log(self._log, step, self._also).write(step, mAP=score)

  def lacks(self, step: int) -> bool:
    """Whether the state after `step` steps (at least one) is still to be validated."""
    return step > 0 and all(row["step"] < step for row in scalars.read_scalars(self._log))

  def restore(self, like: state.TrainState) -> tuple[dict[str, Any], int]:
    """The best weights so far, and their step."""
    step = self._checkpoints.latest_step() or 0
    found = self._checkpoints.restore(step, like, self._run.mesh)
    return state.weights_of(found, self._weights), step
