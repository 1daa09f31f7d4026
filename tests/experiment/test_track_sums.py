"""What is kept of a track: sums by a slow loop, and frames in the smaller of two forms."""

import numpy as np
import pytest

from cosam_jax.data.resizing import pixels_for_network
from cosam_jax.experiment.track_sums import KeptFrames, TrackSum


def vector_of(clip):
  """Any function of a clip's frames."""
  return np.array([np.mean(clip), np.max(clip), clip[0].sum()], np.float64)


@pytest.mark.parametrize("num_frames", [1, 3, 4])
def test_the_mean_is_that_of_all_clips_so_far(num_frames):
  rng = np.random.default_rng(num_frames)
  frames = [rng.random(5) for _ in range(11)]
  weights = rng.uniform(0.1, 2, 11).tolist()
  track = TrackSum("t")
  for count in range(1, 12):
    if clip := track.add(frames[count - 1], weights[count - 1], num_frames):
      track.count(vector_of(clip.frames), clip.weight)
    if clip := track.last_clip(num_frames):
      track.remember(vector_of(clip.frames), clip.weight)
    assert track.last_clip(num_frames) is None
    wanted, total = np.zeros(3), 0.0
    for start in range(0, count, num_frames):
      left = list(range(start, min(start + num_frames, count)))
      chosen = [left[i % len(left)] for i in range(num_frames)]
      weight = sum(weights[i] for i in chosen) / num_frames
      wanted += weight * vector_of([frames[i] for i in chosen])
      total += weight
    np.testing.assert_allclose(track.mean(), wanted / total, rtol=1e-6)
    assert track.frames == count


def test_frames_are_kept_in_the_smaller_form_and_give_the_same_pixels():
  size = (16, 8)
  kept = KeptFrames(size, "bilinear")
  rng = np.random.default_rng(0)
  small, large = (rng.integers(0, 256, (*s, 3), np.uint8) for s in ((20, 10), (90, 70)))
  frames = [kept.keep(small), kept.keep(large)]
  assert [frame.dtype for frame in frames] == [np.uint8, np.float32]
  assert all(frame.nbytes <= 12 * 16 * 8 for frame in frames)
  wanted = [pixels_for_network(frame, size) for frame in (small, large)]
  small[:] = 0  # The caller may use its array again.
  batch, valid = kept.batch([[frames[0], frames[1], frames[0]]], 2)
  np.testing.assert_array_equal(batch[0], [wanted[0], wanted[1], wanted[0]])
  assert not batch[1].any()
  assert valid.tolist() == [[True] * 3, [False] * 3]
