"""Frames of a stream are decoded when they are asked for, once, and up to the last of them."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from cosam_jax.data.own_tracklets import UNKNOWN
from cosam_jax.data.packing import Frame
from cosam_jax.data.streamed_frames import Stream, StreamedFrames, table_of_stream
from cosam_jax.data.taken_frames import Taking


def test_only_wanted_frames_of_a_video_are_kept():
  """The stream is decoded up to the last wanted frame, and says where the frames were."""
  asked = []

  def frames():
    for i in range(100):
      asked.append(i)
      yield Frame(i % 2, np.full((4, 4, 3), i, np.uint8), False, i + 1, i / 10)

  store = StreamedFrames(Stream("/a/gate.mp4", ["5", "6"], np.array([50, 50]), frames), Taking(10))
  assert store.lengths.tolist() == [5, 5]
  store.fetch([1, 6])
  assert asked == list(range(22))
  for frame, value in {1: 20, 6: 21}.items():
    with Image.open(io.BytesIO(store.read(frame))) as image:
      assert (np.asarray(image) == value).all()
  assert len(asked) == 22
  assert store.span_text(np.array([1, 6])) == "gate.mp4, frames 21-22, 2.0 s"


def numbered(count, asked=None):
  """`count` frames of two tracklets in turn, each of its own grey; every tenth cannot be read."""

  def frames():
    for i in range(count):
      if asked is not None:
        asked.append(i)
      image = None if i % 10 == 9 else np.full((4, 4, 3), i, np.uint8)
      yield Frame(i % 2, image, i >= count - 2, i + 1, math.nan)

  return frames


def test_a_frame_that_is_asked_for_alone_comes_with_its_name():
  asked = []
  stream = Stream("/a/gate.mp4", ["5", "6"], np.array([6, 5]), numbered(11, asked))
  store = StreamedFrames(stream)
  assert len(store) == 11
  assert store.name(8) == "3 of tracklet 6 of /a/gate.mp4"
  assert asked == []
  with Image.open(io.BytesIO(store.read(8))) as image:  # The third of tracklet 6 is frame 5.
    assert image.format == "PNG"
    assert (np.asarray(image) == 5).all()
  assert asked == list(range(6))
  assert store.span_text(np.array([8])) == "gate.mp4, frames 6-6", "no time is known"
  assert store.span_text(np.array([0])) == "gate.mp4"


@pytest.mark.parametrize("lengths", [[5, 5], [5, 6]])
def test_a_frame_that_does_not_come_is_an_error_of_reading(lengths):
  """The last frame of tracklet 6 cannot be read, or the stream has one less than it says."""
  store = StreamedFrames(Stream("v.mp4", ["5", "6"], np.array(lengths), numbered(10)))
  with pytest.raises(OSError, match=rf"frame {lengths[1]} of tracklet 6 of v.mp4 does not come"):
    store.read(len(store) - 1)


def test_the_table_of_a_stream_has_a_row_for_each_tracklet():
  asked = []
  stream = Stream("v.mp4", ["anna", 7], np.array([6, 5]), numbered(11, asked))
  table = table_of_stream(stream, Taking(2))
  assert (table.starts.tolist(), table.lengths.tolist()) == ([0, 3], [3, 3])
  assert table.names.tolist() == ["anna", "7"]
  assert table.identities.tolist() == table.cameras.tolist() == [UNKNOWN] * 2
  assert asked == []
  with Image.open(io.BytesIO(table.frames.read(4))) as image:
    assert (np.asarray(image) == 5).all(), "the second that is taken is the third, frame 5"
