"""Images of all kinds by Pillow: the pixels of the training pipeline, or the same refusals."""

import numpy as np
import pytest
from image_kinds import READABLE, REFUSED, RGB
from pictures import encode
from PIL import Image, ImageFile

from cosam_jax.data import transforms
from cosam_jax.data.augmentation import enlarged
from cosam_jax.data.decoding import decoded, refusal
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.packing import read_image


def by_pipeline(data, at_least=None):
  return transforms.decode(tf.constant(data), at_least=at_least).numpy()


@pytest.mark.parametrize("kind", READABLE)
def test_readable_kinds_become_rgb(kind):
  data, wanted = READABLE[kind]
  image = decoded(data)
  assert image.dtype == np.uint8
  assert image.shape == wanted.shape
  assert np.abs(image.astype(int) - wanted).max() <= (0 if "PNG" in kind else 6)
  assert np.abs(image.astype(int) - by_pipeline(data)).max() <= (1 if kind == "CMYK JPEG" else 0)
  assert refusal(data) is None


@pytest.mark.parametrize("kind", REFUSED)
def test_other_kinds_are_refused_in_the_pipelines_words(kind):
  data, reason = REFUSED[kind]
  with pytest.raises(ValueError, match=r"^it"):
    decoded(data)
  assert reason in refusal(data)
  assert refusal(data) == transforms.undecodable_reason(data)


def test_what_is_truncated_is_refused_whatever_the_process_told_pillow(monkeypatch):
  monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
  noise = np.random.default_rng(0).integers(0, 256, (64, 48, 3), np.uint8)
  data = encode(Image.fromarray(noise), "JPEG")
  assert "truncated or damaged" in refusal(data[: len(data) // 2])
  assert refusal(data) is None
  assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_files_are_decoded_at_the_scale_of_evaluations(tmp_path):
  """Of 270 columns, half would do for a network of 128 rows, but not for its enlarged frames."""
  path = tmp_path / "a.jpg"
  path.write_bytes(encode(Image.new("RGB", (270, 540)), "JPEG"))
  assert read_image(path, (128, 64)).shape == (540, 270, 3)
  assert read_image(path, (112, 64)).shape == (270, 135, 3)
  np.testing.assert_array_equal(
    read_image(path, (112, 64)), by_pipeline(path.read_bytes(), enlarged((112, 64)))
  )


def test_a_jpeg_of_endless_scans_is_refused_before_it_is_decoded():
  data = encode(RGB, "JPEG", progressive=True)
  assert refusal(data) is None
  last = data.rindex(b"\xff\xda")
  assert "scans, and a frame may have at most 100" in refusal(
    data[:last] + data[last:-2] * 2000 + data[-2:]
  )


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_pictures_are_turned_upright(kind, turn):
  exif = Image.Exif()
  exif[0x0112] = turn
  data = encode(RGB, kind, exif=exif.tobytes())
  np.testing.assert_array_equal(decoded(data), by_pipeline(data))


def test_real_frames_have_the_pipelines_pixels(shared):
  """Of MARS, decoded by the same transform and the same filter for colours: bit for bit."""
  paths = sorted((shared / "data" / "mars8").glob("bbox_*/*/*.jpg"))[::1500]
  assert len(paths) > 20
  for path in paths:
    data = path.read_bytes()
    np.testing.assert_array_equal(decoded(data), by_pipeline(data))


@pytest.mark.parametrize("at_least", [(700, 350), (288, 128), (162, 72), (81, 36), (20, 10)])
@pytest.mark.parametrize("size", [(640, 1280), (333, 701), (640, 300)])
def test_large_jpegs_are_decoded_at_the_pipelines_scale(shared, size, at_least):
  path = min((shared / "data" / "mars8").glob("bbox_train/*/*.jpg"))
  data = encode(Image.open(path).resize(size, Image.Resampling.BICUBIC), "JPEG", quality=92)
  np.testing.assert_array_equal(decoded(data, at_least), by_pipeline(data, at_least))


def test_a_damaged_picture_is_never_passed_off_as_whole():
  """A bit of a PNG is turned: it is refused, or it is a bit that says nothing of the pixels."""
  data = encode(RGB, "PNG")
  wanted = decoded(data)
  for at in range(8, len(data), 7):
    damaged = bytearray(data)
    damaged[at] ^= 0x10
    try:
      found = decoded(bytes(damaged))
    except ValueError as error:
      assert "PNG data is truncated or damaged" in str(error)  # noqa: PT017
      continue
    np.testing.assert_array_equal(found, wanted, err_msg=f"byte {at}")
