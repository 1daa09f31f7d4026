"""Pictures that are stored lying or mirrored: all eight ways, in images and in videos."""

import io
import struct
import zlib

import numpy as np
import pytest
import videos as drawn
from PIL import Image, ImageOps

from cosam_jax.data import doctor, transforms
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.own_tracklets import read_tracklets
from cosam_jax.data.packing import read_image
from cosam_jax.data.pipeline import evaluation_batches
from cosam_jax.data.upright import exif_orientation, matrix_orientation, turned, upright_size
from cosam_jax.data.videos import pictures
from cosam_jax.evaluation.clip_masks import frame_image

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 3), np.uint8).repeat(8, 0).repeat(8, 1)
# orientation -> a b c d of the display matrix: stored (x, y) is shown at (a x + c y, b x + d y).
MATRICES = {
  1: (1, 0, 0, 1),
  2: (-1, 0, 0, 1),
  3: (-1, 0, 0, -1),
  4: (1, 0, 0, -1),
  5: (0, 1, 1, 0),
  6: (0, 1, -1, 0),
  7: (0, -1, -1, 0),
  8: (0, -1, 1, 0),
}


def exif(value, kind=3, order="<"):
  """EXIF data with an orientation and nothing else, as TIFF lays it out."""
  mark = b"II" if order == "<" else b"MM"
  packed = struct.pack(order + ("Hxx" if kind == 3 else "I"), value)
  entry = struct.pack(order + "HHI", 0x0112, kind, 1) + packed
  head = mark + struct.pack(order + "HI", 42, 8)
  return head + struct.pack(order + "H", 1) + entry + bytes(4)


def stored(image, kind, **options):
  stream = io.BytesIO()
  image.save(stream, kind, **options)
  return stream.getvalue()


def chunk_behind_pixels(data, payload):
  """A PNG with an eXIf chunk right before its end."""
  chunk = b"eXIf" + payload
  at = data.index(b"IEND") - 4
  parts = struct.pack(">I", len(payload)), chunk, struct.pack(">I", zlib.crc32(chunk))
  return data[:at] + b"".join(parts) + data[at:]


def files(orientation):
  """The picture in every form in which files state their orientation."""
  image, marked = Image.fromarray(PIXELS), b"Exif\0\0" + exif(orientation)
  yield "jpeg", stored(image, "JPEG", exif=marked)
  big = b"Exif\0\0" + exif(orientation, order=">")
  yield "big end first", stored(image, "JPEG", exif=big)
  profile = np.random.default_rng(1).bytes(100_000)
  yield "behind a profile", stored(image, "JPEG", exif=marked, icc_profile=profile, comment=b"c")
  yield "grey", stored(image.convert("L"), "JPEG", exif=marked)
  yield "png", stored(image, "PNG", exif=marked)
  yield "png, behind", chunk_behind_pixels(stored(image, "PNG"), exif(orientation))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_pillow_turns_them(orientation, tmp_path):
  for name, data in files(orientation):
    with Image.open(io.BytesIO(data)) as image:
      image.load()
      wanted = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert wanted.shape[:2] == ((32, 48) if orientation > 4 else (48, 32))
    np.testing.assert_array_equal(transforms.decode(tf.constant(data)).numpy(), wanted, name)
    (tmp_path / "frame.jpg").write_bytes(data)
    np.testing.assert_array_equal(read_image(tmp_path / "frame.jpg"), wanted, name)


