"""Checkpoints on disk: the training state and the configuration that made it.

A checkpoint appears whole or not at all: orbax writes it under another name and renames it at the
end. Then the digests of its files are added, and only then are older checkpoints removed, each of
them renamed first. A checkpoint whose bytes have changed since is named in a warning and skipped.
The latest few are kept; the best by validation is kept in another folder.
"""

import os
import pathlib
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax import traverse_util
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from cosam_jax.errors import InputError
from cosam_jax.runtime import hosts
from cosam_jax.runtime.library_paths import LibraryPath
from cosam_jax.training.checksums import damage, write_checksums
from cosam_jax.training.disk_room import check_room
from cosam_jax.training.mesh import replicated
from cosam_jax.training.orbax_words import quieten
from cosam_jax.training.saved_arrays import ABOUT, STATE, check_about, count_arrays, saved_step
from cosam_jax.training.state import TrainState

LAST, BEST = "checkpoints", "best"


_GOING = "being_removed"


class Checkpoints:
  """The checkpoints of one workdir.

  Args:
    workdir: the run's directory; created if missing.
    kind: `LAST` or `BEST`: the subdirectory.
    keep: number of the latest checkpoints that are kept.
  """

  def __init__(self, workdir: str | pathlib.Path, kind: str = LAST, keep: int = 1):
    quieten()
    self.directory = pathlib.Path(workdir).absolute() / kind
    self._keep = keep
    self._damage: dict[int, str | None] = {}  # For the steps that were checked.
    self._renamed: dict[int, int] = {}  # For those of them with a wrong name: name -> true step.
    # Synchronous, so that a step is either on disk or still to be done when the loop continues.
    # Orbax is told to keep all: it would remove old ones before the new one has its digests.
    options = ocp.CheckpointManagerOptions(
      enable_async_checkpointing=False, create=True, todelete_subdir=_GOING
    )
    try:
      self.directory.mkdir(parents=True, exist_ok=True)
      self._place = LibraryPath(self.directory)
      self._manager = ocp.CheckpointManager(
        self._place.path,
        options=options,
        # Given here, not left to the first save: a resumed run reads before it writes.
        item_handlers={
          STATE: ocp.StandardCheckpointHandler(),
          ABOUT: ocp.JsonCheckpointHandler(),
        },
      )
    except OSError as error:
      raise InputError(
        f"the workdir {workdir} cannot be used ({error.strerror or error}): give one that exists "
        "or can be created, and is writable"
      ) from error

  def latest_step(self) -> int | None:
    """The step of the newest complete and undamaged checkpoint, or None if there is none.

    A warning names newer ones that are damaged. With several processes, only the first one checks,
    so that all continue from the same step.

    Raises:
      InputError: there are checkpoints, and all are damaged.
    """
    steps = sorted(self._manager.all_steps(), reverse=True)
    whole = next((i for i, step in enumerate(steps) if self._damage_of(step) is None), len(steps))
    if jax.process_index() == 0:
      for step in steps[:whole] if whole < len(steps) else ():
        print(
          f"warning: the checkpoint of step {step} in {self.directory} is damaged "
          f"({self._damage[step]}); the one of step {steps[whole]} is used",
          flush=True,
        )
    if steps and whole == len(steps):
      raise self._unreadable(steps[0], self._damage_of(steps[0]) or "")
    return steps[whole] if steps else None

  def _damage_of(self, step: int) -> str | None:
    """The fault of a checkpoint's files, in words; None if they are whole. Reads them once only."""
    if step not in self._damage:
      found = self._look(step) if jax.process_index() == 0 else None
      if jax.process_count() > 1:
        whole = bool(multihost_utils.broadcast_one_to_all(np.bool_(found is None)))
        found = None if whole else found or "the first process says why"
      self._damage[step] = found
    return self._damage[step]

  def _look(self, step: int) -> str | None:
    """The fault of a checkpoint, judged by its files alone; None if there is none."""
    found = damage(self.directory / str(step))
    if found:
      return found
    try:
      inside = saved_step(self._place.path / str(step))
      check_about(self.directory / str(step))
    except ValueError as error:
      return str(error)
    if inside == step:
      return None
    self._renamed[step] = inside
    return f"it is of step {inside} and was renamed: call it {inside} again"

  def save(self, step: int, state: TrainState, about: Mapping[str, Any]) -> None:
    """Writes a checkpoint; on return it is complete on disk, and has been read back.

    Checkpoints of this step and of later ones come from a run that was started again; they are
    removed.

    Args:
      step: number of steps done.
      state: the state to save.
      about: plain values beside it: the configuration and the number of classes.

    Raises:
      InputError: it cannot be written (a full disk, say); earlier checkpoints stay as they are.
    """
    before = max(
      (step for step in self._manager.all_steps() if not self._damage.get(step)), default=None
    )
    arguments = ocp.args.Composite(
      state=ocp.args.StandardSave(state), about=ocp.args.JsonSave(dict(about))
    )
    try:
      self._remove([other for other in self._manager.all_steps() if other >= step])
      hosts.together(lambda: check_room(self.directory, state))
      self._manager.save(step, args=arguments)
      # At this point all processes have written their part.
      hosts.first_alone(lambda: self._finish(step, len(jax.tree.leaves(state))))
      self._damage[step] = None
      steps = sorted(
        self._manager.all_steps(), key=lambda other: (not self._damage.get(other), other)
      )
      self._remove(steps[: -self._keep])
    except (OSError, ValueError, RuntimeError) as error:
      reason = self._place.real_names(" ".join(str(error).split())[:300])
      in_the_way = isinstance(error, NotADirectoryError | FileExistsError | PermissionError)
      raise InputError(
        f"the checkpoint of step {step} could not be written to {self.directory} ({reason}): "
        f"the last good one is of {'no step' if before is None else f'step {before}'}; "
        f"{'correct that' if in_the_way else 'make room'} and run the same command again"
      ) from error

  def _finish(self, step: int, arrays: int) -> None:
    """Reads a new checkpoint back, every array of it, and writes the digests of its files.

    Raises:
      ValueError: it is incomplete.
    """
    folder = self._place.path / str(step)
    found, inside = count_arrays(folder), saved_step(folder)
    if (found, inside) != (arrays, step):
      raise ValueError(
        f"{found} of {arrays} arrays, of step {inside}, were found when it was read back"
      )
    write_checksums(self.directory / str(step))

  def _remove(self, steps: list[int]) -> None:
    """Removes checkpoints; a kill in the middle leaves no checkpoint with half of its files.

    Orbax only renames each of them; then all are removed, with leftovers of earlier processes.
    """

    going = self.directory / _GOING

    def remove_renamed() -> None:
      if going.is_dir() and not going.is_symlink():
        shutil.rmtree(going)
      elif os.path.lexists(going):
        going.unlink()

    def set_aside() -> None:
      # A user renamed a whole checkpoint to this name: it is in the way, but must not be removed.
      for step in self._renamed.keys() & set(steps):
        os.replace(going / str(step), self.directory / f"{step}_is_of_step_{self._renamed[step]}")

    hosts.first_alone(remove_renamed)
    for step in steps:
      self._manager.delete(step)
    if steps:
      hosts.first_alone(set_aside)
      hosts.first_alone(remove_renamed)

  def about(self, step: int) -> dict[str, Any]:
    """The values that were saved beside the state of `step`."""
    self._require_whole(step)
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
      like: arrays or shapes of the expected state.
      mesh: the devices that receive it.

    Raises:
      InputError: the checkpoint does not have these arrays, or cannot be read.
    """
    target = jax.tree.map(
      lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=replicated(mesh)), like
    )
    arguments = ocp.args.Composite(state=ocp.args.StandardRestore(target))
    self._require_whole(step)
    try:
      self._check_shapes(step, like)
      # In the main thread, asyncio would ask Python for its handler of Ctrl-C, and Python would
      # write out what waits there, with all arrays.
      with ThreadPoolExecutor(1) as thread:
        return thread.submit(self._manager.restore, step, args=arguments).result().state
    except InputError:
      raise
    except (OSError, ValueError, KeyError, TypeError) as error:
      raise self._unreadable(step, error) from error

  def _check_shapes(self, step: int, like: TrainState) -> None:
    """Refuses a checkpoint whose network is not that of `like`."""
    metadata = self._manager.item_metadata(step).state
    if metadata is None:
      return  # It is damaged, and restoring it raises the error.
    there = _shapes(metadata["params"], metadata["batch_stats"])
    here = _shapes(like.params, like.batch_stats)
    differing = sorted(name for name in {*there, *here} if there.get(name) != here.get(name))
    if differing:
      first, more = differing[0], len(differing) - 1
      was, now = (f"{shapes.get(first, 'missing')}" for shapes in (there, here))
      raise InputError(
        f"the checkpoint of step {step} in {self.directory} is of another architecture ({first} is "
        f"{was} there and {now} here{f', and {more:,} more arrays differ' if more else ''}): give "
        "the model, clips and data set that it was trained with, or another --workdir"
      )

  def _require_whole(self, step: int) -> None:
    found = self._damage_of(step)
    if found:
      raise self._unreadable(step, found)

  def _unreadable(self, step: int, error: Exception | str) -> InputError:
    reason = self._place.real_names(" ".join(str(error).split())[:300])
    return InputError(
      f"the checkpoint of step {step} in {self.directory} does not fit or cannot be read "
      f"({reason}): remove that folder to go on from an earlier one, or use another --workdir"
    )


def _shapes(params: Any, batch_stats: Any) -> dict[str, tuple[int, ...]]:
  """Name, with slashes, -> shape."""
  leaves = traverse_util.flatten_dict({"params": params, "batch_stats": batch_stats}, sep="/")
  return {name: tuple(leaf.shape) for name, leaf in leaves.items()}
