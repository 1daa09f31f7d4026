"""A call of a command: its configuration and flags, and the folders that it holds."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from cosam_jax.errors import InputError
from cosam_jax.experiment.run_configuration import has_checkpoint
from cosam_jax.runtime import holder, processes


@dataclasses.dataclass(frozen=True)
class Call:
  """The request to a command.

  Attributes:
    mode: the command's name in `COMMANDS`.
    config: the configuration with the command line's fields, checked; None without `--config`.
    workdir: `--workdir`; None if it is not given.
    flags: name -> value of every flag.
    overrides: name -> text, for the flags that override fields; None for those not given.
    words: the arguments without dashes.
    arguments: the command line, without the program.
  """

  mode: str
  config: ConfigDict | None
  workdir: pathlib.Path | None
  flags: Mapping[str, Any]
  overrides: Mapping[str, str | None]
  words: Sequence[str] = ()
  arguments: Sequence[str] = ()

  @property
  def run_config(self) -> ConfigDict:
    """The configuration of a command that needs one, with the weights of --weights.

    Raises:
      InputError: --weights is given, and the workdir has checkpoints, which would be used instead.
    """
    assert self.config is not None, self.mode
    weights = self.flags.get("weights")
    if weights is None:
      return self.config
    if self.workdir is not None and has_checkpoint(self.workdir):
      raise InputError(
        f"--weights is {weights!r}, and {self.workdir} has checkpoints of a training, which are "
        "used before other weights: give another --workdir"
      )
    config = self.config.copy_and_resolve_references()
    config.init.weights = weights
    return config

  @property
  def folder(self) -> pathlib.Path:
    """The workdir of a command that needs one."""
    assert self.workdir is not None, self.mode
    return self.workdir

  def path(self, flag: str) -> pathlib.Path | None:
    """The path that a flag names; None if it is not given."""
    return pathlib.Path(self.flags[flag]) if self.flags[flag] else None

  @contextlib.contextmanager
  def holding_workdir(self) -> Iterator[holder.Holder | None]:
    """Holds the workdir for the length of the block; of several processes, the first one does.

    Yields:
      The holder, in the process that holds the workdir; None in others.

    Raises:
      InputError: another process holds it.
    """
    holders: list[holder.Holder] = []
    with contextlib.ExitStack() as stack:
      processes.first_alone(
        lambda: holders.append(stack.enter_context(holder.held(self.folder, self.mode)))
      )
      yield next(iter(holders), None)

  def holding_output(self) -> contextlib.AbstractContextManager[None]:
    """Holds the folder that a command without training writes to: `--output`, or the workdir."""
    workdir = None if self.workdir is None else str(self.workdir)
    return holder.held_for(self.mode, workdir, output=self.flags["output"])

  def holding_place_of(self, embeddings: str) -> contextlib.AbstractContextManager[None]:
    """Holds the workdir, or without one the folder of saved embeddings."""
    workdir = None if self.workdir is None else str(self.workdir)
    return holder.held_for(self.mode, workdir, beside=embeddings)
