"""Masks of chosen tracklets, or of a folder's: strips, animations, channels, correlations.

python -m cosam_jax.main --mode=masks --workdir=runs/demo --tracklets=0025C1T0002 --point=3,0.4,0.5
python -m cosam_jax.main --mode=masks --workdir=runs/demo --input=my_tracklets
python -m cosam_jax.main --mode=masks --workdir=runs/demo --input=gate.mp4 --boxes=gate.txt
"""

import dataclasses
import json
import pathlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import tqdm

from cosam_jax.data.batches import EvaluationPlan
from cosam_jax.data.box_files import FOUND_OUT, BoxReading
from cosam_jax.data.own_tracklets import read_tracklets
from cosam_jax.data.streamed_frames import StreamedFrames, table_of_stream
from cosam_jax.data.taken_frames import ALL_FRAMES, Taking
from cosam_jax.data.tracked_people import stream_of
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.errors import InputError, suggestion
from cosam_jax.evaluation.clip_masks import ClipMasks, clip_masks
from cosam_jax.evaluation.mask_numbers import choose_clips
from cosam_jax.evaluation.protocol import evaluation_of
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.figure_shares import figure_shares
from cosam_jax.experiment.inference import Inference, Reading
from cosam_jax.experiment.network import Network
from cosam_jax.experiment.parts import read_tables
from cosam_jax.models.cosam import normalise_descriptors
from cosam_jax.reports.file_names import file_name
from cosam_jax.reports.mask_motion import channels_picture, correlation_picture, save_animation
from cosam_jax.reports.mask_pictures import draw_pictures
from cosam_jax.reports.mask_table import mask_table
from cosam_jax.reports.masks_folder import masks_folder
from cosam_jax.runtime.text_numbers import whole_number
from cosam_jax.training.mesh import make_local_mesh

STRONGEST = 10


