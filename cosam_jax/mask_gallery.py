"""Masks of chosen tracklets, or of a folder's: strips, animations, channels, correlations.

python -m cosam_jax.main --mode=masks --workdir=runs/demo --tracklets=0025C1T0002 --point=3,0.4,0.5
python -m cosam_jax.main --mode=masks --workdir=runs/demo --input=my_tracklets
"""

import json
import pathlib
import shutil
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tqdm
from flax import traverse_util
from ml_collections import ConfigDict

from cosam_jax.assembly import read_tables
from cosam_jax.data.batches import EvaluationPlan
from cosam_jax.data.clips import num_dense_clips
from cosam_jax.data.own_tracklets import read_tracklets
from cosam_jax.data.pipeline import evaluation_batches
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.errors import InputError, suggestion
from cosam_jax.evaluation.clip_masks import ClipMasks, clip_masks
from cosam_jax.evaluation.masks import choose_clips
from cosam_jax.evaluation.protocol import evaluation_of
from cosam_jax.models.cosam import normalise_descriptors
from cosam_jax.reports.file_names import file_name
from cosam_jax.reports.mask_motion import channels_picture, correlation_picture, save_animation
from cosam_jax.reports.masks import save_pictures
from cosam_jax.saved_network import Network

STRONGEST = 10
INDEX = "pictures.json"
"""Names of the files that a call wrote, so that the next one knows which to take away."""


