"""Which checkpoint a path means: that of a workdir, of a folder of checkpoints, or one of them."""

import pathlib

from cosam_jax.errors import InputError
from cosam_jax.experiment.config import complete
from cosam_jax.experiment.run_configuration import has_steps
from cosam_jax.runtime.text_numbers import whole_number
from cosam_jax.training.checkpoints import BEST, LAST, Checkpoints
from cosam_jax.training.state import AVERAGE


def kind_of(checkpoint: str) -> str:
  """The folder of the checkpoint that `evaluation.checkpoint` names."""
  return BEST if checkpoint == "best" else LAST


def find_checkpoint(path: pathlib.Path) -> tuple[Checkpoints, int]:
  """The checkpoints of a workdir, a folder of checkpoints, or one checkpoint; and the step.

  Raises:
    InputError: there is none.
  """
  path = path.absolute()
  step = whole_number(path.name)
  if step is not None and path.parent.name in (BEST, LAST):
    return Checkpoints(path.parent.parent, path.parent.name), step
  if path.name in (BEST, LAST) and has_steps(path):
    checkpoints = Checkpoints(path.parent, path.name)
    return checkpoints, checkpoints.latest_step() or 0
  kinds = [kind for kind in (LAST, BEST) if has_steps(path / kind)]
  if not kinds:
    files = sorted(one.name for one in path.glob("*.onnx")) if path.is_dir() else []
    raise InputError(
      f"{path} has no checkpoint: give a run's workdir with a folder {LAST} or {BEST}, that "
      f"folder, or a weights file{f', such as {path / files[0]}' if files else ''}"
    )
  kind = kinds[0]
  if len(kinds) == 2:  # The run's configuration says which of the two it reports.
    newest = Checkpoints(path, LAST)
    config = complete(newest.about(newest.latest_step() or 0)["config"])
    kind = kind_of(config["evaluation.checkpoint"])
  checkpoints = Checkpoints(path, kind)
  return checkpoints, checkpoints.latest_step() or 0


def weights_label(step: int, which: str) -> str:
  """The name of a checkpoint's weights, for people: "step 240", or "step 240, averaged".

  Args:
    step: of the checkpoint.
    which: the value of `evaluation.weights`.
  """
  return f"step {step}, averaged" if which == AVERAGE else f"step {step}"
