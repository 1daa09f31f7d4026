"""Random crops and flips against a slow loop, and whole frames with all that is drawn for them."""

import collections

import numpy as np
import pytest
from pictures import encode, smooth_picture
from PIL import Image

from cosam_jax.data import augmentation, transforms
from cosam_jax.data.augmentation import Address, Augmentation, Preprocess, augment, seed_of
from cosam_jax.data.erasing import VALUE
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.errors import InputError

NOWHERE = Address(0, 0, 0, 0)


@pytest.fixture(scope="module")
def picture():
  return smooth_picture()


def test_normalisation(picture):
  data = encode(picture, "PNG")
  ours = Preprocess((60, 30), None)(tf.constant(data), NOWHERE)
  expected = (np.asarray(picture) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
  np.testing.assert_allclose(ours.numpy(), expected, atol=1e-5)


def explain(image, result, size):
  """Finds the augmentation's outcome that equals `result`, by trying them all."""
  height, width = size
  large = (round(height * 9 / 8), round(width * 9 / 8))
  for name, target in (("plain", size), ("crop", large)):
    whole = transforms.resize(image, target).numpy()
    for y in range(target[0] - height + 1):
      for x in range(target[1] - width + 1):
        window = whole[y : y + height, x : x + width]
        for flipped in (False, True):
          difference = (window[:, ::-1] if flipped else window) - result
          if np.abs(difference).max() < 0.01:  # Of 255: the order of additions differs.
            return name, y, x, flipped
  raise AssertionError("the result is no outcome of the published augmentation")


def test_augmentation_has_the_published_outcomes_and_frequencies(picture):
  image, size = tf.constant(np.asarray(picture)), (32, 16)
  run = tf.function(lambda seed: augment(image, size, seed))
  outcomes = [explain(image, run(seed_of(3, step, 0)).numpy(), size) for step in range(400)]
  crops = [o for o in outcomes if o[0] == "crop"]
  assert abs(len(crops) - 200) < 50  # 5 standard deviations
  assert abs(sum(o[3] for o in outcomes) - 200) < 50
  rows = collections.Counter(o[1] for o in crops)
  assert sorted(rows) == [0, 1, 2, 3, 4]
  assert sorted({o[2] for o in crops}) == [0, 1, 2]
  inner = (rows[1] + rows[2] + rows[3]) / len(crops)
  assert 0.6 < inner < 0.9  # rounded uniform: 3/4


def test_randomness_is_a_function_of_the_address(picture):
  image, size = tf.constant(np.asarray(picture)), (32, 16)
  run = tf.function(lambda seed: augment(image, size, seed))
  results = {}
  for address in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 2, 5)]:
    seed = seed_of(*address)
    inside, eager = run(seed).numpy(), augment(image, size, seed).numpy()
    np.testing.assert_array_equal(inside, run(seed).numpy())
    np.testing.assert_array_equal(inside, eager)
    results[address] = tuple(seed.numpy())
  assert len(set(results.values())) == len(results)


RECORDED = [
  ("plain", 0, 0, False), ("plain", 0, 0, True), ("plain", 0, 0, False), ("crop", 3, 1, False),
  ("crop", 1, 1, False), ("crop", 1, 0, True), ("plain", 0, 0, True), ("crop", 3, 0, True),
]  # fmt: skip


def first_version(image, size, seed):
  """The published augmentation as this program has computed it from the beginning."""
  height, width = size
  large = (round(height * 1.125), round(width * 1.125))
  plain, down, right, flip = tf.unstack(tf.random.stateless_uniform([4], seed, alg="philox"), num=4)
  crop, mirrored = plain >= 0.5, flip < 0.5
  room = (large[0] - height, large[1] - width)
  down, right = (
    tf.cast(tf.round(u * n), tf.int32) for u, n in zip((down, right), room, strict=True)
  )
  image = tf.cond(mirrored, lambda: tf.reverse(image, [1]), lambda: image)
  corner = tf.stack([down, tf.where(mirrored, room[1] - right, right)])
  corner = tf.where(crop, corner, tf.zeros_like(corner))
  whole = tf.where(crop, tf.constant(large), tf.constant(size))
  scaled = tf.raw_ops.ScaleAndTranslate(
    images=image[None],
    size=tf.constant(size),
    scale=tf.cast(whole, tf.float32) / tf.cast(tf.shape(image)[:2], tf.float32),
    translation=-tf.cast(corner, tf.float32),
    kernel_type="triangle",
    antialias=True,
  )[0]
  return transforms.normalise(tf.ensure_shape(scaled, (*size, 3)))


def test_the_published_augmentation_keeps_its_bits(picture):
  """Nothing that is added may change what runs so far have drawn and computed."""
  data, image = tf.constant(encode(picture, "PNG")), tf.constant(np.asarray(picture))
  size = (32, 16)
  before = tf.function(lambda seed: first_version(image, size, seed))
  for per in ("frame", "clip"):
    preprocess = Preprocess(size, Augmentation(per))
    now = tf.function(lambda step, run=preprocess: run(data, Address(7, step, 2, 9)))
    for step in range(40):
      address = tf.constant([7, step * 2**20 + (9 if per == "frame" else 2)], tf.int64)
      np.testing.assert_array_equal(now(tf.constant(step, tf.int64)), before(address))


