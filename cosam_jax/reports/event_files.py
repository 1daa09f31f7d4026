"""A run's scalars as TensorBoard event files, beside the JSON lines that the program reads."""

import os
import pathlib
import time

from cosam_jax.errors import InputError
from cosam_jax.runtime.library_paths import LibraryPath

FOLDER = "tensorboard"
_GROUPS = {
  "loss": "loss/total",
  "cross_entropy": "loss/cross_entropy",
  "triplet": "loss/triplet",
  "mask_mean": "loss/mask_mean",
  "mAP": "validation/mAP",
}


class EventFiles:
  """Writes into `WORKDIR/tensorboard`; TensorBoard shows it with `--logdir=WORKDIR`.

  Args:
    workdir: of the run.
    first_step: TensorBoard drops values of earlier files from this step on, since they are about
      to be written again.

  Raises:
    InputError: TensorBoard is not installed.
  """

  def __init__(self, workdir: pathlib.Path, first_step: int):
    try:
      from tensorboard.compat.proto import event_pb2, summary_pb2
      from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
      raise InputError(
        "config.report.tensorboard is True, and TensorBoard is not installed: "
        "pip install 'cosam-jax[tensorboard]', or leave the field False"
      ) from error
    self._event, self._summary = event_pb2.Event, summary_pb2.Summary
    # A run that continues within the same second must not overwrite its own file.
    suffix = f".{first_step}.{os.getpid()}"
    folder = workdir.absolute() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    self._place = LibraryPath(folder)  # TensorFlow refuses names that are not UTF-8.
    self._writer = EventFileWriter(str(self._place.path), filename_suffix=suffix)
    started = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    self._writer.add_event(self._event(step=first_step, session_log=started))

  def write(self, step: int, **values: float) -> None:
    """Adds values of a step; they are on disk when the call returns."""
    self._add(step, {_GROUPS.get(name, f"training/{name}"): values[name] for name in values})

  def results(self, step: int, label: str, **values: float) -> None:
    """Adds metrics of the test set, as fractions of 1."""
    self._add(step, {f"test {label}/{name}": value for name, value in values.items()})

  def _add(self, step: int, values: dict[str, float]) -> None:
    points = [self._summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
    summary = self._summary(value=points)
    self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=summary))
    self._writer.flush()
