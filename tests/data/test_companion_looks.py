"""Folders with the name of masks, maps or copies are judged by what their pictures look like."""

import numpy as np
import PIL.Image
import pytest
from photos import mask, photo, picture

from cosam_jax.data import load_dataset
from cosam_jax.data.companion_looks import folders_of_companions
from cosam_jax.data.left_out import COPIES, MAPS, MASKS, LeftOut
from cosam_jax.data.own_tracklets import read_tracklets
from cosam_jax.data.telling import Telling
from cosam_jax.errors import InputError


def half(pixels):
  return np.asarray(PIL.Image.fromarray(pixels).resize((32, 64)))


def grey(pixels):
  return pixels.mean(-1).astype(np.uint8)


def own(root, others, frame=photo):
  """Two people, whose tracklets `walk` have folders of other pictures beside them."""
  people = (("train", 1, 1), ("train", 1, 2), ("query", 2, 1), ("gallery", 2, 2))
  for seed, (split, person, camera) in enumerate(people):
    place = root / split / str(person) / str(camera)
    for number in range(4):
      frame_pixels = frame(100 * seed + number)
      picture(place / "walk" / f"{number:04}.jpg", frame_pixels)
      for other, drawn in others.items():
        picture(place / other / f"{number:04}.jpg", drawn(100 * seed + number, frame_pixels))
  return load_dataset("folder", root)


@pytest.mark.parametrize(
  "name", ["normal", "flow", "pose", "copy", "instance", "label", "mask", "walk_normal"]
)
def test_a_name_alone_makes_no_mask_of_a_tracklet(tmp_path, name):
  tables = own(tmp_path, {name: lambda seed, _: photo(seed + 50)})
  assert len(tables.train) == 4
  assert f"1/1/{name}" in tables.train.names.tolist()
  assert len(tables.query) == 2
  said = " ".join(tables.warnings)
  assert "4 folders have the name of masks" in said
  assert f"train/1/1/{name}, " in said
  assert "left out" not in said