def draw(
  network: Network,
  directory: pathlib.Path,
  *,
  folder: str | None = None,
  tracklets: Sequence[str] | None = None,
  point: Sequence[str] | None = None,
  table: TrackletTable | None = None,
  boxes: str | None = None,
  margin: float = 0.0,
  reading: BoxReading = FOUND_OUT,
  taking: Taking = ALL_FRAMES,
  figures: str | None = None,
  source: Mapping[str, Any] | None = None,
  keep: Collection[str] = (),
) -> None:
  """Draws masks: all clips of the given tracklets, or else one clip of each of six tracklets.

  Args:
    network: a run's network.
    directory: the output folder.
    folder: a folder of tracklets, or a video, instead of the test set.
    tracklets: names, or numbers from 0 in the table's order; with boxes, ids.
    point: frame (its number in the first tracklet, from 1), y, x: pixels, or fractions of the
      frame with a decimal point.
    table: tracklets instead of those that the run's configuration names.
    boxes, margin, reading: of people in a video, see `own_videos.embed_own`.
    taking: which frames of a tracklet are used; the others are ignored.
    figures: see `figure_shares`; the masks of all frames are measured and the numbers printed.
    source, keep: see `OutputFolder.replacing`.

  Raises:
    InputError: the network has no COSAM, a tracklet does not exist, the point lies outside the
      frames, or a user's files are in the way.
  """
  if not network.model.cosam_stages:
    raise InputError("the network has no COSAM, so it has no masks: give a run with cosam_stages")
  output = masks_folder(directory)
  output.check(*([folder] if folder is not None else []))
  table = _table(network, folder, boxes, margin, reading, taking) if table is None else table
  if tracklets:
    rows = [_row(table, name, ids=boxes is not None) for name in tracklets]
    table = table.select(np.array(rows))
  numbers_on = None
  if figures is not None and folder is not None:
    if not pathlib.Path(folder).is_dir():
      raise InputError(
        f"--figures is for a folder of tracklets, and --input is {folder}: cut its people out into "
        "a folder for each track, and their silhouettes alike"
      )
    numbers_on = {network.label: figure_shares(network, table, folder, figures)}
  frames = network.model.num_frames
  inference = Inference(
    network.model, make_local_mesh(), batch_clips=1, reading=Reading.of(network.flat)
  )
  plan = inference.plan(table)
  numbers = range(plan.num_clips) if tracklets else choose_clips(table, 6, frames)
  where = None if point is None else _point(point, table)
  if where is not None:
    numbers = sorted({*numbers, where[0] // frames})
  numbers = list(numbers)
  clips, gates, heat = _look(network, inference, plan, numbers, where)
  # All or nothing: an earlier call's files are removed only when all new ones exist.
  with output.replacing(source, keep=keep) as partial:
    strips = draw_pictures(partial, clips, network.label)
    for number, name in enumerate(dict.fromkeys(clip.tracklet for clip in clips), start=1):
      safe = file_name(name)
      if (partial / f"{safe}.webp").exists():  # As for `cam.1` beside `cam-1`.
        safe = f"{safe}-{number}"
      save_animation(partial / f"{safe}.webp", [c for c in clips if c.tracklet == name])
    strongest = {
      str(stage): [
        {"channel": int(channel), "gate": float(gate[channel])}
        for channel in np.argsort(-gate, kind="stable")[:STRONGEST]
      ]
      for stage, gate in sorted(gates.items())
    }
    (partial / "channels.json").write_text(json.dumps(strongest, indent=1) + "\n")
    if numbers_on is not None:
      (partial / "masks.json").write_text(json.dumps(numbers_on, indent=1) + "\n")
    channels_picture(strongest).save(partial / "channels.png")
    if where is not None and heat is not None:
      shown = clips[numbers.index(where[0] // frames)]
      place = (where[1], where[2])
      correlation_picture(shown, where[0] % frames, place, heat).save(partial / "correlation.png")
      content = {
        "tracklet": shown.tracklet, "frames": shown.numbers, "point_frame": where[0] + 1,
        "y": where[1], "x": where[2],
        "ncc": {str(stage): values.tolist() for stage, values in heat.items()},
      }  # fmt: skip
      (partial / "correlation.json").write_text(json.dumps(content) + "\n")
  if numbers_on is not None:
    print(f"\n{mask_table(numbers_on, 'frames of the input')}")
  if not taking.all:
    print(f"taken of each tracklet: {taking.sentence()}")
  print(f"{len(strips) - 1} strips, overview.png, animations (.webp) and channels.png: {directory}")
  if where is not None:
    print(f"the point's correlations: {directory / 'correlation.png'} and correlation.json")


def _table(
  network: Network,
  path: str | None,
  boxes: str | None,
  margin: float,
  reading: BoxReading,
  taking: Taking,
) -> TrackletTable:
  if path is not None:
    if boxes is None and pathlib.Path(path).is_dir():
      follow_links = Reading.of(network.flat).follow_links
      return taking.of_table(read_tracklets(path, follow_links=follow_links))
    return table_of_stream(stream_of(path, boxes, margin, reading), taking)
  config = config_rules.unflatten(network.flat)
  return taking.of_table(evaluation_of(read_tables(config), config.evaluation.gallery).table)


def _clips_alone(plan: EvaluationPlan, numbers: list[int]) -> TrackletTable:
  """The chosen clips, each as a tracklet of its own, so that no other frames are read."""
  chosen = [plan.batch(number) for number in numbers]
  rows = np.array([int(batch.tracklets[0]) for batch in chosen])
  starts = np.array([int(batch.frames[0, 0]) for batch in chosen])
  ends = plan.table.starts[rows] + plan.table.lengths[rows]
  lengths = np.minimum(plan.num_frames, ends - starts)
  return dataclasses.replace(plan.table.select(rows), starts=starts, lengths=lengths)


def _row(table: TrackletTable, name: str, *, ids: bool) -> int:
  names = table.names.tolist()
  if name in names:
    return names.index(name)
  if ids:
    raise InputError(
      f"--tracklets names {name!r}, which is not an id of the boxes: give some of "
      f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
    )
  number = whole_number(name)
  if number is not None and number < len(names):
    return number
  raise InputError(
    f"--tracklets names {name!r}, which does not exist: give a name or a number from 0 to "
    f"{len(names) - 1}{suggestion(name, names)}"
  )


def _point(point: Sequence[str], table: TrackletTable) -> tuple[int, float, float]:
  """(position in the first tracklet from 0, y, x), with y and x as fractions of the frame."""
  try:
    frame, (y, x) = int(point[0]) - 1, map(float, point[1:])
  except ValueError:
    frame, y, x = -1, -1.0, -1.0
  length = int(table.lengths[0])
  if 0 <= frame < length:
    image = clip_masks(EvaluationPlan(table, 1, 1), 0, table.frame_ids(0)[[frame]], {}).images[0]
    if image is not None and not all("." in text for text in point[1:]):
      y, x = (y + 0.5) / image.shape[0], (x + 0.5) / image.shape[1]
  if not (0 <= frame < length and 0 <= y < 1 and 0 <= x < 1):
    raise InputError(
      f"--point is {','.join(point)!r}: give frame,y,x with a frame from 1 to {length} of tracklet "
      f"{table.names[0]}, and y and x inside it, in pixels or both as fractions such as 0.5"
    )
  return frame, y, x


def point_correlation(
  descriptors: np.ndarray, frame: int, cell: tuple[int, int], ncc: Any
) -> np.ndarray:
  """NCC of one grid position with every position: float[T, h, w, D] -> float[T, h, w].

  It is the position's row of `ncc_cost_volume`, with the position's own frame too.
  """
  normal = np.asarray(normalise_descriptors(jnp.asarray(descriptors), ncc))
  return normal @ normal[frame, cell[0], cell[1]] / normal.shape[-1]


def _look(
  network: Network,
  inference: Inference,
  plan: EvaluationPlan,
  numbers: list[int],
  where: tuple[int, float, float] | None,
) -> tuple[list[ClipMasks], dict[int, np.ndarray], dict[int, np.ndarray] | None]:
  model, store = network.ours, plan.table.frames
  if isinstance(store, StreamedFrames):
    store.fetch(frame for number in numbers for frame in plan.batch(number).frames[0])
  forward = inference.looking_closely(network.variables)
  batches = inference.batches(_clips_alone(plan, numbers))
  clips: list[ClipMasks] = []
  gates: dict[int, list[np.ndarray]] = {stage: [] for stage in model.cosam_stages}
  heat: dict[int, np.ndarray] | None = None
  bar = tqdm.tqdm(batches, total=len(numbers), desc="masks", unit="clip", disable=None)
  for number, batch in zip(numbers, bar, strict=True):
    outputs, descriptors = forward(batch.clips, batch.valid)
    spatial = {stage: np.asarray(mask.spatial[0]) for stage, mask in outputs.masks.items()}
    chosen = plan.batch(number)
    clip = clip_masks(plan, int(chosen.tracklets[0]), chosen.frames[0], spatial)
    if isinstance(store, StreamedFrames):
      clip = dataclasses.replace(clip, source=store.span_text(chosen.frames[0]))
    clips.append(clip)
    for stage, masks in outputs.masks.items():
      gates[stage].append(np.asarray(masks.channel[0]))
    if where is not None and number == where[0] // plan.num_frames:
      heat = {}
      for stage, mask in spatial.items():
        positive = np.maximum(np.asarray(descriptors[stage], np.float32), 0)
        cell = int(where[1] * mask.shape[1]), int(where[2] * mask.shape[2])
        frame = where[0] % plan.num_frames
        heat[stage] = point_correlation(positive.reshape(*mask.shape, -1), frame, cell, model.ncc)
  return clips, {stage: np.mean(gate, axis=0) for stage, gate in gates.items()}, heat
