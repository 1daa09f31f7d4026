"""Tracks that are still running: frames as they come, and each track's vector at any time.

Notation: `B` clips in a batch, `T` frames in a clip, `H W` the network's image size, `D` embedding
size. A track's number or name is any value that can be a key of a dict.
"""

import collections
import math
import threading
from collections.abc import Callable, Hashable, Iterable
from types import TracebackType
from typing import Any

import numpy as np
from absl import logging

from cosam_jax.data.boxes import crop
from cosam_jax.data.frame_quality import frame_quality
from cosam_jax.errors import InputError
from cosam_jax.experiment.given_frames import checked_frame
from cosam_jax.experiment.live_boxes import TRACKS, picture_boxes
from cosam_jax.experiment.track_sums import (
  KeptFrames,
  TrackSum,
  WeightedClip,
  check_track,
  checked_weight,
)
from cosam_jax.runtime.given_values import items_given, number_given, whole_given

Forward = Callable[[np.ndarray, np.ndarray], Any]


class LiveTracks:
  """The vectors of tracks whose frames come one at a time; `Embedder.stream` makes it.

  A track's vector is that of `Embedder.embed` of its frames so far, for every temporal head: a
  tracklet's vector is the mean of its clips' vectors, and a clip is T frames in a row. Whole clips
  are embedded as they fill up, together with those of other tracks, and only their sum is kept.
  The last clip, with fewer than T frames, repeats them cyclically as a tracklet's does, and is
  computed when a vector is asked for. All batches have B clips, so one program is compiled.

  With weights, by `quality` or by the caller, a clip counts by the mean weight of its frames (with
  repetitions), and frames of weight 0 are left out before clips are cut. Without weights each clip
  counts once.

  Memory does not grow with time: at most `most_tracks` tracks, of each at most T - 1 frames (the
  smaller of the crop and 12 H W bytes) and two vectors, and B clips. If one more track comes, the
  one whose last frame is the longest ago is let go, and the first time a warning says so.

  Several threads may share it, such as one for each camera: a lock lets them in one at a time. Each
  track's frames should come from one thread, since nobody else knows their order.

  Attributes:
    let_go: number of tracks that were let go to make room.
  """

  def __init__(
    self,
    forward: Forward,
    *,
    num_frames: int,
    image_size: tuple[int, int],
    resize_method: str,
    batch_clips: int,
    most_tracks: int,
    quality: bool,
    margin: float,
    pixels: str = "float32",
  ):
    """Compiles nothing yet.

    Args:
      forward: (clips float32[B, T, H, W, 3], valid bool[B, T]) -> float[B, D].
      num_frames: T.
      image_size, resize_method, pixels: see `resizing.pixels_for_network`.
      batch_clips: B.
      most_tracks, quality, margin: see `Embedder.stream`.
    """
    self.let_go = 0
    self._forward, self._num_frames, self._image_size = forward, num_frames, image_size
    self._batch_clips = whole_given("batch_clips", batch_clips)
    self._most, self._quality = whole_given("most_tracks", most_tracks), quality
    self._margin = number_given("margin", margin, lambda x: 0 <= x < math.inf, "0 or more")
    # Public methods call each other, so a thread may take it again.
    self._lock = threading.RLock()
    self._kept = KeptFrames(self._image_size, resize_method, pixels)
    # In the order of their last frames.
    self._tracks: collections.OrderedDict[Hashable, TrackSum] = collections.OrderedDict()
    self._ready: list[tuple[TrackSum, WeightedClip]] = []

  def add(self, track: Hashable, frame: np.ndarray, *, weight: float | None = None) -> None:
    """Adds the next frame of a track.

    Args:
      track: a new one, or one that has frames already.
      frame: uint8[h, w, 3], RGB, of any size: the crop of the person.
      weight: 0, or 1e-6 .. 1e6; a frame of weight 0 is left out. None: the frame's quality if the
        stream was made with `quality`, else 1.

    Raises:
      InputError: the frame has another type or shape, or the weight is no such number.
    """
    self.add_many([track], [frame], weights=None if weight is None else [weight])

  def add_many(
    self,
    tracks: Iterable[Hashable],
    frames: Iterable[np.ndarray],
    *,
    weights: Iterable[float] | None = None,
  ) -> list[Hashable]:
    """Adds a frame to each of several tracks; see `add`. If one is refused, none is added.

    A track that is named several times gets several frames, in this order.

    Returns:
      the tracks whose frame counts: whose weight is not 0.
    """
    tracks = items_given("tracks", tracks, TRACKS)
    frames = items_given("frames", frames, "a list of frames, one for each track")
    given = None
    if weights is not None:
      given = items_given("weights", weights, "a list of weights, one for each track")
    if len(tracks) != len(frames) or (given is not None and len(given) != len(frames)):
      counts = f"{len(tracks)} tracks, {len(frames)} frames"
      counts += "" if given is None else f", {len(given)} weights"
      raise InputError(f"{counts}: give one of each for each track")
    for row, track in enumerate(tracks):
      check_track(track)
      frames[row] = checked_frame(f"a frame of track {track!r}", frames[row])
    if given is None:
      given = [frame_quality(frame, self._image_size) if self._quality else 1.0 for frame in frames]
    numbers = [checked_weight(track, weight) for track, weight in zip(tracks, given)]
    with self._lock:
      for track, frame, number in zip(tracks, frames, numbers):
        self._add(track, frame, number)
    return [track for track, number in zip(tracks, numbers) if number]

  def add_boxes(
    self,
    picture: np.ndarray,
    tracks: Iterable[Hashable],
    boxes: np.ndarray,
    *,
    sized: bool = False,
  ) -> list[Hashable]:
    """Cuts tracks' boxes out of a picture and adds them; the quality then knows the border too.

    A box without any part inside the picture is left out, as trackers predict some.

    Args:
      picture: uint8[height, width, 3], RGB.
      tracks: n different tracks.
      boxes: float[n, 4], the corners x1, y1, x2, y2 in pixels, as trackers' packages have them.
      sized: whether boxes are x, y, width, height instead, as in MOTChallenge's files.

    Returns:
      the tracks that got a frame that counts.

    Raises:
      InputError: the picture or the boxes have another type or shape, a box has no area, or a track
        has two boxes, since two people would become one.
    """
    found = picture_boxes(picture, tracks, boxes, sized)
    whole = found.picture.shape[:2]
    crops = [crop(found.picture, box, self._margin) for box in found.sizes]
    weights = None
    if self._quality:
      weights = [frame_quality(c, self._image_size, b, whole) for c, b in zip(crops, found.sizes)]
    return self.add_many(found.tracks, crops, weights=weights)

  def vector(self, track: Hashable) -> np.ndarray:
    """float32[D], a track's vector by its frames so far; not normalised, as `Embedder.embed`.

    Raises:
      InputError: the track is not known, or a clip of it gave NaN or infinity.
    """
    return self.vectors([track])[track]

  def vectors(self, tracks: Iterable[Hashable] | None = None) -> dict[Hashable, np.ndarray]:
    """The vectors of tracks, computed together; see `vector`.

    Args:
      tracks: which ones; None: all.
    """
    asked = None if tracks is None else items_given("tracks", tracks, TRACKS, ordered=False)
    with self._lock:
      chosen = {track: self._known(track) for track in (self._tracks if asked is None else asked)}
      last = [(state, state.last_clip(self._num_frames)) for state in chosen.values()]
      open_ones = [(state, clip) for state, clip in last if clip is not None]
      # If this fails, nothing has changed, and the clips still wait.
      found = self._embed(self._ready + open_ones)
      whole, self._ready = self._ready, []
      for (state, clip), vector in zip(whole, found):
        state.count(vector, clip.weight)
      for (state, clip), vector in zip(open_ones, found[len(whole) :]):
        state.remember(vector, clip.weight)
      return {track: state.mean() for track, state in chosen.items()}

  def forget(self, track: Hashable) -> None:
    """Drops a track and its vector; later frames of that number begin a new one.

    Raises:
      InputError: the track is not known.
    """
    with self._lock:
      state = self._known(track)
      del self._tracks[track]
      self._drop(state)

  @property
  def tracks(self) -> list[Hashable]:
    """The tracks that are known, the one whose last frame is the longest ago first."""
    with self._lock:
      return list(self._tracks)

  def frames(self, track: Hashable) -> int:
    """The number of a track's frames that count; 0 if it is not known."""
    check_track(track)
    with self._lock:
      state = self._tracks.get(track)
      return state.frames if state else 0

  def close(self) -> None:
    """Drops all tracks; the stream can be used again."""
    with self._lock:
      self._tracks.clear()
      self._ready = []

  def __enter__(self) -> "LiveTracks":
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    traceback: TracebackType | None,
  ) -> None:
    self.close()

  def _known(self, track: Hashable) -> TrackSum:
    check_track(track)
    state = self._tracks.get(track)
    if state is None:
      raise InputError(
        f"track {track!r} is not known: it has had no frame of a weight above 0, was forgotten, or "
        "is from before the stream was closed (a with block closes it at its end)"
        + (f", or is one of {self.let_go:,} that were let go to make room" if self.let_go else "")
      )
    return state

  def _add(self, track: Hashable, frame: np.ndarray, weight: float) -> None:
    if track in self._tracks:
      self._tracks.move_to_end(track)
    if not weight:
      return
    state = self._tracks.setdefault(track, TrackSum(track))
    if len(self._tracks) > self._most:
      self._make_room()
    clip = state.add(self._kept.keep(frame), weight, self._num_frames)
    if clip is not None:
      self._ready.append((state, clip))
    if len(self._ready) >= self._batch_clips:
      self.vectors([])

  def _make_room(self) -> None:
    name, old = self._tracks.popitem(last=False)
    self._drop(old)
    self.let_go += 1
    if self.let_go == 1:
      logging.warning(
        "track %r is let go to make room, and later ones too: there are more than %s; call forget "
        "for tracks that ended, or give more most_tracks",
        name,
        f"{self._most:,}",
      )

  def _drop(self, state: TrackSum) -> None:
    self._ready = [row for row in self._ready if row[0] is not state]

  def _embed(self, clips: list[tuple[TrackSum, WeightedClip]]) -> list[np.ndarray]:
    """The vectors of clips, float64[D] each, in batches of B that are filled with zeros."""
    found: list[np.ndarray] = []
    for start in range(0, len(clips), self._batch_clips):
      some = clips[start : start + self._batch_clips]
      batch, valid = self._kept.batch([clip.frames for _, clip in some], self._batch_clips)
      found += list(np.asarray(self._forward(batch, valid), np.float64)[: len(some)])
    return found
