"""Frames that come one at a time make the clips of the pipeline."""

import numpy as np
import pytest

from cosam_jax.data import load_dataset
from cosam_jax.data.packing import Frame, packed_clips, read_image
from cosam_jax.data.pipeline import evaluation_batches
from cosam_jax.errors import InputError


def interleaved(table):
  """A frame of each tracklet in turn, as a video has them."""
  for position in range(int(table.lengths.max())):
    for row in range(len(table)):
      if position < table.lengths[row]:
        image = read_image(table.frames.name(int(table.frame_ids(row)[position])))
        yield Frame(row, image, position + 1 == table.lengths[row])


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_clips_are_those_of_the_pipeline(tiny_synthetic, method):
  table = load_dataset("synthetic", tiny_synthetic).query
  options = {"num_frames": 2, "batch_clips": 3, "image_size": (40, 24), "resize_method": method}

  def clips(batches):
    found = {}
    for batch in batches:
      assert batch.clips.shape == (3, 2, 40, 24, 3)
      np.testing.assert_array_equal(batch.valid.all(axis=1), batch.tracklets >= 0)
      for tracklet, clip in zip(batch.tracklets.tolist(), batch.clips):
        if tracklet >= 0:
          found.setdefault(tracklet, []).append(clip)
    return found

  streamed = clips(packed_clips(interleaved(table), **options))
  read = clips(evaluation_batches(table, **options))
  assert set(streamed) == set(read) == set(range(len(table)))
  for row, wanted in read.items():
    assert len(streamed[row]) == len(wanted)
    np.testing.assert_allclose(np.stack(streamed[row]), np.stack(wanted), atol=1e-5)


def test_a_tracklet_must_end():
  frames = [Frame(0, np.zeros((4, 4, 3), np.uint8), False)]
  with pytest.raises(ValueError, match="did not end"):
    list(packed_clips(frames, num_frames=2, batch_clips=1, image_size=(8, 8)))


def test_files_that_are_no_images_are_named(tmp_path):
  (tmp_path / "a.jpg").write_bytes(b"\xff\xd8 not more")
  with pytest.raises(InputError, match=r"a\.jpg cannot be used: its JPEG data"):
    read_image(tmp_path / "a.jpg")
  with pytest.raises(InputError, match=r"b\.jpg cannot be read: No such file"):
    read_image(tmp_path / "b.jpg")
