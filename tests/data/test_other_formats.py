"""BMP, WebP and TIFF frames: pixel for pixel, upright, and refused with the reason."""

import numpy as np
import PIL.Image
import pytest
from pictures import encode

from cosam_jax.data import builders, load_dataset, packing
from cosam_jax.data.other_formats import STARTS, other_format_refusal, read_other_format
from cosam_jax.data.own_tracklets import read_tracklets

MOST = 1 << 24
DRAW = np.random.default_rng(0)
COLOURS = DRAW.integers(0, 256, (53, 37, 3), np.uint8)
RGB = PIL.Image.fromarray(COLOURS)
GREY = DRAW.integers(0, 256, (53, 37), np.uint8)
BLACK_OR_WHITE = DRAW.integers(0, 2, (53, 37), np.uint8) * 255
INDICES = DRAW.integers(0, 3, (53, 37), np.uint8)
PALETTE = np.array([(255, 0, 0), (0, 10, 200), (9, 8, 7)], np.uint8)
DEEP = DRAW.integers(0, 1 << 16, (53, 37), np.uint16)
INKS = DRAW.integers(0, 256, (53, 37, 4), np.uint8)


def grey(values) -> np.ndarray:
  return np.repeat(values[..., None], 3, -1)


def with_palette() -> PIL.Image.Image:
  image = PIL.Image.frombytes("P", (37, 53), INDICES.tobytes())
  image.putpalette(PALETTE.ravel().tolist())
  return image


def with_alpha(values) -> PIL.Image.Image:
  values = values if values.ndim == 3 else values[..., None]
  return PIL.Image.fromarray(np.concatenate([values, GREY[..., None]], -1))


