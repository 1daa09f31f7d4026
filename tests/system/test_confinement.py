"""A stranger's data set reads no files outside its directory: by links, `..` or indices."""

import pathlib
import shutil

import layouts
import numpy as np
import pytest

from cosam_jax.data import builders, load_dataset, pipeline
from cosam_jax.data.tracklets import FilePaths
from cosam_jax.errors import InputError

ALLOW = "config.data.follow_links=True"


@pytest.fixture
def secret(tmp_path):
  """A picture that belongs to no data set."""
  return layouts.image(tmp_path / "secret" / "0001C1T0001F001.jpg", color=(200, 0, 0))


def link(path: pathlib.Path, target: pathlib.Path) -> None:
  """Puts a link in the place of a file or folder."""
  shutil.rmtree(path) if path.is_dir() else path.unlink()
  path.symlink_to(target)


def one_frame(root) -> pathlib.Path:
  """The first frame of a data set."""
  return sorted(path for path in root.rglob("*") if path.suffix in (".jpg", ".png"))[0]


def duke(root):
  for split, camera in (("train", 1), ("query", 1), ("gallery", 2)):
    layouts.image(root / split / "0001" / "0001" / f"0001C{camera}F0001X00001.jpg")
  return root


def folder(root):
  for split, camera in (("train", 1), ("query", 1), ("gallery", 2)):
    layouts.image(root / split / "1" / str(camera) / "t" / "0.jpg")
  return root


def manifest(root):
  folder(root)
  rows = [f"{split}/1/{camera}/t/*.jpg,1,{camera},{split},{split}\n"
          for split, camera in (("train", 1), ("query", 1), ("gallery", 2))]  # fmt: skip
  (root / "m.csv").write_text("path,identity,camera,tracklet,split\n" + "".join(rows))
  return root / "m.csv"


READERS = {
  "mars": layouts.mars,
  "dukemtmc_vidreid": duke,
  "ilids_vid": layouts.ilids,
  "prid2011": lambda root: layouts.prid(root, *[dict.fromkeys((1, 2, 3, 4), 28)] * 2),
  "folder": folder,
  "manifest": manifest,
}


def load(name, place, **options):
  return load_dataset("folder" if name == "manifest" else name, place, **options)


def read_all(tables):
  """Reads every frame through the pipeline and through `read`."""
  for table in (tables.train, tables.query, tables.gallery):
    for frame in range(len(table.frames)):
      table.frames.read(frame)
    list(pipeline.evaluation_batches(table, num_frames=1, batch_clips=4, image_size=(16, 8)))


@pytest.mark.parametrize("name", READERS)
def test_a_frame_that_is_a_link_out_is_refused_by_every_reader(tmp_path, secret, name):
  root = tmp_path / "set"
  place = READERS[name](root)
  frame = one_frame(root)
  data = frame.read_bytes()
  frame.rename(root / "kept")
  frame.symlink_to(root / "kept")  # A link that stays inside is allowed.
  tables = load(name, place)
  read_all(tables)
  link(frame, secret)
  tables = load(name, place)
  (store,) = {
    id(t.frames): t.frames
    for t in (tables.train, tables.query, tables.gallery)
    if str(frame) in {t.frames.name(f) for f in range(len(t.frames))}
  }.values()
  number = next(f for f in range(len(store)) if store.name(f) == str(frame))
  with pytest.raises(PermissionError, match=r"leads out of the data directory"):
    store.read(number)
  with pytest.raises((InputError, PermissionError)):
    read_all(tables)
  allowed = load(name, place, follow_links=True)
  read_all(allowed)
  assert data != secret.read_bytes()


@pytest.mark.parametrize("name", READERS)
def test_a_folder_that_is_a_link_out_is_refused_by_every_reader(tmp_path, name):
  root = tmp_path / "set"
  place = READERS[name](root)
  parent = one_frame(root).parent
  shutil.copytree(parent, tmp_path / "elsewhere" / parent.name)
  link(parent, tmp_path / "elsewhere" / parent.name)
  with pytest.raises(InputError, match=r"leads out of the data directory") as caught:
    load(name, place)
  for part in (str(parent), str(tmp_path / "elsewhere" / parent.name), ALLOW):
    assert part in str(caught.value)
  read_all(load(name, place, follow_links=True))


@pytest.mark.parametrize(("name", "file"), [
  ("mars", "info/train_name.txt"),
  ("mars", "info/query_IDX.mat"),
  ("ilids_vid", "train-test people splits/train_test_splits_ilidsvid.mat"),
])  # fmt: skip
def test_an_index_that_is_a_link_out_is_refused(tmp_path, name, file):
  root = READERS[name](tmp_path / "set")
  shutil.copy(root / file, tmp_path / "outside")
  link(root / file, tmp_path / "outside")
  with pytest.raises(InputError, match=r"leads out of the data directory"):
    load(name, root)
  load(name, root, follow_links=True)


def test_a_data_directory_that_is_itself_a_link_is_the_persons_choice(tmp_path):
  READERS["mars"](tmp_path / "set")
  (tmp_path / "link").symlink_to(tmp_path / "set")
  read_all(load("mars", tmp_path / "link"))


def test_stores_confine_names_whatever_the_reader_let_through(tmp_path, secret):
  del secret
  (tmp_path / "set").mkdir()
  frame, absolute = b"0001C1T0001F001.jpg", str(tmp_path / "secret").encode()
  for folder_name, file in ((b"../secret", frame), (b"", b"../secret/" + frame), (absolute, frame)):
    store = FilePaths(
      tmp_path / "set", np.array([folder_name]), np.zeros(1, np.int32), np.array([file])
    )
    with pytest.raises(PermissionError):
      store.read(0)


def test_nothing_from_outside_is_packed(tmp_path, secret):
  root = READERS["mars"](tmp_path / "set")
  link(one_frame(root / "bbox_train"), secret)
  with pytest.raises(InputError, match=r"leads out of the data directory"):
    builders.prepare("mars", root, tmp_path / "prepared")
  assert not (tmp_path / "prepared" / "mars" / "1.0.0").exists()
  builders.prepare("mars", root, tmp_path / "prepared", follow_links=True)


def test_a_prepared_set_does_not_lead_out_either(tmp_path):
  root = READERS["mars"](tmp_path / "set")
  builders.prepare("mars", root, tmp_path / "prepared")
  folder = tmp_path / "prepared" / "mars" / "1.0.0"
  (shard,) = folder.glob("mars-train.array_record*")
  shutil.move(shard, tmp_path / "outside")
  shard.symlink_to(tmp_path / "outside")
  with pytest.raises(InputError, match=r"leads out of"):
    builders.load_prepared("mars", tmp_path / "prepared")
