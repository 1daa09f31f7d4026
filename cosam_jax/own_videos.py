"""Somebody's own videos and folders of tracklets, embedded: `--mode=embed --input=...`."""

import dataclasses
import os
import pathlib
import shutil
from collections.abc import Callable, Iterable

import numpy as np
import tqdm
from PIL import Image

from cosam_jax.data import videos
from cosam_jax.data.box_files import FOUND_OUT, BoxReading, read_boxes
from cosam_jax.data.boxes import Boxes
from cosam_jax.data.clips import num_dense_clips
from cosam_jax.data.frame_places import frame_folders, frame_numbers
from cosam_jax.data.left_out import LeftOut
from cosam_jax.data.own_cameras import camera_names, cameras_sentence, check_camera
from cosam_jax.data.own_tracklets import UNKNOWN, read_tracklets
from cosam_jax.data.passing_frames import Passing, middle_frames, one_tracklet
from cosam_jax.data.taken_frames import ALL_FRAMES, Taking
from cosam_jax.data.tracked_people import crops_of
from cosam_jax.embedder import Embedder
from cosam_jax.evaluation.embeddings import FILE_NAME, Embeddings, Origin, write_embeddings
from cosam_jax.evaluation.fingerprints import config_hash, weights_hash
from cosam_jax.evaluation.sightings import Sighting
from cosam_jax.saved_network import Network

PICTURES = "pictures"
"""Beside the embeddings: `00000.jpg`, ... one of each tracklet's frames, by its row."""


@dataclasses.dataclass(frozen=True, eq=False)
class OwnTracklets:
  """Tracklets with their vectors.

  Attributes:
    names: of the tracklets: paths below the folder, or the ids of the boxes.
    lengths: int64[n], frames of each.
    vectors: float32[n, D].
    picture: tracklet number -> uint8[H, W, 3], its middle frame.
    first_frames, last_frames: int64[n], each tracklet's first and last frame as its source counts
      them, from 1: frames of the video, or places in the folder.
    times: float64[n, 2], seconds of these two in the video; NaN where nobody knows.
    left_out: sentences about what the file of boxes holds and was not used.
    told: sentences about what the input was taken for, and what is odd about it.
    sources: of each tracklet the path of its video, or of the folder that its frames lie in.
    camera_names: of each tracklet, "" where nobody knows.
    taking: which of their frames were embedded.
  """

  names: tuple[str, ...]
  lengths: np.ndarray
  vectors: np.ndarray
  picture: Callable[[int], np.ndarray]
  first_frames: np.ndarray
  last_frames: np.ndarray
  times: np.ndarray
  left_out: tuple[str, ...] = ()
  told: tuple[str, ...] = ()
  sources: tuple[str, ...] = ()
  camera_names: tuple[str, ...] = ()
  taking: Taking = ALL_FRAMES

  def seen(self, row: int) -> Sighting:
    """Where and when a tracklet was seen."""
    return Sighting(
      camera=self.camera_names[row] or None,
      source=self.sources[row],
      frames=(int(self.first_frames[row]), int(self.last_frames[row])),
      times=None if np.isnan(self.times[row]).any() else tuple(self.times[row].tolist()),
    )


