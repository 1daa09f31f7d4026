"""How much of the masks' weight falls on people whose silhouettes are given as pictures.

python -m cosam_jax.main --mode=masks --workdir=runs/mars --input=crops --figures=silhouettes
"""

import pathlib
from typing import Any

import numpy as np
from PIL import Image

from cosam_jax.data.stored_pictures import read_picture
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.data.upright import upright_size
from cosam_jax.errors import InputError
from cosam_jax.evaluation.mask_numbers import measure_masks
from cosam_jax.experiment.inference import Inference, Reading
from cosam_jax.experiment.network import Network
from cosam_jax.runtime.outside_files import MOST_FRAME_BYTES, read_bytes
from cosam_jax.runtime.quiet import warn
from cosam_jax.training.mesh import make_local_mesh

_GREY = ("1", "L", "P")


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
    A record for `mask_table`, with the folder and the number of `empty_figures`.

  Raises:
    InputError: a frame has no figure, or one of another size, with colours, or that cannot be read.
  """
  if pathlib.Path(figures).resolve() == pathlib.Path(folder).resolve():
    raise InputError(f"--figures and --input are both {folder}: give the silhouettes' own folder")
  # A tracklet that was named twice is one tracklet.
  table = table.select(np.unique(table.starts, return_index=True)[1])
  of_frame = {int(i): _figure_path(table, int(i), folder, figures) for i in _frames(table)}
  inference = Inference(
    network.model, make_local_mesh(), batch_clips=8, reading=Reading.of(network.flat)
  )
  empty: set[int] = set()

  def figure(frame: int) -> np.ndarray:
    path = of_frame[frame]
    try:
      picture = read_picture(path, "PNG", "L")
    except OSError as error:
      raise InputError(f"the figure {path} cannot be read: {error.strerror or error}") from error
    if not picture.any():
      empty.add(frame)
    return picture

  batches = inference.batches(table)
  stages, _ = measure_masks(
    inference.spatial_masks(network.variables), batches, inference.plan(table), figure=figure
  )
  if empty:
    warn(
      f"{len(empty)} of {len(of_frame)} figures are empty, such as {of_frame[min(empty)]}: they "
      "count as frames with nobody, which lowers the shares"
    )
  return {
    "figures": figures,
    "empty_figures": len(empty),
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
    sizes = _drawn_size(path), upright_size(read_bytes(image, MOST_FRAME_BYTES))
  except (OSError, SyntaxError, Image.DecompressionBombError) as error:
    raise InputError(f"{path} or {image} cannot be read as a picture: {error}") from error
  if sizes[0] != sizes[1]:
    raise InputError(
      f"the figure {path} has {sizes[0][0]}x{sizes[0][1]} pixels, but its frame {image} has "
      f"{sizes[1][0]}x{sizes[1][1]} when it is turned upright: cut the figures like the frames"
    )
  return path


def _drawn_size(path: pathlib.Path) -> tuple[int, int]:
  """Width and height of a figure; raises InputError if it has more than one channel of grey."""
  with Image.open(path) as drawn:
    if drawn.mode not in _GREY:
      raise InputError(
        f"the figure {path} is a picture with colours or transparency ({drawn.mode}): save the "
        "silhouette alone, as a PNG in grey, 0 off the person"
      )
    return drawn.size
