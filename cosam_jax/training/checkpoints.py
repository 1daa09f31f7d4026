"""Checkpoints on disk: the training state and the configuration that made it.

A checkpoint appears whole or not at all: orbax writes it beside and renames it at the end. The
latest few are kept, and the best one by validation in a folder of its own.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import orbax.checkpoint as ocp
from jax.sharding import Mesh

from cosam_jax.errors import InputError
from cosam_jax.training.mesh import replicated
from cosam_jax.training.state import TrainState

LAST, BEST = "checkpoints", "best"


class Checkpoints:
  """The checkpoints of one workdir.

  Args:
    workdir: the run's directory; created when missing.
    kind: `LAST` or `BEST`: the subdirectory.
    keep: how many of the latest are kept.
  """

  def __init__(self, workdir: str | pathlib.Path, kind: str = LAST, keep: int = 1):
    self.directory = pathlib.Path(workdir).absolute() / kind
    # Synchronous, so that a step is either on disk or still to be done when the loop goes on.
    options = ocp.CheckpointManagerOptions(
      max_to_keep=keep, enable_async_checkpointing=False, create=True
    )
    try:
      self._manager = ocp.CheckpointManager(
        self.directory, options=options, item_names=("state", "about")
      )
    except OSError as error:
      raise InputError(
        f"the workdir {workdir} cannot be used ({error.strerror or error}): give one that exists "
        "or can be created, and is writable"
      ) from error

  def latest_step(self) -> int | None:
    """The step of the newest complete checkpoint, or None."""
    return self._manager.latest_step()

  def save(self, step: int, state: TrainState, about: Mapping[str, Any]) -> None:
    """Writes a checkpoint; on return it is complete on disk.

    Args:
      step: steps done.
      state: what is saved.
      about: plain values beside it: the configuration and the number of classes.

    Raises:
      InputError: it cannot be written (a full disk, say); earlier checkpoints stay as they are.
    """
    before = self.latest_step()
    arguments = ocp.args.Composite(
      state=ocp.args.StandardSave(state), about=ocp.args.JsonSave(dict(about))
    )
    try:
      if before is None or step > before:
        self._manager.save(step, args=arguments)
    except (OSError, ValueError, RuntimeError) as error:
      reason = " ".join(str(error).split())[:200]
      raise InputError(
        f"the checkpoint of step {step} could not be written to {self.directory} ({reason}): "
        f"the last good one is of {'no step' if before is None else f'step {before}'}; make room "
        "and run the same command again"
      ) from error

  def about(self, step: int) -> dict[str, Any]:
    """What was written beside the state of `step`."""
    try:
      return self._manager.restore(
        step, args=ocp.args.Composite(about=ocp.args.JsonRestore())
      ).about
    except (OSError, ValueError, KeyError) as error:
      raise self._unreadable(step, error) from error

  def restore(self, step: int, like: TrainState, mesh: Mesh) -> TrainState:
    """Reads a state onto every device of the mesh.

    Args:
      step: from `latest_step`.
      like: arrays or shapes of the state that is expected.
      mesh: where it goes.

    Raises:
      InputError: the checkpoint does not have these arrays, or cannot be read.
    """
    target = jax.tree.map(
      lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=replicated(mesh)), like
    )
    arguments = ocp.args.Composite(state=ocp.args.StandardRestore(target))
    try:
      return self._manager.restore(step, args=arguments).state
    except (OSError, ValueError, KeyError, TypeError) as error:
      raise self._unreadable(step, error) from error

  def _unreadable(self, step: int, error: Exception) -> InputError:
    reason = " ".join(str(error).split())[:300]
    return InputError(
      f"the checkpoint of step {step} in {self.directory} does not fit or cannot be read "
      f"({reason}): remove that folder to go on from an earlier one, or use another --workdir"
    )


def check_same(
  saved: Mapping[str, Any], asked: Mapping[str, Any], free: tuple[str, ...], where: str
) -> None:
  """Refuses to go on with a checkpoint that another configuration made.

  Args:
    saved: flat configuration of the checkpoint, dotted name -> value.
    asked: the configuration of this run.
    free: names, or groups of names, that may differ.
    where: the checkpoint, for the message.

  Raises:
    InputError: with each differing field and both values.
  """

  def matters(name: str) -> bool:
    return not any(name == field or name.startswith(f"{field}.") for field in free)

  def plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value

  names = sorted(name for name in {*saved, *asked} if matters(name))
  differing = [
    f"{name} was {saved.get(name)!r} and is now {asked.get(name)!r}"
    for name in names
    if plain(saved.get(name)) != plain(asked.get(name))
  ]
  if differing:
    raise InputError(
      f"the checkpoint in {where} was made with another configuration ({'; '.join(differing)}): "
      "give the same values, or another --workdir"
    )