def embed_own(
  embedder: Embedder,
  path: str | os.PathLike,
  *,
  boxes: str | os.PathLike | None = None,
  margin: float = 0.0,
  reading: BoxReading = FOUND_OUT,
  follow_links: bool = False,
  on_unreadable: str = "error",
  taking: Taking = ALL_FRAMES,
  camera: str | None = None,
  camera_from: str | None = None,
) -> OwnTracklets:
  """Embeds a folder of tracklets, a video of one person, or the tracked people of a video.

  Args:
    embedder: the network.
    path: a folder, of which every folder of images is a tracklet; or a video, which is one
      tracklet. With `boxes` a video, or a folder with a video's frames as images.
    boxes: see `data.box_files.read_boxes`; each track is a tracklet.
    margin: see `data.boxes.crop`.
    reading: what is known about the file of boxes.
    follow_links, on_unreadable: of folders of tracklets, see `read_tracklets` and
      `pipeline.evaluation_batches`.
    taking: which frames of each tracklet are embedded; a video without boxes is then decoded twice,
      since only its end says how many frames it has.
    camera, camera_from: see `own_cameras.camera_names`.

  Raises:
    InputError: files that are missing, cannot be read, or do not fit each other.
  """
  path = pathlib.Path(path)
  folders = boxes is None and path.is_dir()
  check_camera(camera, camera_from, folders=folders)
  if folders:
    passed = LeftOut()
    table = read_tracklets(path, follow_links=follow_links, left_out=passed)
    cameras = camera_names(table, camera, camera_from)
    vectors = embedder.embed_table(taking.of_table(table), on_unreadable=on_unreadable)
    return OwnTracklets(
      tuple(map(str, table.names)),
      table.lengths.astype(np.int64),
      vectors,
      middle_frames(table),
      *frame_numbers(table),
      np.full((len(table), 2), np.nan),
      left_out=passed.sentences(),
      sources=frame_folders(table),
      camera_names=cameras,
      taking=taking,
    )
  if boxes is None:
    own = _embed_video(embedder, path, taking)
  else:
    own = _embed_tracks(embedder, path, read_boxes(boxes, reading), margin, reading, taking)
  count = len(own.names)
  return dataclasses.replace(
    own,
    sources=(os.path.abspath(path),) * count,
    camera_names=((camera or "").strip(),) * count,
    taking=taking,
  )


