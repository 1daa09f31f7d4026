"""Somebody's own videos and folders of tracklets, embedded: `--mode=embed --input=...`."""

import contextlib
import dataclasses
import itertools
import os
import pathlib
import shutil
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tqdm
from PIL import Image

from cosam_jax.data import boxes as box_files
from cosam_jax.data import videos
from cosam_jax.data.clips import num_dense_clips
from cosam_jax.data.own_tracklets import UNKNOWN, read_tracklets
from cosam_jax.data.packing import Frame, read_image
from cosam_jax.data.tracklets import FilePaths, TrackletTable
from cosam_jax.embedder import Embedder
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import FILE_NAME, Embeddings, Origin, write_embeddings
from cosam_jax.evaluation.fingerprints import config_hash, weights_hash
from cosam_jax.saved_network import Network

PICTURES = "pictures"
"""Beside the embeddings: `00000.jpg`, ... one of each tracklet's frames, by its row."""
_PICTURE_HEIGHT = 256


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
  """

  names: tuple[str, ...]
  lengths: np.ndarray
  vectors: np.ndarray
  picture: Callable[[int], np.ndarray]
  first_frames: np.ndarray
  last_frames: np.ndarray
  times: np.ndarray
  left_out: tuple[str, ...] = ()


def embed_own(
  embedder: Embedder,
  path: str | os.PathLike,
  *,
  boxes: str | os.PathLike | None = None,
  margin: float = 0.0,
  follow_links: bool = False,
  on_unreadable: str = "error",
) -> OwnTracklets:
  """Embeds a folder of tracklets, a video of one person, or the tracked people of a video.

  Args:
    embedder: the network.
    path: a folder, of which every folder of images is a tracklet; or a video, which is one
      tracklet. With `boxes` a video, or a folder with a video's frames as images.
    boxes: see `data.boxes.read_boxes`; each track is a tracklet.
    margin: see `data.boxes.crop`.
    follow_links, on_unreadable: of folders of tracklets, see `read_tracklets` and
      `pipeline.evaluation_batches`.

  Raises:
    InputError: files that are missing, cannot be read, or do not fit each other.
  """
  path = pathlib.Path(path)
  if boxes is not None:
    return _embed_tracks(embedder, path, box_files.read_boxes(boxes), margin)
  if path.is_dir():
    table = read_tracklets(path, follow_links=follow_links)
    vectors = embedder.embed_table(table, on_unreadable=on_unreadable)
    lengths = table.lengths.astype(np.int64)
    names, times = tuple(map(str, table.names)), np.full((len(table), 2), np.nan)
    first = np.ones_like(lengths)
    return OwnTracklets(names, lengths, vectors, _middle_frames(table), first, lengths, times)
  keeper = _Passing()
  count = videos.count_frames(path) if path.is_file() else None
  clips = None if count is None else int(num_dense_clips(count, embedder.num_frames))
  frames = keeper.watch(_one_tracklet(videos.pictures(path)), np.array([(count or 1) // 2]))
  vectors = embedder.embed_frames(frames, 1, names=[path.stem], num_clips=clips)
  return keeper.tracklets((path.stem,), vectors)


def _embed_tracks(
  embedder: Embedder, path: pathlib.Path, boxes: box_files.Boxes, margin: float
) -> OwnTracklets:
  pictures = videos.pictures(path)
  first = next(pictures)
  boxes = boxes.inside(*first.image.shape[:2])
  lengths = boxes.lengths
  keeper = _Passing(len(lengths))
  frames = box_files.crops(itertools.chain([first], pictures), boxes, margin)
  names = tuple(map(str, boxes.ids))
  vectors = embedder.embed_frames(
    keeper.watch(frames, lengths // 2),
    len(lengths),
    names=names,
    num_clips=int(num_dense_clips(lengths, embedder.num_frames).sum()),
  )
  return keeper.tracklets(names, vectors, boxes.left_out)


def _one_tracklet(pictures: Iterator[videos.Picture]) -> Iterator[Frame]:
  """All pictures as the frames of tracklet 0."""
  before = next(pictures)
  for picture in pictures:
    yield Frame(0, before.image, False, before.number, before.seconds)
    before = picture
  yield Frame(0, before.image, True, before.number, before.seconds)


class _Passing:
  """Keeps of each tracklet one frame, small, and its span in the source, while all pass by."""

  def __init__(self, count: int = 1):
    self.seen = np.zeros(count, np.int64)
    self.numbers = np.zeros((count, 2), np.int64)
    self.times = np.full((count, 2), np.nan)
    self.kept: dict[int, np.ndarray] = {}

  def watch(self, frames: Iterable[Frame], wanted: np.ndarray) -> Iterator[Frame]:
    """The same frames; keeps of tracklet i frame number `wanted[i]`, or its last before that."""
    for frame in frames:
      i = frame.tracklet
      if self.seen[i] == wanted[i] or (frame.last and i not in self.kept):
        height, width = frame.image.shape[:2]
        size = max(1, round(width * _PICTURE_HEIGHT / height)), _PICTURE_HEIGHT
        self.kept[i] = np.asarray(Image.fromarray(frame.image).resize(size))
      place = slice(1 if self.seen[i] else 0, 2)
      self.numbers[i, place], self.times[i, place] = frame.number, frame.seconds
      self.seen[i] += 1
      yield frame

  def tracklets(
    self, names: tuple[str, ...], vectors: np.ndarray, left_out: tuple[str, ...] = ()
  ) -> OwnTracklets:
    """What is known of the tracklets once all frames have passed."""
    first, last = self.numbers.T
    picture = self.kept.__getitem__
    return OwnTracklets(names, self.seen, vectors, picture, first, last, self.times, left_out)


def _middle_frames(table: TrackletTable) -> Callable[[int], np.ndarray]:
  def picture(row: int) -> np.ndarray:
    assert isinstance(table.frames, FilePaths)
    frames = np.roll(table.frame_ids(row), -(int(table.lengths[row]) // 2))
    for frame in frames[:-1]:
      with contextlib.suppress(InputError):  # Some may be, and were told.
        return read_image(table.frames.path_to_read(int(frame)))
    return read_image(table.frames.path_to_read(int(frames[-1])))

  return picture


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
      warnings=own.left_out,
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
) -> None:
  """What `--mode=embed --input` does: embeds, writes and says so; see `embed_own`."""
  flat = network.flat
  own = embed_own(
    Embedder(network, batch_clips=int(flat.get("evaluation.batch_clips", 32))),
    path,
    boxes=boxes,
    margin=margin,
    follow_links=bool(flat.get("data.follow_links", False)),
    on_unreadable=flat.get("data.on_unreadable", "error"),
  )
  for sentence in own.left_out:
    print(f"left out: {sentence}")
  save_own(own, network, str(path), directory)
  count, width = own.vectors.shape
  short = int((own.lengths < network.model.num_frames).sum())
  print(
    f"{count:,} tracklets of {own.lengths.min():,} to {own.lengths.max():,} frames, "
    f"{width} dimensions, by {network.label}"
  )
  if short:
    print(f"{short:,} of them are shorter than a clip of {network.model.num_frames} frames")
  print(f"{directory / FILE_NAME}, and a picture of each in {directory / PICTURES}")
