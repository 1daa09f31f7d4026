"""Masks at the end of a run: numbers in its results, a table on the terminal, and pictures."""

import json
import pathlib
from typing import Any

import numpy as np

from cosam_jax.data.drawn.synthetic import figure_mask_path
from cosam_jax.data.sets.registry import data_set_of
from cosam_jax.data.stored_pictures import read_picture
from cosam_jax.errors import InputError
from cosam_jax.evaluation.clip_masks import ClipMasks
from cosam_jax.evaluation.mask_numbers import choose_clips, measure_masks, sample_rows
from cosam_jax.evaluation.protocol import evaluation_of
from cosam_jax.experiment.evaluated_set import may_be_same
from cosam_jax.experiment.evaluation_sources import source_of
from cosam_jax.experiment.inference import Inference, Reading
from cosam_jax.experiment.run import Run
from cosam_jax.reports.mask_pictures import draw_pictures
from cosam_jax.reports.mask_table import mask_table
from cosam_jax.reports.masks_folder import masks_folder
from cosam_jax.reports.results import read_results, write_results
from cosam_jax.runtime.quiet import warn
from cosam_jax.training import mesh

PICTURED = 6
"""Number of clips to draw."""
MOST_FRAMES = {True: 8192, False: 512}
"""About the most test frames to measure, if figures are known and if they are not."""

BEFORE = "before_training.json"
_SAME = ("data.name", "data.dir", "data.split", "evaluation.gallery", "clips.num_frames")

Record = dict[str, Any]


class MaskReport:
  """Measures and draws the masks of one run's test set; compiled once, used for any weights."""

  def __init__(self, run: Run):
    config, self._run = run.config, run
    table = evaluation_of(run.tables, config.evaluation.gallery).table
    self._of_frames = table.total_frames
    self.has_figures = data_set_of(config.data.name).drawn
    self.table = table.select(sample_rows(table, MOST_FRAMES[self.has_figures]))
    self._inference = Inference(
      run.model,
      mesh.make_local_mesh(),
      batch_clips=config.evaluation.batch_clips,
      reading=Reading.of(run.flat),
    )

  def write(self, variables: dict[str, Any], label: str, results: pathlib.Path) -> None:
    """Adds the masks' numbers to results on disk; after training, also draws the masks.

    Does nothing for a network without COSAM.

    Args:
      variables: the weights, on the devices.
      label: names them, such as "after training".
      results: `before_training.json` or `results.json` in the run's folder; `run.masks` is added.

    Raises:
      InputError: a figure cannot be read, or results cannot be written.
    """
    if not self._run.config.model.cosam_stages:
      return
    if results.name == BEFORE:
      masks = {label: self.measure(variables)[0]}
    else:
      masks = self.show(variables, label)
    content = read_results(results)
    write_results(results, content["results"], {**content["run"], "masks": masks})

  def show(
    self, variables: dict[str, Any], label: str, untrained: dict[str, Any] | None = None
  ) -> dict[str, Record]:
    """Prints a table of the masks' numbers, and draws some clips; see `write`.

    Args:
      variables, label: see `write`.
      untrained: weights to measure as "untrained" if the run has no numbers before training.

    Returns:
      The numbers by label; those before training come first if the run has them.
    """
    record, clips = self.measure(variables)
    before = self._before()
    if not before and untrained is not None:
      before = {"untrained": self.measure(untrained)[0]}
    masks = {**before, label: record}
    directory = self._run.workdir / "masks"
    with masks_folder(directory).replacing(self.source(variables)) as partial:
      overview = directory / draw_pictures(partial, clips, label)[-1].name
      (partial / "masks.json").write_text(json.dumps(masks, indent=1) + "\n")
    print(f"\n{mask_table(masks)}")
    print(f"{'pictures':<11}{overview}, and a strip for each of its {len(clips)} clips beside it")
    return masks

  def source(self, variables: dict[str, Any]) -> dict[str, Any]:
    """The source of pictures of these weights' masks, noted so that no page mixes them."""
    return source_of(self._run, variables)

  def _before(self) -> dict[str, Record]:
    """The numbers before training, if they are of this run and of the same frames."""
    path = self._run.workdir / BEFORE
    if not path.is_file():
      return {}
    try:
      before, now = read_results(path)["run"], self._run.flat
      same = all(before["config"].get(field) == now[field] for field in _SAME)
      same = same and may_be_same(before.get("test_set"), self._run.test_set)
    except InputError as error:
      warn(f"the numbers before training are left out: {error}")
      return {}
    return before.get("masks", {}) if same else {}

  def measure(self, variables: dict[str, Any]) -> tuple[Record, list[ClipMasks]]:
    """The numbers of these weights' masks, in the form of `mask_table`, and clips to draw."""
    inference = self._inference
    batches = inference.batches(self.table)
    stages, clips = measure_masks(
      inference.spatial_masks(variables),
      batches,
      inference.plan(self.table),
      figure=self._figure if self.has_figures else None,
      keep=choose_clips(self.table, PICTURED, inference.model.num_frames),
    )
    record = {
      "frames": self.table.total_frames - batches.skipped,
      "of_frames": self._of_frames,
      "tracklets": len(self.table),
      "stages": {str(stage): statistics for stage, statistics in stages.items()},
    }
    return record, clips

  def _figure(self, frame: int) -> np.ndarray:
    path = figure_mask_path(self.table.frames.name(frame))
    try:
      return read_picture(path, "PNG", "L")
    except OSError as error:
      raise InputError(
        f"the figure mask {path} cannot be read ({error.strerror or error}): delete "
        f"{self._run.config.data.dir} to have the set drawn again"
      ) from error
