"""What goes wrong with one track, or once, does no harm to other tracks of a stream."""

import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.experiment.live_tracks import LiveTracks

FRAME = np.zeros((8, 4, 3), np.uint8)


def stream(forward, **options):
  settings = {
    "num_frames": 2, "image_size": (8, 4), "resize_method": "bilinear", "batch_clips": 2,
    "most_tracks": 9, "quality": False, "margin": 0.0,
  }  # fmt: skip
  return LiveTracks(forward, **settings | options)


def levels(clips, valid):
  """The mean of a clip's pixels as its vector."""
  del valid
  return clips.mean(axis=(1, 2, 3, 4))[:, None]


def test_a_batch_that_fails_once_loses_no_clip():
  failing = [False]

  def forward(clips, valid):
    if failing[0]:
      raise MemoryError
    return levels(clips, valid)

  def fill(live, fail):
    for track, level in (("a", 10), ("b", 90), ("a", 30), ("b", 50), ("a", 70)):
      failing[0] = fail and (track, level) == ("b", 50)  # The fourth frame fills a batch.
      try:
        live.add(track, FRAME + np.uint8(level))
      except MemoryError:
        failing[0] = False
    return live.vectors()

  wanted, found = fill(stream(forward), False), fill(stream(forward), True)
  assert set(found) == {"a", "b"}
  for track, vector in wanted.items():
    np.testing.assert_array_equal(found[track], vector)


def test_a_vector_that_is_not_finite_is_that_tracks_alone():
  def forward(clips, valid):
    vectors = levels(clips, valid)
    return np.where(vectors > 1, np.nan, vectors)

  alone = stream(forward)
  alone.add_many(["good"] * 3, [FRAME] * 3)
  for whole in (1, 2, 3, 4):
    live = stream(forward)
    live.add_many(["good"] * 3, [FRAME] * 3)
    live.add_many(["white"] * whole, [FRAME + 255] * whole)
    for _ in range(2):
      np.testing.assert_array_equal(live.vector("good"), alone.vector("good"))
      with pytest.raises(InputError, match="a clip of track 'white' gave a vector with NaN"):
        live.vector("white")
      with pytest.raises(InputError, match=r"'white'.* forget the track"):
        live.vectors()
    live.forget("white")
    assert set(live.vectors()) == {"good"}


def test_a_frame_of_weight_0_takes_nobodys_place():
  live = stream(levels, most_tracks=2)
  assert live.add_many([1, 2, 3], [FRAME] * 3, weights=(w for w in (1, 1, 0))) == [1, 2]
  assert live.tracks == [1, 2]
  assert live.let_go == 0


def test_boxes_outside_of_the_picture_are_left_out():
  picture = np.full((100, 60, 3), 90, np.uint8)
  corners = [
    [10, 10, 30, 50],
    [-90, 20, -5, 60],
    [60, 0, 80, 20],
    [0, 100, 9, 110],
    [59, 99, 70, 120],
  ]
  for quality in (False, True):
    live = stream(levels, quality=quality)
    added = live.add_boxes(picture, list("abcde"), np.array(corners))
    assert set(added) <= {"a", "e"}
    assert live.tracks == added
    if not quality:
      assert added == ["a", "e"]