def test_every_way_to_frames_is_upright(tmp_path):
  upright = turned(PIXELS, 6)
  for i in range(3):
    (tmp_path / f"{i}.png").write_bytes(
      chunk_behind_pixels(stored(Image.fromarray(PIXELS), "PNG"), exif(6))
    )
  table = read_tracklets(tmp_path)
  np.testing.assert_array_equal(frame_image(table, 0), upright)
  assert doctor._decode(table.frames, 0)[0] == (48, 32)
  for policy in ("error", "skip"):
    options = {"num_frames": 2, "batch_clips": 2, "on_unreadable": policy}
    batch = next(evaluation_batches(table, image_size=(32, 48), **options))
    wanted = transforms.normalise(tf.constant(upright, tf.float32)).numpy()
    np.testing.assert_allclose(batch.clips[0, 0], wanted, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning")
def test_what_is_no_orientation_leaves_an_image_as_it_is_stored():
  image = Image.fromarray(PIXELS)
  plain = stored(image, "JPEG")
  wanted = np.asarray(Image.open(io.BytesIO(plain)))
  cut = b"Exif\0\0" + exif(6)[:-12]
  for payload in (exif(0), exif(9), exif(65535), b"", b"II", cut[6:], exif(6, kind=2)):
    data = stored(image, "JPEG", exif=b"Exif\0\0" + payload)
    assert b"Exif" in data or not payload
    np.testing.assert_array_equal(transforms.decode(tf.constant(data)).numpy(), wanted)
  # The word alone, behind the picture or in a comment, is no EXIF data.
  for data in (plain + b"Exif\0\0" + exif(6), stored(image, "JPEG", comment=b"Exif\0\0" + exif(6))):
    np.testing.assert_array_equal(transforms.decode(tf.constant(data)).numpy(), wanted)
    assert exif_orientation(data) == 1


def shown(image, a, b, c, d):
  """The picture as players show it, one pixel at a time."""
  height, width = image.shape[:2]
  places = {
    (a * x + c * y, b * x + d * y): image[y, x] for y in range(height) for x in range(width)
  }
  left, top = (min(place[axis] for place in places) for axis in (0, 1))
  right, bottom = (max(place[axis] for place in places) for axis in (0, 1))
  rows = range(top, bottom + 1)
  return np.array([[places[x, y] for x in range(left, right + 1)] for y in rows])


@pytest.mark.parametrize("orientation", MATRICES)
def test_videos_are_turned_and_mirrored_as_players_do(orientation, tmp_path):
  pytest.importorskip("av")
  frames = np.random.default_rng(2).integers(0, 256, (2, 16, 24, 3), np.uint8)
  path = drawn.write(tmp_path / "a.mov", frames)
  a, b, c, d = MATRICES[orientation]
  content, place = path.read_bytes(), None
  place = content.index(b"tkhd") + 4 + 40  # The track's matrix, see ISO/IEC 14496-12, 8.3.2.
  matrix = struct.pack(">9i", *(v << 16 for v in (a, b, 0, c, d, 0, 0, 0, 0)))
  matrix = matrix[:-4] + struct.pack(">i", 1 << 30)
  path.write_bytes(content[:place] + matrix + content[place + 36 :])
  found = [picture.image for picture in pictures(path)]
  np.testing.assert_array_equal(np.stack(found), [shown(image, a, b, c, d) for image in frames])
  np.testing.assert_array_equal(turned(frames[0], orientation), found[0])


@pytest.mark.parametrize("orientation", [1, 5, 6, 8])
def test_frames_of_a_camera_with_exif_data_are_upright(orientation, tmp_path):
  """FFmpeg gives each its EXIF data, for which PyAV has no name."""
  pytest.importorskip("av")
  data = stored(Image.fromarray(PIXELS), "JPEG", exif=b"Exif\0\0" + exif(orientation))
  path = tmp_path / "camera.mjpeg"
  path.write_bytes(2 * data)
  found = [picture.image for picture in pictures(path)]
  wanted = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
  assert len(found) == 2
  assert found[1].shape == wanted.shape
  # Colours are stored coarsely, and each program enlarges them in its own way.
  assert np.abs(found[1].astype(int) - wanted).mean() < 12


def test_odd_matrices_are_the_nearest_turn():
  turn = np.array([[0.1, 0.9, 0], [-0.9, 0.1, 0], [0, 0, 1]]) * (1 << 16)
  assert matrix_orientation(turn.astype(np.int32).tobytes()) == 6
  assert matrix_orientation(np.zeros(9, np.int32).tobytes()) == 1


@pytest.mark.parametrize("orientation", MATRICES)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_upright_size_is_that_of_the_turned_picture(orientation, kind):
  exif, file = Image.Exif(), io.BytesIO()
  exif[0x0112] = orientation
  Image.fromarray(PIXELS).save(file, kind, exif=exif)
  with Image.open(io.BytesIO(file.getvalue())) as stored:
    assert upright_size(file.getvalue()) == ImageOps.exif_transpose(stored).size


def test_what_is_no_picture_has_no_size():
  with pytest.raises(OSError):
    upright_size(b"no picture")