@pytest.mark.parametrize(("name", "drawn", "words"), [
  ("mask", lambda seed, frame: mask(), MASKS),
  ("label", lambda seed, frame: np.stack([mask() // 3, mask() // 2, mask()], -1), MASKS),
  ("depth", lambda seed, frame: grey(photo(seed + 50)), MAPS),
  ("thumbs", lambda seed, frame: half(frame), COPIES),
  ("copy", lambda seed, frame: frame, COPIES),
])  # fmt: skip
def test_pictures_that_look_like_masks_are_no_tracklets(tmp_path, name, drawn, words):
  tables = own(tmp_path, {name: drawn})
  assert tables.train.names.tolist() == ["1/1/walk", "1/2/walk"]
  said = " ".join(tables.warnings)
  assert f"4 {words} are left out" in said
  assert "are read as tracklets" not in said


def test_colour_maps_of_the_size_of_each_frame_are_maps(tmp_path):
  def sized(seed):
    return photo(seed, (60 + seed % 10, 30 + seed % 7))

  tables = own(tmp_path, {"flow": lambda seed, frame: photo(seed + 50, frame.shape[:2])}, sized)
  assert tables.train.names.tolist() == ["1/1/walk", "1/2/walk"]
  other = own(tmp_path / "b", {"flow": lambda seed, _: sized(seed + 3)}, sized)
  assert len(other.train) == 4, "a tracklet's frames have sizes of their own"


def test_grey_tracklets_beside_grey_ones_are_tracklets(tmp_path):
  tables = own(tmp_path, {"normal": lambda seed, _: grey(photo(seed + 50))},
               lambda seed: grey(photo(seed)))  # fmt: skip
  assert len(tables.train) == 4


def test_every_reader_looks_at_the_pictures(tmp_path):
  for number in range(3):
    picture(tmp_path / "anna" / f"{number}.jpg", photo(number))
    picture(tmp_path / "anna_pose" / f"{number}.jpg", photo(number + 9))
    picture(tmp_path / "anna_mask" / f"{number}.jpg", mask())
  telling = Telling(show=lambda sentence: None)
  assert read_tracklets(tmp_path, telling=telling).names.tolist() == ["anna", "anna_pose"]
  assert "1 mask is left out" in " ".join(telling.left_out)
  assert "1 folders have the name of masks" in " ".join(telling.told)
  rows = [f"anna*/*.jpg,{split != 'train'},{c},{split},{split}"
          for split, c in (("train", 1), ("query", 1), ("gallery", 2))]  # fmt: skip
  (tmp_path / "m.csv").write_text("\n".join(["path,identity,camera,tracklet,split", *rows]))
  tables = load_dataset("folder", tmp_path / "m.csv")
  assert [t.total_frames for t in (tables.train, tables.query, tables.gallery)] == [6, 6, 6]
  said = " ".join(tables.warnings)
  assert "3 masks are left out" in said
  assert "3 folders have the name of masks" in said


@pytest.mark.parametrize("name", ["masks", "thumbs"])
def test_an_empty_folder_of_masks_is_no_tracklet(tmp_path, name):
  own(tmp_path, {})
  (tmp_path / "train" / "1" / "1" / name).mkdir()
  assert load_dataset("folder", tmp_path).train.names.tolist() == ["1/1/walk", "1/2/walk"]


def test_pictures_outside_of_the_directory_are_not_looked_at(tmp_path):
  own(tmp_path / "data", {})
  place = tmp_path / "data" / "train" / "1" / "1"
  for number in range(4):
    picture(tmp_path / "outside" / f"{number:04}.jpg", mask())
  (place / "mask").symlink_to(tmp_path / "outside")
  with pytest.raises(InputError, match="leads out of the data directory"):
    load_dataset("folder", tmp_path / "data")


def judged(place, name, images, frames=None) -> bool:
  """Whether a folder is left out beside `walk`; files -> pixels, or the bytes of a damaged file."""
  frames = {f"{i}.png": photo(i) for i in range(len(images))} if frames is None else frames
  for folder, files in (("walk", frames), (name, images)):
    for file, pixels in files.items():
      if isinstance(pixels, bytes):
        (place / folder / file).write_bytes(pixels)
      else:
        picture(place / folder / file, pixels)
  left_out = LeftOut()
  folders = {("walk",): [*frames], (name,): [*images]}
  found = folders_of_companions(place, folders, left_out, siblings=True)
  assert found in (set(), {(name,)})
  assert bool(left_out.doubts()) != bool(left_out.sentences()) == bool(found)
  return bool(found)


def test_copies_show_the_same_picture_as_the_frame_of_their_name(tmp_path):
  frames = [photo(i) for i in range(3)]
  same = {f"{i}.png": half(frames[i]) for i in range(3)}
  assert judged(tmp_path / "same", "copy", same)
  moved = {f"{i}.png": frames[(i + 1) % 3] for i in range(3)}
  assert not judged(tmp_path / "moved", "copy", moved)
  for brighter, wanted in ((3, True), (6, False)):
    images = {f"{i}.png": frames[i] + np.uint8(brighter) for i in range(3)}
    assert judged(tmp_path / str(brighter), "copy", images) == wanted


@pytest.mark.parametrize(("other", "wanted"), [([], True), ([1, 3], True), ([4], False)])
def test_the_first_the_middle_and_the_last_decide(tmp_path, other, wanted):
  images = {f"{i}.png": photo(i + 50 * (i in other)) for i in range(5)}
  assert judged(tmp_path, "copy", images) == wanted


@pytest.mark.parametrize(("ending", "wanted"), [("png", True), ("jpeg", False), ("JPG", False)])
def test_masks_may_have_another_format(tmp_path, ending, wanted):
  frames = {f"{i}.jpg": photo(i) for i in range(2)}
  images = {f"{i}.{ending}": photo(i + 50) for i in range(2)}
  assert judged(tmp_path, "mask", images, frames) == wanted


@pytest.mark.parametrize(("filled", "wanted"), [(4089, True), (4088, False)])
def test_eight_colours_fill_half_of_a_mask(tmp_path, filled, wanted):
  """Of 8,192 pixels, some have one colour, and all others a colour of their own."""
  number = np.arange(128 * 64)
  number[:filled] = 0
  pixels = np.stack([number % 256, number // 256, 0 * number + 200], -1).astype(np.uint8)
  images = {f"{i}.png": pixels.reshape(128, 64, 3) for i in range(2)}
  assert judged(tmp_path, "mask", images) == wanted


@pytest.mark.parametrize(
  ("size", "wanted"), [((128, 64), True), ((64, 32), True), ((128, 62), True), ((128, 60), False)]
)
def test_maps_without_colour_have_the_shape_of_their_frames(tmp_path, size, wanted):
  images = {f"{i}.png": grey(photo(i + 50, size)) for i in range(2)}
  assert judged(tmp_path / "eight", "depth", images) == wanted
  deep = {name: values.astype(np.uint16) * 200 for name, values in images.items()}
  assert judged(tmp_path / "sixteen", "depth", deep) == wanted


def test_what_cannot_be_read_looks_like_nothing(tmp_path):
  images = {f"{i}.png": mask() for i in range(3)}
  assert judged(tmp_path / "whole", "mask", images)
  images["2.png"] = b"\x89PNG\r\n\x1a\n and then nothing"
  assert not judged(tmp_path / "damaged", "mask", images)