# name -> (picture, its pixels as they must be read)
PLAIN = {
  "RGB": (RGB, COLOURS),
  "grey": (PIL.Image.fromarray(GREY), grey(GREY)),
  "black or white": (PIL.Image.fromarray(BLACK_OR_WHITE).convert("1"), grey(BLACK_OR_WHITE)),
  "palette": (with_palette(), PALETTE[INDICES]),
}
ALPHA = {
  "alpha": (with_alpha(COLOURS), COLOURS),
  "grey and alpha": (with_alpha(GREY), grey(GREY)),
}
SIXTEEN = {
  "16 bits": (PIL.Image.fromarray(DEEP), grey((DEEP >> 8).astype(np.uint8))),
  "16 bits, large end first": (
    PIL.Image.frombytes("I;16B", (37, 53), DEEP.astype(">u2").tobytes()),
    grey((DEEP >> 8).astype(np.uint8)),
  ),
}
LOSSLESS = {"lossless": True, "exact": True}
CASES = {
  **{f"BMP, {name}": (encode(image, "BMP"), found) for name, (image, found) in PLAIN.items()},
  **{
    f"TIFF, {name}": (encode(image, "TIFF"), found)
    for name, (image, found) in (PLAIN | ALPHA | SIXTEEN).items()
  },
  "WebP": (encode(RGB, "WEBP", **LOSSLESS), COLOURS),
  "WebP, alpha": (encode(ALPHA["alpha"][0], "WEBP", **LOSSLESS), COLOURS),
  "TIFF, packed": (encode(RGB, "TIFF", compression="tiff_lzw"), COLOURS),
  "TIFF, the first of two": (
    encode(RGB, "TIFF", save_all=True, append_images=[RGB.transpose(0)]), COLOURS
  ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_pixels_are_those_that_were_written(name):
  data, wanted = CASES[name]
  assert data.startswith(STARTS)
  found = read_other_format(data, MOST)
  assert found.dtype == np.uint8
  np.testing.assert_array_equal(found, wanted)


def test_inks_become_light():
  """Each of three inks takes its share of the light that black leaves."""
  data = encode(PIL.Image.frombytes("CMYK", (37, 53), INKS.tobytes()), "TIFF")
  share = 1 - INKS / 255
  wanted = 255 * share[..., :3] * share[..., 3:]
  np.testing.assert_allclose(read_other_format(data, MOST), wanted, atol=1)


# EXIF's orientation -> the picture as it is to be shown.
UPRIGHT = {
  1: lambda p: p,
  2: lambda p: p[:, ::-1],
  3: lambda p: p[::-1, ::-1],
  4: lambda p: p[::-1],
  5: lambda p: p.swapaxes(0, 1),
  6: lambda p: np.rot90(p, -1),
  7: lambda p: p.swapaxes(0, 1)[::-1, ::-1],
  8: lambda p: np.rot90(p),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_pictures_are_turned_upright(orientation):
  exif = PIL.Image.Exif()
  exif[0x0112] = orientation
  deep, shown = SIXTEEN["16 bits"]
  for image, kind, options, pixels in (
    (RGB, "TIFF", {}, COLOURS), (RGB, "WEBP", LOSSLESS, COLOURS), (deep, "TIFF", {}, shown)
  ):  # fmt: skip
    found = read_other_format(encode(image, kind, exif=exif.tobytes(), **options), MOST)
    np.testing.assert_array_equal(found, UPRIGHT[orientation](pixels), kind)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "WEBP", "WEBP, lossless", "WEBP, alpha"])
def test_a_picture_may_have_so_many_pixels_and_not_one_more(kind):
  image = ALPHA["alpha"][0] if "alpha" in kind else RGB
  data = encode(image, kind.split(",")[0], **({"lossless": True} if "lossless" in kind else {}))
  assert read_other_format(data, 53 * 37).shape == (53, 37, 3)
  said = "it has 1,961 pixels, and a frame may have at most 1,960"
  with pytest.raises(ValueError, match=f"^{said}$"):
    read_other_format(data, 53 * 37 - 1)
  assert other_format_refusal(data, 53 * 37 - 1) == said


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("kept", [0.01, 0.5, 0.95])
def test_a_part_of_a_picture_is_refused(kind, kept):
  whole = encode(RGB, kind)
  data = whole[: int(kept * len(whole))]
  name = {"WEBP": "WebP"}.get(kind, kind)
  said = f"its {name} data is truncated or damaged ({len(data):,} bytes)"
  assert other_format_refusal(data, MOST) == said
  assert other_format_refusal(whole, MOST) == "it could not be read once"


def test_what_is_no_still_picture_of_colours():
  moving = encode(RGB, "WEBP", save_all=True, append_images=[RGB.transpose(0)])
  wave = b"RIFF" + (36).to_bytes(4, "little") + b"WAVEfmt " + bytes(32)
  fractions = encode(RGB.convert("F"), "TIFF")
  whole = encode(PIL.Image.fromarray(DEEP.astype(np.int32)), "TIFF")
  reasons = {
    moving: "it is an animation: give its pictures as files of their own, or a video",
    wave: "it is not an image, but another RIFF file",
    fractions: "it is a TIFF of F numbers, not colours: save it as RGB",
    whole: "it is a TIFF of I numbers, not colours: save it as RGB",
  }
  assert {data: other_format_refusal(data, MOST) for data in reasons} == reasons


@pytest.mark.parametrize("ending", ["BMP", "webp", "tif", "TIFF"])
def test_frames_of_other_formats_are_read_everywhere(tmp_path, ending):
  kind = {"tif": "TIFF"}.get(ending, ending.upper())
  for split, camera in (("train", 1), ("query", 1), ("gallery", 2)):
    path = tmp_path / "own" / split / "1" / str(camera) / "t" / f"0.{ending}"
    path.parent.mkdir(parents=True)
    path.write_bytes(encode(RGB, kind))
  rows = [f"{split}/1/{camera}/t/*.{ending},1,{camera},{split},{split}"
          for split, camera in (("train", 1), ("query", 1), ("gallery", 2))]  # fmt: skip
  text = "\n".join(["path,identity,camera,tracklet,split", *rows])
  (tmp_path / "own" / "m.csv").write_text(text)
  for place in ("own", "own/m.csv"):
    tables = load_dataset("folder", tmp_path / place)
    assert tables.train.lengths.tolist() == [1]
    assert packing.read_image(tables.train.frames.path(0)).shape == (53, 37, 3)
  assert read_tracklets(tmp_path / "own").lengths.tolist() == [1, 1, 1]
  builders.prepare("mars", tmp_path / "own" / "m.csv", tmp_path / "prepared")
  packed = builders.load_prepared("mars", tmp_path / "prepared")
  assert packed.train.frames.read(0) == encode(RGB, kind)
