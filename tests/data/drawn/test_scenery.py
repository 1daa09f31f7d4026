"""Streets and scenes: the person alone changes with who it is, and masks show what is visible."""

import dataclasses
import math

import numpy as np

from cosam_jax.data.drawn import Camera, Scene, distinct_looks


def _grow(mask: np.ndarray, pixels: int) -> np.ndarray:
  """A slow, plain dilation by a square."""
  grown = np.zeros_like(mask)
  for y, x in zip(*np.nonzero(mask)):
    grown[max(0, y - pixels) : y + pixels + 1, max(0, x - pixels) : x + pixels + 1] = True
  return grown


def test_nothing_around_a_figure_depends_on_who_it_is():
  camera = Camera(np.random.default_rng([3, 1]), (128, 64))
  one, two = distinct_looks(2, np.random.default_rng(0))
  for tracklet in range(6):
    scene = Scene(camera, np.random.default_rng([4, tracklet]), 2)
    frames, _ = scene.render(one)
    other_frames, _ = scene.render(two)
    assert (frames != other_frames).any()
    # Figures shine through the soft edges of objects, so leave out whole figures.
    scene.blocking, scene.passing = [], []
    masks, other_masks = scene.render(one)[1], scene.render(two)[1]
    for k in range(2):
      figure = _grow((masks[k] > 0) | (other_masks[k] > 0), 10)  # Blur spreads a figure's edge.
      around = ~figure
      assert around.mean() > 0.05
      np.testing.assert_array_equal(frames[k][around], other_frames[k][around])


def test_the_mask_is_where_the_figure_is():
  # Change all colours of one person: the pixels that change are the figure, as drawn.
  camera = Camera(np.random.default_rng(8), (128, 64))
  look = distinct_looks(1, np.random.default_rng(1))[0]
  cloth = {"pattern": "plain", "bag": "none", "hat": "none", "hair": "short"}
  dark = dict.fromkeys(("upper", "lower", "shoes"), "black")
  light = dict.fromkeys(("upper", "lower", "shoes"), "white")
  black = dataclasses.replace(look, **cloth, **dark, skin=(30, 30, 30), hair_colour=(30, 30, 30))
  white = dataclasses.replace(look, **cloth, **light, skin=(230,) * 3, hair_colour=(230,) * 3)
  overlaps = []
  for tracklet in range(8):
    (a, masks), (b, same) = (
      Scene(camera, np.random.default_rng([5, tracklet]), 2).render(who) for who in (black, white)
    )
    np.testing.assert_array_equal(masks, same)
    for k in range(2):
      change = np.abs(a[k].astype(int) - b[k].astype(int)).mean(-1)
      seen, mask = change > 0.4 * change.max(), masks[k] > 0
      overlaps.append((seen & mask).sum() / (seen | mask).sum())
  assert min(overlaps) > 0.75
  assert np.mean(overlaps) > 0.85


def test_what_stands_in_front_is_not_in_the_mask():
  camera = Camera(np.random.default_rng(2), (128, 64))
  look = distinct_looks(1, np.random.default_rng(2))[0]
  hidden_by = {"blocking": 0, "passing": 0}
  for tracklet in range(12):
    scene = Scene(camera, np.random.default_rng([7, tracklet]), 8)
    frames, masks = scene.render(look)
    for kind in hidden_by:
      if not getattr(scene, kind):
        continue
      setattr(scene, kind, [])
      free_frames, free_masks = scene.render(look)
      assert not ((masks > 0) & (free_masks == 0)).any()
      gone = (free_masks > 0) & (masks == 0)
      kept = (free_masks > 0) & (masks > 0)
      change = np.abs(frames.astype(int) - free_frames.astype(int)).mean(-1)
      if gone.sum() > 50:
        hidden_by[kind] += 1
        assert change[gone].mean() > 4 * change[kept].mean()
  assert all(hidden_by.values()), hidden_by


