"""Masks, maps and copies beside frames are no frames, whoever lists them, and are counted."""

import itertools

import layouts
import pytest
from photos import mask, photo, picture

from cosam_jax.data import load_dataset
from cosam_jax.data.companions import companion_folders, companions
from cosam_jax.data.doctor import diagnose
from cosam_jax.data.left_out import COPIES, MAPS, MASKS, OTHER_ENDING
from cosam_jax.data.own_tracklets import read_tracklets
from cosam_jax.data.telling import Telling

FRAMES = ("0001.jpg", "0002.jpg")
BESIDE = {
  "{}_mask.png": MASKS, "{}.mask.png": MASKS, "{}-masks.png": MASKS, "mask_{}.png": MASKS,
  "{}_seg.png": MASKS, "{}-label.png": MASKS, "{}_alpha.png": MASKS, "{}mask.png": MASKS,
  "Mask {}.PNG": MASKS, "{}_gtFine_labelIds.png": MASKS, "{}_mask_0.png": MASKS,
  "{}_instance_17_mask.png": MASKS, "{}_silhouette.bmp": MASKS, "seg-{}.tif": MASKS,
  "{}_depth.png": MAPS, "flow_{}.png": MAPS, "{} copy.jpg": COPIES, "{}_thumb.jpg": COPIES,
  "{}.png": OTHER_ENDING, "{}.bmp": OTHER_ENDING, "{}.JPG": OTHER_ENDING,
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE)
def test_every_reader_leaves_them_out_and_says_so(tmp_path, name):
  beside = [name.format(frame[:-4]) for frame in FRAMES]
  assert companions([*FRAMES, *beside]) == dict.fromkeys(beside, BESIDE[name])
  splits = ("train", 1), ("query", 1), ("gallery", 2)
  for (split, camera), file in itertools.product(splits, (*FRAMES, *beside)):
    layouts.image(tmp_path / split / str(int(split != "train")) / str(camera) / "t" / file)
  rows = [f"{split}/{int(split != 'train')}/{c}/t/*,{split != 'train'},{c},{split},{split}"
          for split, c in splits]  # fmt: skip
  (tmp_path / "m.csv").write_text("\n".join(["path,identity,camera,tracklet,split", *rows]))
  said = f"6 {BESIDE[name]} are left out"
  for place in (tmp_path, tmp_path / "m.csv"):
    tables = load_dataset("folder", place)
    files = [tables.train.frames.name(i)[-8:] for i in tables.train.frame_ids(0)]
    assert files == list(FRAMES), "a folder and a pattern mean the same"
    assert [t.total_frames for t in (tables.train, tables.query, tables.gallery)] == [2, 2, 2]
    assert said in " ".join(tables.warnings)
    assert said in diagnose(tables, sample=0).render()
  telling = Telling()
  table = read_tracklets(tmp_path, telling=telling)
  assert table.lengths.tolist() == [2, 2, 2]
  assert said in " ".join(telling.left_out)


@pytest.mark.parametrize("names", [
  ("mask_0001.png", "mask_0002.png"), ("alpha_0001.jpg", "beta_0001.jpg"), ("1.png", "2.jpg"),
  ("0001_mask.png", "0002.jpg"), ("frame1.jpg", "frame2.jpg", "frame10.jpg"),
  ("masked_0001.jpg", "0001.jpg"), ("0001_flip.jpg", "0001.jpg"), ("label.png", "mask.png"),
  ("0025C1T0002F001.jpg", "0025C1T0002F002.jpg"), ("label_1.jpg", "label_2.jpg"), (),
])  # fmt: skip
def test_images_without_a_frame_of_their_own_are_frames(names):
  assert companions(names) == {}


def test_names_that_say_what_a_frame_is():
  pairs = {"img_1.jpg": "mask_1.png", "1_rgb.png": "1_seg.png", "frame 7.jpg": "7 matte.png",
           "image-1.png": "image-1-labels.png"}  # fmt: skip
  for frame, other in pairs.items():
    assert companions([frame, other]) == {other: MASKS}
  most = ["1.png", "2.png", "3.png", "2.jpg"]
  assert companions(most) == {"2.jpg": OTHER_ENDING}, "the frames are what most images are"


@pytest.mark.parametrize(("frames", "masks"), [
  ("p1", "p1/seg"), ("p1/img", "p1/labels"), ("p1/img1", "p1/alpha"), ("p1", "labels/p1"),
  ("images/p1", "SegmentationMask/p1"), ("p1", "p1_mask"), ("rgb/p1", "segmentation/p1"),
])  # fmt: skip
def test_folders_of_masks_are_no_tracklets(tmp_path, frames, masks):
  for name in FRAMES:
    layouts.image(tmp_path / frames / name)
    layouts.image(tmp_path / masks / name.replace(".jpg", ".png"))
  layouts.image(tmp_path / "else" / "9.jpg")
  telling = Telling()
  table = read_tracklets(tmp_path, telling=telling)
  assert sorted(table.names.tolist()) == sorted(["else", frames])
  assert "1 mask is left out" in " ".join(telling.left_out)
  layouts.image(tmp_path / masks / "0003.png")
  names = read_tracklets(tmp_path).names.tolist()
  assert masks in names, "an image more than frames: no folder of their masks"


def test_people_may_have_names_that_masks_have():
  images = {
    ("alpha",): FRAMES,
    ("beta",): FRAMES,
    ("walk", "pose"): FRAMES,
    ("walk", "run"): FRAMES,
  }
  assert companion_folders(images) == {}


def test_a_tracklet_beside_its_masks(tmp_path):
  for split, camera in (("train", 1), ("query", 1), ("gallery", 2)):
    place = tmp_path / split / str(int(split != "train")) / str(camera)
    for number, name in enumerate(FRAMES):
      picture(place / "t" / name, photo(number))
      picture(place / "masks" / name, mask())
      layouts.image(place / "@eaDir" / name)
  tables = load_dataset("folder", tmp_path)
  assert tables.train.names.tolist() == ["0/1/t"]
  assert "3 masks are left out" in " ".join(tables.warnings)
  rows = ["path,identity,camera,tracklet,split", "train/0/1/*/*,0,1,a,train",
          "query/1/1/*/*.*,1,1,b,query", "gallery/1/2/*/*.jpg,1,2,c,gallery",
          "gallery/1/2/t/0001.jpg,1,2,c,gallery"]  # fmt: skip
  (tmp_path / "train" / "0" / "1" / "t" / "notes.txt").touch()
  (tmp_path / "m.csv").write_text("\n".join(rows))
  tables = load_dataset("folder", tmp_path / "m.csv")
  lengths = [t.lengths.tolist() for t in (tables.train, tables.query, tables.gallery)]
  assert lengths == [[2], [2], [3]], "a frame on two rows is two frames, as before"
  said = " ".join(tables.warnings)
  for words in ("3 masks are left out", "6 files and folders of the storage system",
                "1 file of a format that is not read (.txt)"):  # fmt: skip
    assert words in said


@pytest.mark.parametrize("folder", ["masks", "Masks", "mask", "labels"])
def test_folders_of_masks_without_their_frames_are_tracklets(tmp_path, folder):
  for name in FRAMES:
    layouts.image(tmp_path / folder / "anna" / name)
    layouts.image(tmp_path / "bert" / name)
  names = read_tracklets(tmp_path, telling=Telling()).names.tolist()
  assert names == sorted([f"{folder}/anna", "bert"])
