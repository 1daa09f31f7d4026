"""Clips with their masks have the frames as they are on disk, upright, and the names for people."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from cosam_jax.data.batches import EvaluationPlan
from cosam_jax.data.identities import Numbering
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.evaluation.clip_masks import clip_masks, frame_image


class Frames:
  """Drawn pictures as PNG files in memory; frame 7 cannot be decoded, frame 8 not be read."""

  def __len__(self):
    return 12

  def name(self, frame):
    return str(frame)

  def read(self, frame):
    if frame == 8:
      raise OSError("gone")
    stream = io.BytesIO()
    Image.fromarray(picture(frame)).save(stream, "PNG")
    return b"no picture" if frame == 7 else stream.getvalue()


def picture(frame):
  return np.random.default_rng(frame).integers(0, 256, (6, 4, 3), np.uint8)


@pytest.fixture
def table():
  names = Numbering(identities={3: "anna"}, cameras={2: "gate"})
  return TrackletTable(Frames(), [0, 5], [5, 7], [1, 3], [1, 2], ["a", "b"], names)


def test_a_clip_has_its_place_in_the_tracklet_and_its_frames(table):
  masks = {4: np.zeros((4, 2, 1), np.float32)}
  found = clip_masks(EvaluationPlan(table, 4, 2), 1, np.array([9, 10, 11, 9]), masks)
  assert (found.tracklet, found.identity, found.camera) == ("b", "anna", "gate")
  assert (found.clip, found.clips, found.numbers, found.length) == (2, 2, (5, 6, 7, 5), 7)
  assert found.masks is masks
  for image, frame in zip(found.images, (9, 10, 11, 9), strict=True):
    np.testing.assert_array_equal(image, picture(frame))


def test_names_are_numbers_unless_the_data_set_has_others(table):
  found = clip_masks(EvaluationPlan(table, 4, 2), 0, np.arange(4), {})
  assert (found.identity, found.camera, found.clip, found.clips) == (1, 1, 1, 2)
  assert found.source == ""


def test_an_unknown_person_or_camera_is_called_so(table):
  own = dataclasses.replace(table, identities=np.array([-1, -1]), cameras=np.array([-1, 2]))
  found = [clip_masks(EvaluationPlan(own, 4, 2), row, own.frame_ids(row)[:4], {}) for row in (0, 1)]
  assert [(one.identity, one.camera) for one in found] == [
    ("unknown", "unknown"), ("unknown", "gate")
  ]  # fmt: skip


def test_a_frame_that_cannot_be_read_has_no_image(table):
  found = clip_masks(EvaluationPlan(table, 4, 2), 1, np.array([5, 6, 7, 8]), {})
  assert [image is None for image in found.images] == [False, False, True, True]


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_every_mode_of_pixels_becomes_rgb(mode, monkeypatch, table):
  stream = io.BytesIO()
  image = Image.fromarray(picture(0)).convert(mode)
  image.save(stream, "TIFF" if mode == "CMYK" else "PNG")
  monkeypatch.setattr(Frames, "read", lambda self, frame: stream.getvalue())
  np.testing.assert_array_equal(frame_image(table, 0), np.asarray(image.convert("RGB")))