def test_the_first_draws_are_those_of_the_first_version(picture):
  """Recorded outcomes: whether a frame is enlarged, its corner, and whether it is mirrored."""
  image, size = tf.constant(np.asarray(picture)), (32, 16)
  found = [explain(image, augment(image, size, seed_of(0, 0, i)).numpy(), size) for i in range(8)]
  assert found == RECORDED


def test_without_a_crop_frames_are_resized_and_flipped_as_with_it(picture):
  image, size = tf.constant(np.asarray(picture)), (32, 16)
  plain = transforms.resize(image, size).numpy()
  flips = 0
  for step in range(60):
    seed = seed_of(3, step, 0)
    flipped = explain(image, augment(image, size, seed).numpy(), size)[3]
    found = augment(image, size, seed, crop="none").numpy()
    np.testing.assert_allclose(found, plain[:, ::-1] if flipped else plain, atol=0.01)
    flips += flipped
  assert 15 < flips < 45


def test_bicubic_crops_are_parts_of_pils_enlarged_frame(picture):
  image, size = tf.constant(np.asarray(picture)), (32, 16)
  for step in range(30):
    seed = seed_of(3, step, 0)
    name, y, x, flipped = explain(image, augment(image, size, seed).numpy(), size)
    height, width = (36, 18) if name == "crop" else size
    whole = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    wanted = whole[y : y + 32, x : x + 16]
    found = augment(image, size, seed, resize_method="bicubic").numpy()
    assert np.abs(found - (wanted[:, ::-1] if flipped else wanted)).max() <= 1.2


def frames_of(how, data, size=(32, 16), clips=12, num_frames=3):
  """float32[clips, T, H, W, 3], the same picture in every frame."""
  run = tf.function(lambda clip, frame: Preprocess(size, how)(data, Address(4, 6, clip, frame)))
  places = [
    [tf.constant([clip, num_frames * clip + i], tf.int64) for i in range(num_frames)]
    for clip in range(clips)
  ]
  return np.array([[run(clip, frame).numpy() for clip, frame in row] for row in places])


@pytest.mark.parametrize("per", ["frame", "clip"])
@pytest.mark.parametrize("crop", augmentation.CROPS)
def test_erasing_and_jitter_change_no_crop_and_no_flip(picture, per, crop):
  data = tf.constant(encode(picture, "PNG"))
  before = frames_of(Augmentation(per, crop), data)
  erased = frames_of(Augmentation(per, crop, erase=1.0), data)
  hidden = (erased == np.float32(VALUE)).all(axis=-1)
  np.testing.assert_array_equal(erased[~hidden], before[~hidden])
  assert hidden.any(axis=(2, 3)).mean() > 0.95
  assert 0.02 < hidden.mean() < 0.4
  # With weak jitter, the frame that is nearest among all outcomes is the same one's.
  jittered = frames_of(Augmentation(per, crop, jitter=0.01), data)
  assert (jittered != before).any(axis=(2, 3, 4)).all()
  distance = np.abs(jittered[:, :, None] - before[:, None]).mean(axis=(3, 4, 5))
  same = np.abs(before[:, :, None] - before[:, None]).mean(axis=(3, 4, 5)) < 1e-6
  nearest = distance.argmin(axis=2)
  assert all(same[c, t, nearest[c, t]] for c in range(12) for t in range(3))


def test_all_that_is_drawn_once_a_clip_is_the_same_in_its_frames(picture):
  data = tf.constant(encode(picture, "PNG"))
  one = frames_of(Augmentation("clip", erase=0.5, erase_per="clip", jitter=0.5), data)
  assert (one == one[:, :1]).all()
  assert len({clip[0].tobytes() for clip in one}) == 12
  own = frames_of(Augmentation("clip", erase=1.0, erase_per="frame"), data)
  assert not (own == own[:, :1]).all(axis=(1, 2, 3, 4)).any()


def test_purposes_have_random_numbers_of_their_own():
  address = Address(2**32 - 1, 10**9, 3, 2**20 - 1)
  seeds = {tuple(address.draws(purpose, per).numpy().tolist())
           for purpose in range(4) for per in ("frame", "clip")}  # fmt: skip
  assert len(seeds) == 8
  assert tuple(address.draws(0, "clip").numpy().tolist()) == (2**32 - 1, 10**9 * 2**20 + 3)


@pytest.mark.parametrize(
  ("settings", "words"),
  [
    ({"augment_per": "video"}, "augment_per is 'video'"),
    ({"crop": "nonne"}, "crop is 'nonne', not one of enlarged, none; did you mean 'none'"),
    ({"erase_per": "batch"}, "erase_per is 'batch'"),
    ({"erase": 1.5}, "erase is 1.5, but must be a number from 0 to 1"),
    ({"jitter": float("nan")}, "jitter is nan"),
  ],
)
def test_settings_that_cannot_be_are_refused(settings, words):
  with pytest.raises(InputError, match=words):
    Augmentation(**settings)


def test_an_unknown_resize_is_refused():
  with pytest.raises(InputError, match=r"resize_method is 'cubic'.*did you mean 'bicubic'"):
    Preprocess((8, 8), None, "cubic")


def test_a_size_may_be_a_list():
  assert Preprocess([8, 6], None) == Preprocess((8, 6), None)
  assert len({Preprocess([8, 6], None), Preprocess((8, 6), None)}) == 1