def _embed_video(embedder: Embedder, path: pathlib.Path, taking: Taking) -> OwnTracklets:
  """A whole video as one tracklet."""
  footage = videos.open_footage(path)
  count = footage.count
  if not taking.all:
    count = sum(1 for _ in videos.pictures(path))
  keeper = Passing()
  frames = keeper.watch(one_tracklet(footage.pictures()), np.array([(count or 1) // 2]))
  clips = None
  if count is not None:
    lengths = np.array([count])
    clips = int(num_dense_clips(taking.lengths(lengths), embedder.num_frames).sum())
    if not taking.all:
      frames = taking.of_frames(frames, lengths)
  vectors = embedder.embed_frames(frames, 1, names=[path.stem], num_clips=clips)
  return _as_they_passed(keeper, (path.stem,), vectors, told=footage.warnings)


def _embed_tracks(
  embedder: Embedder,
  path: pathlib.Path,
  boxes: Boxes,
  margin: float,
  reading: BoxReading,
  taking: Taking,
) -> OwnTracklets:
  footage = videos.open_footage(path)
  boxes, frames = crops_of(footage, boxes, margin, reading)
  keeper = Passing(len(lengths := boxes.lengths))
  names = tuple(map(str, boxes.ids))
  vectors = embedder.embed_frames(
    taking.of_frames(keeper.watch(frames, lengths // 2), lengths),
    len(lengths),
    names=names,
    num_clips=int(num_dense_clips(taking.lengths(lengths), embedder.num_frames).sum()),
  )
  told = (*boxes.told, *footage.warnings)
  return _as_they_passed(keeper, names, vectors, boxes.left_out, told)


def _as_they_passed(
  keeper: Passing,
  names: tuple[str, ...],
  vectors: np.ndarray,
  left_out: tuple[str, ...] = (),
  told: Iterable[str] = (),
) -> OwnTracklets:
  (first, last), picture = keeper.numbers.T, keeper.kept.__getitem__
  return OwnTracklets(
    names, keeper.seen, vectors, picture, first, last, keeper.times, left_out, tuple(told)
  )


def as_embeddings(own: OwnTracklets, network: Network, source: str) -> Embeddings:
  """The form in which embeddings are saved; identities and cameras are unknown.

  Args:
    own: tracklets.
    network: what embedded them.
    source: where they come from, for people.
  """
  count, width = own.vectors.shape
  unknown, none = np.full(count, UNKNOWN, np.int32), np.zeros(0, np.int64)
  flat = dict(network.flat)
  return Embeddings(
    origin=Origin(
      dataset=source,
      num_frames=network.model.num_frames,
      checkpoint=network.label,
      checkpoint_hash=weights_hash(network.variables),
      config=flat,
      config_hash=config_hash(flat) if flat else None,
      warnings=(*own.left_out, *own.told),
      frame_stride=None if own.taking.all else own.taking.stride,
      most_frames=own.taking.most,
    ),
    vectors=own.vectors,
    identities=unknown,
    cameras=unknown,
    names=np.array(own.names, np.str_),
    lengths=own.lengths,
    query_rows=none,
    reference_rows=none,
    official_rows=none,
    clip_vectors=np.zeros((0, width), np.float32),
    clip_owners=none,
    camera_names=np.array(own.camera_names, np.str_),
    sources=np.array(own.sources, np.str_),
    first_frames=own.first_frames,
    last_frames=own.last_frames,
    first_times=own.times[:, 0],
    last_times=own.times[:, 1],
  )


def save_own(own: OwnTracklets, network: Network, source: str, directory: pathlib.Path) -> None:
  """Writes `embeddings.npz` and a picture of each tracklet; replaces what was there.

  Raises:
    InputError: the embeddings cannot be written.
  """
  directory.mkdir(parents=True, exist_ok=True)
  partial, place = directory / f".{PICTURES}.partial", directory / PICTURES
  shutil.rmtree(partial, ignore_errors=True)
  partial.mkdir()
  for row in tqdm.tqdm(range(len(own.names)), desc="pictures", disable=None):
    Image.fromarray(own.picture(row)).save(partial / f"{row:05d}.jpg", quality=90)
  # Never new embeddings beside old pictures: without both, there are no embeddings.
  (directory / FILE_NAME).unlink(missing_ok=True)
  shutil.rmtree(place, ignore_errors=True)
  partial.replace(place)
  write_embeddings(directory / FILE_NAME, as_embeddings(own, network, source))


def embed_input(
  network: Network,
  path: pathlib.Path,
  directory: pathlib.Path,
  *,
  boxes: str | None = None,
  margin: float = 0.0,
  reading: BoxReading = FOUND_OUT,
  taking: Taking = ALL_FRAMES,
  camera: str | None = None,
  camera_from: str | None = None,
) -> None:
  """What `--mode=embed --input` does: embeds, writes and says so; see `embed_own`."""
  flat = network.flat
  own = embed_own(
    Embedder(network, batch_clips=int(flat.get("evaluation.batch_clips", 32))),
    path,
    boxes=boxes,
    margin=margin,
    reading=reading,
    follow_links=bool(flat.get("data.follow_links", False)),
    on_unreadable=flat.get("data.on_unreadable", "error"),
    taking=taking,
    camera=camera,
    camera_from=camera_from,
  )
  for sentence in own.told:
    print(sentence)
  for sentence in own.left_out:
    print(f"left out: {sentence}")
  save_own(own, network, str(path), directory)
  count, width = own.vectors.shape
  taken = taking.lengths(own.lengths)
  print(
    f"{count:,} tracklets of {own.lengths.min():,} to {own.lengths.max():,} frames, "
    f"{width} dimensions, by {network.label}"
  )
  if not taking.all:
    print(
      f"taken of each: {taking.sentence()}: {taken.sum():,} of {own.lengths.sum():,} frames, "
      f"{taken.min():,} to {taken.max():,} of a tracklet"
    )
  print(cameras_sentence(own.camera_names))
  if short := int((taken < network.model.num_frames).sum()):
    print(f"{short:,} of them are shorter than a clip of {network.model.num_frames} frames")
  print(f"{directory / FILE_NAME}, and a picture of each in {directory / PICTURES}")