def draw(
  network: Network,
  directory: pathlib.Path,
  *,
  folder: str | None = None,
  tracklets: Sequence[str] | None = None,
  point: Sequence[str] | None = None,
  table: TrackletTable | None = None,
) -> None:
  """Draws masks; of tracklets by name or number all clips, else one clip of six tracklets.

  Args:
    network: a run's network.
    directory: what is written goes here.
    folder: a folder of tracklets instead of the test set.
    tracklets: names, or numbers from 0 in the table's order.
    point: frame (its number in the first tracklet, from 1), y, x: pixels, or fractions of the
      frame with a decimal point.
    table: tracklets instead of those that the run's configuration names.

  Raises:
    InputError: no COSAM, a tracklet that is not there, or a point outside the frames.
  """
  if not network.model.cosam_stages:
    raise InputError("the network has no COSAM, so it has no masks: give a run with cosam_stages")
  table = _table(network, folder) if table is None else table
  if tracklets:
    table = table.select(np.array([_row(table, name) for name in tracklets]))
  frames = network.model.num_frames
  plan = EvaluationPlan(table, frames, 1)
  numbers = range(plan.num_clips) if tracklets else choose_clips(table, 6, frames)
  where = None if point is None else _point(point, table)
  if where is not None:
    numbers = sorted({*numbers, where[0] // frames})
  plan, numbers = _only(plan, list(numbers))
  clips, gates, heat = _look(network, plan, numbers, where)
  # All or nothing: what an earlier call drew goes only when everything new is there.
  partial = directory.with_name(f"{directory.name}.partial")
  shutil.rmtree(partial, ignore_errors=True)
  strips = save_pictures(partial, clips, network.label)
  for number, name in enumerate(dict.fromkeys(clip.tracklet for clip in clips), start=1):
    safe = file_name(name)
    if (partial / f"{safe}.webp").exists():  # `cam.1` beside `cam-1`.
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
  _put_in_place(partial, directory)
  print(f"{len(strips) - 1} strips, overview.png, animations (.webp) and channels.png: {directory}")


def _put_in_place(partial: pathlib.Path, directory: pathlib.Path) -> None:
  """Moves all files into `directory`, in place of those that an earlier call left there."""
  directory.mkdir(parents=True, exist_ok=True)
  new = sorted(path.name for path in partial.iterdir())
  try:
    old = json.loads((directory / INDEX).read_text())
  except (OSError, ValueError):
    old = []
  for name in old if isinstance(old, list) else []:
    if isinstance(name, str) and pathlib.PurePath(name).name == name and name not in new:
      (directory / name).unlink(missing_ok=True)
  for name in new:
    (partial / name).replace(directory / name)
  partial.rmdir()
  (directory / INDEX).write_text(json.dumps(new, indent=1) + "\n")


def _table(network: Network, folder: str | None) -> TrackletTable:
  if folder is not None:
    return read_tracklets(folder)
  # Runs of earlier versions do not say whether links are followed.
  flat = {"data.follow_links": False, **network.flat}
  config = ConfigDict(traverse_util.unflatten_dict(flat, sep="."))
  return evaluation_of(read_tables(config), config.evaluation.gallery).table


def _only(plan: EvaluationPlan, numbers: list[int]) -> tuple[EvaluationPlan, list[int]]:
  """A plan of the chosen clips' tracklets alone, and the clips' numbers in it."""
  counts = num_dense_clips(plan.table.lengths, plan.num_frames)
  first = np.cumsum(counts) - counts
  rows = np.searchsorted(first, numbers, side="right") - 1
  kept, place = np.unique(rows, return_inverse=True)
  now = np.cumsum(counts[kept]) - counts[kept]
  fewer = EvaluationPlan(plan.table.select(kept), plan.num_frames, 1)
  return fewer, [int(n) for n in now[place] + np.array(numbers) - first[rows]]


def _row(table: TrackletTable, name: str) -> int:
  names = table.names.tolist()
  if name in names:
    return names.index(name)
  if name.isdigit() and int(name) < len(names):
    return int(name)
  raise InputError(
    f"--tracklets names {name!r}, which is not there: give a name or a number from 0 to "
    f"{len(names) - 1}{suggestion(name, names)}"
  )


def _point(point: Sequence[str], table: TrackletTable) -> tuple[int, float, float]:
  """Frame of the first tracklet from 0, and y and x as fractions of it."""
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

  It is the position's row of `ncc_cost_volume`, and its own frame's as well.
  """
  normal = np.asarray(normalise_descriptors(jnp.asarray(descriptors), ncc))
  return normal @ normal[frame, cell[0], cell[1]] / normal.shape[-1]


def _look(
  network: Network,
  plan: EvaluationPlan,
  numbers: list[int],
  where: tuple[int, float, float] | None,
) -> tuple[list[ClipMasks], dict[int, np.ndarray], dict[int, np.ndarray] | None]:
  model, wanted = network.model, set(numbers)

  @jax.jit
  def forward(clips: jax.Array, valid: jax.Array) -> Any:
    return model.apply(
      network.variables, clips, valid, train=False, mutable=["intermediates"],
      capture_intermediates=lambda module, _: module.name == "reduce_norm",
    )  # fmt: skip

  batches = evaluation_batches(
    plan.table, num_frames=plan.num_frames, batch_clips=1, image_size=model.image_size,
    on_unreadable=network.flat.get("data.on_unreadable", "error"),
  )  # fmt: skip
  clips: list[ClipMasks] = []
  gates: dict[int, list[np.ndarray]] = {stage: [] for stage in model.cosam_stages}
  heat: dict[int, np.ndarray] | None = None
  bar = tqdm.tqdm(batches, total=plan.num_batches, desc="masks", unit="clip", disable=None)
  for number, batch in enumerate(bar):
    if number not in wanted:
      continue
    outputs, state = forward(batch.clips, batch.valid)
    spatial = {stage: np.asarray(mask.spatial[0]) for stage, mask in outputs.masks.items()}
    frames = plan.batch(number).frames[0]
    clips.append(clip_masks(plan, int(batch.tracklets[0]), frames, spatial))
    for stage, mask in outputs.masks.items():
      gates[stage].append(np.asarray(mask.channel[0]))
    if where is not None and number == where[0] // plan.num_frames:
      heat = {}
      for stage, mask in spatial.items():
        found = state["intermediates"][f"cosam{stage}"]["reduce_norm"]["__call__"][0]
        descriptors = np.maximum(np.asarray(found, np.float32), 0).reshape(*mask.shape, -1)
        cell = int(where[1] * mask.shape[1]), int(where[2] * mask.shape[2])
        frame = where[0] % plan.num_frames
        heat[stage] = point_correlation(descriptors, frame, cell, model.ncc)
  return clips, {stage: np.mean(gate, axis=0) for stage, gate in gates.items()}, heat
