"""Embeds a user's own videos and folders of tracklets: `--mode=embed --input=...`."""

import dataclasses
import os
import pathlib

import numpy as np

from cosam_jax.data import videos
from cosam_jax.data.box_files import FOUND_OUT, BoxReading, read_boxes
from cosam_jax.data.boxes import Boxes
from cosam_jax.data.clips import num_dense_clips
from cosam_jax.data.frame_places import frame_folders, frame_numbers
from cosam_jax.data.own_cameras import camera_names, cameras_sentence, check_camera
from cosam_jax.data.own_tracklets import read_tracklets
from cosam_jax.data.passing_frames import Passing, middle_frames
from cosam_jax.data.taken_frames import ALL_FRAMES, Taking
from cosam_jax.data.telling import Telling
from cosam_jax.data.tracked_people import crops_of
from cosam_jax.data.whole_scenes import one_person
from cosam_jax.evaluation.embeddings import EMBEDDINGS_FILE
from cosam_jax.experiment.embedder import Embedder
from cosam_jax.experiment.network import Network
from cosam_jax.experiment.own_files import OwnTracklets, save_own
from cosam_jax.experiment.own_outputs import (
  PICTURES,
  VECTORS,
  folder_for,
  frame_options,
  neighbour_of,
  replaced,
  source_of,
  with_choice,
)
from cosam_jax.runtime.text_numbers import counted, span


@dataclasses.dataclass(frozen=True)
class Given:
  """What is said about a folder or a video beside its path; see `embed_own`."""

  boxes: str | os.PathLike | None = None
  margin: float = 0.0
  reading: BoxReading = FOUND_OUT
  taking: Taking = ALL_FRAMES
  camera: str | None = None
  camera_from: str | None = None


NOTHING_SAID = Given()


def embed_own(
  embedder: Embedder,
  path: str | os.PathLike,
  *,
  boxes: str | os.PathLike | None = None,
  margin: float = 0.0,
  reading: BoxReading = FOUND_OUT,
  taking: Taking = ALL_FRAMES,
  camera: str | None = None,
  camera_from: str | None = None,
) -> OwnTracklets:
  """Embeds a folder of tracklets, a video of one person, or the tracked people of a video.

  Remarks on guesses, oddities and skipped parts are printed as soon as they are known; the result
  has them too.

  Args:
    embedder: the network; its run's configuration says how folders are read.
    path: a folder, in which every folder of images is a tracklet; or a video, which is one
      tracklet. With `boxes`: a video, or a folder with a video's frames as images.
    boxes: see `data.box_files.read_boxes`; each track is a tracklet.
    margin: see `data.boxes.crop`.
    reading: known facts about the file of boxes.
    taking: which frames of each tracklet are embedded. If not all are, a video without boxes is
      decoded twice, since the number of its frames is known only at its end.
    camera, camera_from: see `own_cameras.camera_names`.

  Raises:
    InputError: files are missing, cannot be read, or do not fit each other.
  """
  path, telling = pathlib.Path(path), Telling()
  folders = boxes is None and path.is_dir()
  check_camera(camera, camera_from, folders=folders)
  if folders:
    follow_links = embedder.inference.reading.follow_links
    table = read_tracklets(path, follow_links=follow_links, telling=telling)
    cameras = camera_names(table, camera, camera_from)
    vectors = embedder.embed_table(taking.of_table(table))
    return OwnTracklets(
      tuple(map(str, table.names)),
      table.lengths.astype(np.int64),
      vectors,
      middle_frames(table),
      *frame_numbers(table),
      np.full((len(table), 2), np.nan),
      left_out=tuple(telling.left_out),
      sources=frame_folders(table),
      camera_names=cameras,
      taking=taking,
    )
  if boxes is None:
    own = _embed_video(embedder, videos.open_footage(path, telling), path.stem, taking)
  else:
    given = read_boxes(boxes, reading)
    footage = videos.open_footage(path, telling, [boxes])
    own = _embed_tracks(embedder, footage, given, margin, reading, taking)
  count = len(own.names)
  return dataclasses.replace(
    own,
    left_out=tuple(telling.left_out),
    told=tuple(telling.told),
    sources=(os.path.abspath(path),) * count,
    camera_names=((camera or "").strip(),) * count,
    taking=taking,
  )


