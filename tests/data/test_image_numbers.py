"""Images of a video by the numbers in their names: each box is cut from the image of its frame."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from cosam_jax.data.box_files import BoxReading, read_boxes
from cosam_jax.data.box_footage import fit_boxes
from cosam_jax.data.image_numbers import numbered
from cosam_jax.data.videos import open_footage
from cosam_jax.errors import InputError

STRAY = 255


def folder(place, images):
  """Writes images, each grey as its frame says; name -> frame."""
  place.mkdir(parents=True, exist_ok=True)
  for name, frame in images.items():
    Image.fromarray(np.full((120, 160, 3), frame, np.uint8)).save(place / name)
  return place


def seen(place, frames, **reading):
  """(frame of each box -> grey of the image that it is cut from, all sentences)."""
  lines = [f"{f},{t},{40 * t + f},20,40,80" for f in frames for t in range(3)]
  (place.parent / "b.txt").write_text("\n".join(lines))
  reading = BoxReading(**reading)
  footage = open_footage(place)
  boxes = read_boxes(place.parent / "b.txt", reading)
  boxes, pictures = fit_boxes(footage, boxes, reading)
  greys = [int(picture.image[0, 0, 0]) for picture in pictures]
  found = [greys[at - 1] for at in np.unique(boxes.frames)]
  return found, "\n".join((*boxes.told, *boxes.left_out, *footage.warnings))


def names(pattern, frames=range(1, 13)):
  """Image names; `{h}` is a hash and `{s}` a side that changes."""
  sides = ("left", "right")
  return {
    pattern.format(n=n, s=sides[n % 2], h=hashlib.md5(str(n).encode()).hexdigest()): n
    for n in frames
  }


LATER = range(7, 19)


@pytest.mark.parametrize(
  "images",
  [
    names("{n:06d}.jpg", LATER),
    names("cam2_{n:06d}.jpg", LATER),
    names("{n:06d}_jpg.rf.{h}.jpg", LATER),
    names("cam2_{n:06d}_{s}.jpg", LATER),
    names("{n}_{h}.jpg", LATER),
    names("{n:06d}_12_0.{n}5.jpg", LATER),
    {f"{n:06d}_{1_700_000_000 + 40 * n}.jpg": n for n in LATER},
    {f"{'ab'[n > 12]}_{n:06d}.jpg": n for n in LATER},
    {f"{'ba'[n > 12]}_{n:06d}.jpg": n for n in LATER},  # In the order of names 13 is first.
    {f"IMG_{n:04d}{('.JPG', '.jpeg')[n % 2]}": n for n in LATER},
    {f"{('IMG', 'img')[n % 2]}_{n:04d}.jpg": n for n in LATER},
    {f"{n:06d}{' (1)' * (n == 9)}.jpg": n for n in LATER},
    {f"{'Copy of ' * (n == 9)}{n:06d}.jpg": n for n in LATER},
  ],
  ids=lambda images: next(iter(images)),
)
def test_a_frame_is_the_image_of_that_number(tmp_path, images):
  place = folder(tmp_path / "images", images)
  found, said = seen(place, range(7, 13))
  assert found == list(range(7, 13))
  assert "images are left out" not in said
  assert "numbered 7 to 18, the boxes' frames 7 to 12: a frame is the image of that number" in said


@pytest.mark.parametrize(
  "stray",
  ["thumb.jpg", "thumb.png", "thumb_1.jpg", "preview_640x360.jpg", "Copy of 000003.jpg", "z2.jpg"],
)
@pytest.mark.parametrize(("pattern", "start"), [("{n:06d}.jpg", 1), ("img_{n:04d}.jpg", 0)])
def test_a_stray_image_moves_no_frame_and_is_said(tmp_path, stray, pattern, start):
  images = {name: n + 1 - start for name, n in names(pattern, range(start, start + 12)).items()}
  place = folder(tmp_path / "images", {**images, stray: STRAY})
  found, said = seen(place, range(1, 13))
  assert found == list(range(1, 13))
  assert f"1 of 13 images of {place}, whose names have no number like" in said
  assert f": {stray}" in said
  assert seen(place, range(5, 17), first_frame=5)[0] == list(range(1, 13))


@pytest.mark.parametrize(
  ("extra", "words"),
  [
    ({"000003 - edited.jpg": 3}, r"000003 - edited\.jpg and 000003\.jpg .* numbered 3, and 1 of"),
    (names("{n:06d}_right.jpg"), r"both numbered 1, and 12 of 12 numbers"),
    (names("b_{n:06d}.jpg"), r"both numbered 1, and 12 of 12 numbers"),
  ],
  ids=lambda extra: next(iter(extra)) if isinstance(extra, dict) else "",
)
def test_two_images_of_a_frame_are_refused(tmp_path, extra, words):
  place = folder(tmp_path / "images", {**names("{n:06d}.jpg"), **extra})
  with pytest.raises(InputError, match=words) as caught:
    seen(place, range(1, 13))
  assert "keep one image of each frame" in str(caught.value)


@pytest.mark.parametrize(
  ("extra", "words"),
  [
    ({"000003 - Copy.jpg": STRAY}, "1 thumbnail or copy is left out"),
    ({f"{n:06d}.png": STRAY for n in range(1, 13)}, "12 images with a frame's name and another"),
  ],
  ids=["copy", "two formats"],
)
def test_copies_and_second_formats_move_no_frame_and_are_said(tmp_path, extra, words):
  found, said = seen(folder(tmp_path / "images", {**names("{n:06d}.jpg"), **extra}), range(1, 13))
  assert found == list(range(1, 13))
  assert words in said


def test_images_without_a_number_that_counts_are_taken_in_order_and_said(tmp_path):
  place = folder(
    tmp_path / "letters", {f"cam2_{letter}.jpg": 1 + i for i, letter in enumerate("abcd")}
  )
  found, said = seen(place, range(1, 5))
  assert found == [1, 2, 3, 4]
  assert "in the order of their names, in which no number counts them: cam2_a.jpg the first" in said
  # One of them is in a format that is not read.
  (place / "cam2_b.jpg").rename(place / "cam2_b.heic")
  found, said = seen(place, range(1, 4))
  assert found == [1, 3, 4]
  assert "1 file of a format that is not read (.heic) is left out" in said
  # Counting begins again, and the boxes count on: two clips, or minutes and seconds.
  clips = {f"{c}_{n:02d}.jpg": 10 * c + n for c in (1, 2) for n in range(1, 7)}
  place = folder(tmp_path / "clips", clips)
  assert seen(place, range(1, 13))[0] == list(clips.values())
  with pytest.raises(InputError, match=r"both numbered 1,.*--boxes_first_frame"):
    seen(place, range(1, 7))
  assert seen(place, range(1, 7), first_frame=1)[0] == list(clips.values())[:6]


def test_a_first_image_without_number_is_the_one_before(tmp_path):
  for i, (first, pattern, start) in enumerate((("shot", "shot ({n})", 2), ("f", "f{n}", 1))):
    images = {f"{first}.jpg": 1, **{f"{pattern.format(n=start + k)}.jpg": 2 + k for k in range(11)}}
    found, said = seen(folder(tmp_path / str(i), images), range(1, 13))
    assert found == list(range(1, 13))
    assert "no number like" not in said


def numbers(*images, frames=(1,)):
  found = numbered(list(images), "d", np.array(frames)).numbers
  return None if found is None else found.tolist()


def test_the_column_of_the_frames():
  assert numbers("a7.jpg", "a10.jpg") == [7, 10]
  assert numbers("a.jpg", "b.jpg") is None
  assert numbers("000010_rgb.jpg", "000020_rgb.jpg") == [10, 20]
  assert numbers("10_2.jpg", "20_2.jpg", "30_2.jpg") == [10, 20, 30]
  # Of two that ascend, the one with the boxes' frames; if both have them, the last, and it is said.
  two = ("7_1.jpg", "8_2.jpg", "9_3.jpg")
  assert numbers(*two, frames=(7, 8)) == [7, 8, 9]
  assert numbers(*two, frames=(1, 2)) == [1, 2, 3]
  (said,) = numbered(["2_1.jpg", "3_2.jpg"], "d", np.array([2])).told
  assert said == "images' names have two numbers: 2_1.jpg is taken as frame 1, not 2"
  assert numbers(f"{'9' * 19}_5.jpg") == [5]


def test_a_sequence_with_a_loose_image_is_still_a_sequence(tmp_path):
  place = tmp_path / "MOT17-99"
  folder(place / "img1", names("{n:06d}.jpg"))
  folder(place, {"preview.jpg": STRAY})
  (place / "seqinfo.ini").write_text("[Sequence]\nimDir=img1\nseqLength=12\n")
  for _ in range(2):  # Named by seqinfo.ini, and known by its name.
    found, said = seen(place, [1])
    assert found == [1]
    assert f"1 image of {place} itself, such as preview.jpg, is left out" in said
    (place / "seqinfo.ini").unlink(missing_ok=True)
  # Frames beside a smaller img1 stay the frames.
  folder(place, names("{n:06d}.jpg", range(1, 20)))
  (place / "preview.jpg").unlink()
  assert open_footage(place).count == 19
