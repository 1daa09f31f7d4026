"""How much of the masks' weight falls on people whose silhouettes are given as pictures.

python -m cosam_jax.main --mode=masks --workdir=runs/mars --input=crops --figures=silhouettes
"""

import pathlib
from typing import Any

import jax
import numpy as np
from PIL import Image

from cosam_jax.data.stored_pictures import read_picture
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.errors import InputError
from cosam_jax.evaluation.mask_numbers import measure_masks
from cosam_jax.experiment.inference import Inference, Reading
from cosam_jax.experiment.network import Network
from cosam_jax.training.mesh import make_local_mesh


def figure_shares(
  network: Network, table: TrackletTable, folder: str, figures: str
) -> dict[str, Any]:
  """Numbers of a network's masks on all frames of a table, with their shares on the figures.

  Args:
    network: has COSAM.
    table: tracklets of image files below `folder`.
    folder: the input.
    figures: a folder with a PNG for each frame, under the same name below it; 0 off the person.

  Returns:
    A record for `mask_table`.

  Raises:
    InputError: a frame has no figure, or one of another size, or one that cannot be read.
  """
  paths = [_figure_path(table, int(i), folder, figures) for i in _frames(table)]
  of_frame = dict(zip(_frames(table).tolist(), paths, strict=True))
  model = network.model
  inference = Inference(model, make_local_mesh(), batch_clips=8, reading=Reading.of(network.flat))
  variables = inference.put(network.variables)

  def forward(clips: np.ndarray, valid: np.ndarray) -> dict[int, jax.Array]:
    masks = inference.forward(variables, clips, valid).masks
    return {stage: mask.spatial for stage, mask in masks.items()}

  def figure(frame: int) -> np.ndarray:
    path = of_frame[frame]
    try:
      return read_picture(path, "PNG", "L")
    except OSError as error:
      raise InputError(f"the figure {path} cannot be read: {error.strerror or error}") from error

  batches = inference.batches(table)
  stages, _ = measure_masks(forward, batches, inference.plan(table), figure=figure)
  return {
    "frames": table.total_frames - batches.skipped,
    "of_frames": table.total_frames,
    "tracklets": len(table),
    "stages": {str(stage): statistics for stage, statistics in stages.items()},
  }


def _frames(table: TrackletTable) -> np.ndarray:
  return np.concatenate([table.frame_ids(row) for row in range(len(table))])


def _figure_path(table: TrackletTable, frame: int, folder: str, figures: str) -> pathlib.Path:
  """The figure of a frame; that it exists and has the frame's size is checked."""
  image = pathlib.Path(table.frames.name(frame))
  try:
    name = image.resolve().relative_to(pathlib.Path(folder).resolve())
  except ValueError:
    name = image.relative_to(folder)
  path = (pathlib.Path(figures) / name).with_suffix(".png")
  if not path.is_file():
    raise InputError(
      f"--figures is {figures!r}, which has no {path.relative_to(figures)}, the figure of "
      f"{image}: give a PNG for each frame of --input, under the same name, 0 off the person"
    )
  try:
    with Image.open(path) as drawn, Image.open(image) as photographed:
      sizes = drawn.size, photographed.size
  except OSError as error:
    raise InputError(f"{path} or {image} cannot be read as a picture: {error}") from error
  if sizes[0] != sizes[1]:
    raise InputError(
      f"the figure {path} has {sizes[0][0]}x{sizes[0][1]} pixels, but its frame {image} has "
      f"{sizes[1][0]}x{sizes[1][1]}: cut the figures like the frames"
    )
  return path