def _embed_video(
  embedder: Embedder, footage: videos.Footage, name: str, taking: Taking
) -> OwnTracklets:
  """A whole video as one tracklet."""
  count = footage.count
  if not taking.all:
    count = sum(1 for _ in footage.pictures())
  keeper = Passing()
  frames = keeper.watch(one_person(footage), np.array([(count or 1) // 2]))
  clips = None
  if count is not None:
    lengths = np.array([count])
    clips = int(num_dense_clips(taking.lengths(lengths), embedder.num_frames).sum())
    if not taking.all:
      frames = taking.of_frames(frames, lengths)
  vectors = embedder.embed_frames(frames, 1, names=[name], num_clips=clips)
  return _as_they_passed(keeper, (name,), vectors)


def _embed_tracks(
  embedder: Embedder,
  footage: videos.Footage,
  boxes: Boxes,
  margin: float,
  reading: BoxReading,
  taking: Taking,
) -> OwnTracklets:
  boxes, frames = crops_of(footage, boxes, margin, reading)
  keeper = Passing(len(lengths := boxes.lengths))
  names = tuple(map(str, boxes.ids))
  vectors = embedder.embed_frames(
    taking.of_frames(keeper.watch(frames, lengths // 2), lengths),
    len(lengths),
    names=names,
    num_clips=int(num_dense_clips(taking.lengths(lengths), embedder.num_frames).sum()),
  )
  return _as_they_passed(keeper, names, vectors)


def _as_they_passed(keeper: Passing, names: tuple[str, ...], vectors: np.ndarray) -> OwnTracklets:
  (first, last), picture = keeper.numbers.T, keeper.kept.__getitem__
  return OwnTracklets(names, keeper.seen, vectors, picture, first, last, keeper.times)


def embed_input(
  network: Network,
  path: pathlib.Path,
  directory: pathlib.Path | None,
  *,
  workdir: pathlib.Path = pathlib.Path(),
  boxes: str | None = None,
  margin: float = 0.0,
  reading: BoxReading = FOUND_OUT,
  taking: Taking = ALL_FRAMES,
  camera: str | None = None,
  camera_from: str | None = None,
) -> None:
  """Does the work of `--mode=embed --input`: embeds, writes and prints; see `embed_own`.

  Args:
    network: the network that embeds.
    path, boxes, margin: see `embed_own`.
    directory: the output folder; None: a folder of `own` in the workdir, which no other input has.
    workdir: the run's.

  Raises:
    InputError: as `embed_own`, or the output folder cannot be used for this input.
  """
  source = source_of(path, boxes, **frame_options(margin, reading, taking))
  folder = folder_for(source, output=directory, workdir=workdir, kind=VECTORS)
  own = embed_own(
    Embedder(network),
    path,
    boxes=boxes,
    margin=margin,
    reading=reading,
    taking=taking,
    camera=camera,
    camera_from=camera_from,
  )
  # Another process may have taken the folder meanwhile.
  folder = folder_for(source, output=directory, workdir=workdir, kind=VECTORS)
  if directory is None and (why := neighbour_of(folder, source, VECTORS)):
    print(why)
  source = with_choice(source, network)
  replaces = replaced(folder, source)
  save_own(own, network, source, folder)
  if replaces:
    print(replaces)
  count, width = own.vectors.shape
  taken = taking.lengths(own.lengths)
  print(
    f"{counted(count, 'tracklet')} of {span(own.lengths.min(), own.lengths.max())} "
    f"{'frame' if own.lengths.max() == 1 else 'frames'}, {width} dimensions, by {network.label}"
  )
  if not taking.all:
    print(
      f"taken of each: {taking.sentence()}: {taken.sum():,} of {own.lengths.sum():,} frames, "
      f"{span(taken.min(), taken.max())} of a tracklet"
    )
  print(cameras_sentence(own.camera_names))
  if short := int((taken < network.model.num_frames).sum()):
    verb = "is" if short == 1 else "are"
    print(f"{short:,} of them {verb} shorter than a clip of {network.model.num_frames} frames")
  place = folder.directory
  print(f"{place / EMBEDDINGS_FILE}, and a picture of each in {place / PICTURES}")
