"""A person's own folders."""

import layouts
import pytest

from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError

FILES = [
  "train/0003/cam1/0001/frame2.jpg",
  "train/0003/cam1/0001/frame10.jpg",
  "train/0003/cam2/0001/1.jpeg",
  "train/0011/cam1/0001/1.PNG",
  "query/0004/cam2/0001/1.png",
  "gallery/0004/cam12/0001/1.jpg",
  "gallery/0000/cam1/0001/1.jpg",
  "gallery/00-1/cam1/0001/1.jpg",
]


def write(root, files=FILES):
  for file in files:
    layouts.image(root / file)
  return root


def test_reads_the_layout(tmp_path):
  write(tmp_path)
  (tmp_path / "train/0003/cam1/0001/Thumbs.db").touch()
  (tmp_path / "train/.hidden").mkdir()
  tables = load_dataset("folder", tmp_path)
  assert tables.name == "folder"
  train = tables.train
  assert train.identities.tolist() == [3, 3, 11]
  assert train.cameras.tolist() == [1, 2, 1]
  assert train.names.tolist() == ["0003/cam1/0001", "0003/cam2/0001", "0011/cam1/0001"]
  names = [train.frames.relative(f) for f in train.frame_ids(0)]
  assert names == FILES[:2], "frame2 comes before frame10"
  assert train.frames.read(3).startswith(b"\x89PNG")
  assert tables.query.cameras.tolist() == [2]
  assert tables.gallery.identities.tolist() == [0, 4], "junk is dropped"
  assert tables.gallery.cameras.tolist() == [1, 12]
  assert tables.gallery.numbering.people(tables.gallery.identities).all(), "0 is a person here"
  assert tables.gallery.numbering.identity(4) == "0004"
  assert tables.gallery.numbering.camera(12) == "cam12"
  assert (
    "1 tracklets of gallery (1 frames) are left out: they have no identity (written '00-1')"
    in (tables.warnings)
  )


def test_names_instead_of_numbers_mean_the_same_in_every_split(tmp_path):
  files = ["train/zoe/door/a/1.jpg", "query/bo/hall/a/1.jpg", "gallery/bo/door/a/1.jpg"]
  tables = load_dataset("folder", write(tmp_path, files))
  assert tables.query.identities.tolist() == tables.gallery.identities.tolist() == [1]
  assert tables.train.identities.tolist() == [2]
  assert tables.train.cameras.tolist() == tables.gallery.cameras.tolist() == [1]
  assert tables.query.cameras.tolist() == [2]


def test_people_in_training_and_test_are_a_warning(tmp_path):
  tables = load_dataset("folder", write(tmp_path, [*FILES, "query/0003/cam3/1/1.jpg"]))
  assert "1 identities are in train and in query (first: 0003)" in tables.warnings[-1]


@pytest.mark.parametrize(
  ("made", "message"),
  [
    ("train/0003/cam1/0002", r"tracklet folder .*train/0003/cam1/0002 is empty"),
    ("train/0003/cam3", r"folder .*train/0003/cam3 has no folders of tracklets"),
    ("gallery/0009", r"folder .*gallery/0009 has no folders of cameras"),
    ("gallery/4/cam1/1/x.jpg/", r"identity names '0004' and '4' are the same number 4"),
  ],
)
def test_bad_folders(tmp_path, made, message):
  write(tmp_path)
  (tmp_path / made).mkdir(parents=True)
  with pytest.raises(InputError, match=message):
    load_dataset("folder", tmp_path)


def test_a_missing_split_gets_a_suggestion(tmp_path):
  write(tmp_path)
  (tmp_path / "gallery").rename(tmp_path / "galery")
  with pytest.raises(InputError, match=r"no folder 'gallery', only \['galery'.*rename 'galery' to"):
    load_dataset("folder", tmp_path)
  with pytest.raises(InputError, match=r"dataset 'folders' is unknown.*did you mean 'folder'"):
    load_dataset("folders", tmp_path)


def test_a_junk_query_is_refused(tmp_path):
  with pytest.raises(InputError, match=r"query tracklet '-1/cam1/1' is junk"):
    load_dataset("folder", write(tmp_path, [*FILES, "query/-1/cam1/1/1.jpg"]))