def test_people_walk_and_the_background_moves():
  camera = Camera(np.random.default_rng(1), (128, 64))
  look = distinct_looks(1, np.random.default_rng(3))[0]
  sideways = 0
  for tracklet in range(12):
    scene = Scene(camera, np.random.default_rng([9, tracklet]), 9)
    if abs(math.sin(scene.pose(0).yaw)) < 0.7 or scene.blocking or scene.passing:
      continue
    sideways += 1
    frames, masks = scene.render(look)
    legs = masks[:, 70:120] > 0
    assert np.mean(legs[0] != legs[4]) > 0.02
    around = ~_grow((masks[0] > 0) | (masks[8] > 0), 4)
    change = np.abs(frames[0].astype(int) - frames[8].astype(int)).mean(-1)
    assert change[around].mean() > 8
  assert sideways >= 2


def test_a_view_is_a_part_of_a_street_that_repeats():
  camera = Camera(np.random.default_rng(4), (64, 32))
  street = np.asarray(camera.street)
  wide = street.shape[1]
  assert street.shape == (128, 2 * 8 * 32, 3)
  for start, width in ((0, 32), (10.3, 40), (250, 32), (255.8, 300), (1000.5, 20)):
    found = np.asarray(camera.view(start, width))
    columns = [(round(2 * start) + column) % wide for column in range(2 * width)]
    np.testing.assert_array_equal(found, street[:, columns])


def test_a_camera_and_a_scene_are_drawn_from_their_numbers_alone():
  look = distinct_looks(1, np.random.default_rng(0))[0]
  found = []
  for camera, tracklet in ((1, 1), (1, 1), (2, 1), (1, 2)):
    place = Camera(np.random.default_rng(camera), (64, 32))
    scene = Scene(place, np.random.default_rng(tracklet), 2)
    found.append((np.asarray(place.street), scene.render(look)))
  (street, (frames, masks)), (same, (again, masks_again)), (other, _), (_, (moved, _)) = found
  np.testing.assert_array_equal(street, same)
  np.testing.assert_array_equal(frames, again)
  np.testing.assert_array_equal(masks, masks_again)
  assert (street != other).any()
  assert (frames != moved).any()
  assert (frames.shape, frames.dtype) == ((2, 64, 32, 3), np.uint8)
  assert (masks.shape, masks.dtype) == ((2, 64, 32), np.uint8)


def test_poses_stand_in_the_frame_with_the_cameras_tilt():
  camera = Camera(np.random.default_rng(5), (128, 64))
  for tracklet in range(20):
    scene = Scene(camera, np.random.default_rng(tracklet), 6)
    poses = [scene.pose(frame) for frame in range(6)]
    assert {pose.pitch for pose in poses} == {camera.pitch}
    assert len({pose.stride for pose in poses}) == 1
    steps = np.diff([pose.phase for pose in poses])
    np.testing.assert_allclose(steps, steps[0])
    assert 0.36 <= steps[0] <= 0.6
    for pose in poses:
      assert 0.3 * 64 < pose.feet[0] < 0.7 * 64
      assert 0.85 * 128 < pose.feet[1] < 1.2 * 128
      assert 0.7 * 128 < pose.height < 1.2 * 128


def test_a_detectors_mistake_shows_a_part_of_a_person_at_the_edge():
  camera = Camera(np.random.default_rng(6), (128, 64))
  look = distinct_looks(1, np.random.default_rng(4))[0]
  shares = {}
  for missed in (False, True):
    scenes = [
      Scene(camera, np.random.default_rng([8, tracklet]), 1, missed=missed)
      for tracklet in range(12)
    ]
    for scene in scenes:
      scene.blocking, scene.passing = [], []
      if missed:
        assert abs(scene.pose(0).feet[0] - 32) > 0.22 * 64
    shares[missed] = np.mean([(scene.render(look)[1] > 0).mean() for scene in scenes])
  assert shares[True] < 0.6 * shares[False]
