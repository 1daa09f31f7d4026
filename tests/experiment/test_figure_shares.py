"""Shares of the masks' weight on silhouettes that are given as pictures."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from cosam_jax.errors import InputError
from cosam_jax.experiment.mask_gallery import draw
from cosam_jax.experiment.network import load_network

pytestmark = pytest.mark.usefixtures("hasty_compilation")

LENGTHS = {"a": 4, "b": 3}
SIZE = (32, 64)  # Width, height.


@pytest.fixture(scope="module")
def network(saved_run):
  return load_network(saved_run)


@pytest.fixture
def folders(tmp_path):
  """Tracklets of noise, and for each frame a figure: the left half, or nothing for the last."""
  rng = np.random.default_rng(0)
  for name, length in LENGTHS.items():
    for kind in ("frames", "figures"):
      (tmp_path / kind / name).mkdir(parents=True)
    for i in range(length):
      pixels = rng.integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
      Image.fromarray(pixels).save(tmp_path / "frames" / name / f"{i}.jpg")
      figure = np.zeros((SIZE[1], SIZE[0]), np.uint8)
      figure[:, : SIZE[0] // 2] = 255
      Image.fromarray(figure).save(tmp_path / "figures" / name / f"{i}.png")
  return str(tmp_path / "frames"), str(tmp_path / "figures")


def masks_of(network, folder, figures, output):
  draw(network, output, folder=folder, figures=figures)
  return json.loads((output / "masks.json").read_text())[network.label]


def test_the_shares_are_those_of_each_frames_mask(network, folders, tmp_path, capsys):
  """With the right halves as figures the shares are what is left of the left halves' shares."""
  left = masks_of(network, *folders, tmp_path / "left")
  for path in (tmp_path / "figures").rglob("*.png"):
    with Image.open(path) as picture:
      Image.fromarray(255 - np.asarray(picture)).save(path)
  right = masks_of(network, *folders, tmp_path / "right")
  assert left["frames"] == right["frames"] == left["of_frames"] == sum(LENGTHS.values())
  assert left["tracklets"] == len(LENGTHS)
  for stage, record in left["stages"].items():
    other = right["stages"][stage]
    assert record["uniform_share"] == other["uniform_share"] == 0.5
    for share in ("share_on_figure", "fixed_mask_share"):
      np.testing.assert_allclose(record[share] + other[share], 1, atol=1e-6)
    # Noise has no sides, but the network's zero padding and odd kernels do.
    assert record["share_on_figure"] != 0.5
  out = capsys.readouterr().out
  assert "on figure" in out
  assert f"on {sum(LENGTHS.values())} of {sum(LENGTHS.values())} frames of the input\n" in out


def test_a_frame_without_a_figure_is_named_and_nothing_is_written(network, folders, tmp_path):
  (tmp_path / "figures" / "b" / "2.png").unlink()
  with pytest.raises(InputError, match=r"--figures is .* has no b/2\.png, the figure of .*2\.jpg"):
    masks_of(network, *folders, tmp_path / "out")
  assert not (tmp_path / "out").exists()


def test_a_figure_of_another_size_is_refused(network, folders, tmp_path):
  Image.new("L", (30, 64)).save(tmp_path / "figures" / "a" / "1.png")
  with pytest.raises(InputError, match=r"has 30x64 pixels, but its frame .* has 32x64"):
    masks_of(network, *folders, tmp_path / "out")


def test_a_file_that_is_no_picture_is_refused(network, folders, tmp_path):
  (tmp_path / "figures" / "a" / "1.png").write_text("none")
  with pytest.raises(InputError, match="cannot be read as a picture"):
    masks_of(network, *folders, tmp_path / "out")


def test_a_video_has_no_figures(network, tmp_path):
  video = tmp_path / "gate.mp4"
  video.write_bytes(b"")
  with pytest.raises(InputError):
    draw(network, tmp_path / "out", folder=str(video), figures=str(tmp_path))


def test_frames_are_measured_upright(network, folders, tmp_path):
  """A frame that is stored lying on its side has the same masks and figure as the upright one."""
  upright = masks_of(network, *folders, tmp_path / "out")
  exif = Image.Exif()
  exif[0x0112] = 6  # Stored turned to the left.
  for path in (tmp_path / "frames").rglob("*.jpg"):
    with Image.open(path) as picture:
      lying = picture.transpose(Image.Transpose.ROTATE_90)
    lying.save(path, quality=100, subsampling=0, exif=exif)
  again = masks_of(network, *folders, tmp_path / "lying")
  for stage, record in upright["stages"].items():
    # JPEGs of noise that are compressed twice differ a little.
    assert abs(again["stages"][stage]["share_on_figure"] - record["share_on_figure"]) < 1e-3
  figure = tmp_path / "figures" / "a" / "1.png"
  Image.new("L", (SIZE[1], SIZE[0])).save(figure)
  with pytest.raises(InputError, match=r"has 64x32 pixels, but its frame .* has 32x64 when it is"):
    masks_of(network, *folders, tmp_path / "refused")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_figures_with_colours_or_transparency_are_refused(network, folders, tmp_path, mode):
  Image.new(mode, SIZE).save(tmp_path / "figures" / "b" / "0.png")
  with pytest.raises(InputError, match=f"colours or transparency .{mode}.: save the silhouette"):
    masks_of(network, *folders, tmp_path / "out")


def test_the_input_is_not_its_own_figures(network, folders, tmp_path):
  with pytest.raises(InputError, match=r"are both .*: give the silhouettes' own folder"):
    masks_of(network, folders[0], folders[0] + "/.", tmp_path / "out")


def test_empty_figures_and_repeated_tracklets_are_counted(network, folders, tmp_path, capsys):
  Image.new("L", SIZE).save(tmp_path / "figures" / "a" / "1.png")
  draw(network, tmp_path / "out", folder=folders[0], figures=folders[1], tracklets=["a", "a", "b"])
  record = json.loads((tmp_path / "out" / "masks.json").read_text())[network.label]
  assert (record["frames"], record["tracklets"], record["empty_figures"]) == (7, 2, 1)
  assert record["figures"] == folders[1]
  assert "1 of 7 figures are empty, such as " in capsys.readouterr().out


def test_frames_that_cannot_be_read_do_not_count(network, folders, tmp_path):
  flat = {**network.flat, "data.on_unreadable": "skip"}
  damaged = tmp_path / "frames" / "b" / "1.jpg"
  whole = damaged.read_bytes()
  damaged.write_bytes(whole[: len(whole) // 2])
  record = masks_of(dataclasses.replace(network, flat=flat), *folders, tmp_path / "out")
  assert (record["frames"], record["of_frames"]) == (6, 7)
