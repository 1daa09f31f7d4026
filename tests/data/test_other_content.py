"""Info files and lists that hold something else, or come from another system, and broken links."""

import gzip
import os

import layouts
import pytest

from cosam_jax.data import load_dataset
from cosam_jax.data.attributes import read_attributes
from cosam_jax.data.own_tracklets import read_tracklets
from cosam_jax.errors import InputError

MARK = "\ufeff".encode()
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:1234\nsize 21\n"
OTHERS = {
  "a web page": (b"\n<!DOCTYPE html><html><body>404</body></html>", "is a web page"),
  "a git-lfs pointer": (POINTER, "git lfs pull"),
  "MATLAB 7.3": (b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n" + bytes(80),
                 "as MATLAB 7.3 saves: save it with -v7"),
  "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(80), "HDF5"),
  "gzip": (gzip.compress(b"MATLAB 5.0"), "gunzip"),
  "a zip archive": (b"PK\x03\x04" + bytes(80), "zip archive"),
  "nothing": (b"", "it is empty"),
  "zeros": (bytes(4096), "zeros alone"),
}  # fmt: skip


@pytest.mark.parametrize("kind", OTHERS)
def test_matlab_files_that_are_none_are_named(tmp_path, kind):
  data, words = OTHERS[kind]
  root = layouts.mars(tmp_path / "mars", with_frames=False)
  (root / "info" / "query_IDX.mat").write_bytes(data)
  with pytest.raises(InputError, match=words) as caught:
    load_dataset("mars", root, check_files=False)
  assert "query_IDX.mat is not a MATLAB 5 file" in str(caught.value)
  (tmp_path / "duke_attribute.mat").write_bytes(data)
  with pytest.raises(InputError, match=words):
    read_attributes(tmp_path / "duke_attribute.mat")


def test_a_variable_of_another_name_is_to_be_renamed(tmp_path):
  import scipy.io

  root = layouts.mars(tmp_path, with_frames=False)
  scipy.io.savemat(root / "info" / "query_IDX.mat", {"query_idx": [[1]]})
  with pytest.raises(InputError, match=r"rename 'query_idx' to 'query_IDX'"):
    load_dataset("mars", root, check_files=False)


@pytest.mark.parametrize("change", [
  lambda data: MARK + data,
  lambda data: data.replace(b"\n", b"\r\n"),
  lambda data: data + b"\n\n \n",
])  # fmt: skip
def test_text_of_other_systems_is_read_alike(tmp_path, change):
  root = layouts.mars(tmp_path / "mars", with_frames=False)
  plain = load_dataset("mars", root, check_files=False)
  for split in ("train", "test"):
    path = root / "info" / f"{split}_name.txt"
    path.write_bytes(change(path.read_bytes()))
  changed = load_dataset("mars", root, check_files=False)
  assert changed.gallery.names.tolist() == plain.gallery.names.tolist()
  names = [table.frames.name(len(table.frames) - 1) for table in (plain.train, changed.train)]
  assert names[0] == names[1]
  table = tmp_path / "mars_attributes.csv"
  table.write_bytes(change(b"person-id,camera,tracklet,hat\n1,2,3,1\n4,5,6,0\n"))
  assert read_attributes(table).rows == {"0001C2T0003": 0, "0004C5T0006": 1}
  rows = "".join(
    f"{s}.jpg,1,{c},{s},{s}\n" for s, c in (("train", 1), ("query", 1), ("gallery", 2))
  )
  for split in ("train", "query", "gallery"):
    layouts.image(tmp_path / f"{split}.jpg")
  (tmp_path / "m.csv").write_bytes(change(f"path,identity,camera,tracklet,split\n{rows}".encode()))
  assert load_dataset("folder", tmp_path / "m.csv").gallery.names.tolist() == ["gallery"]


def test_utf_16_and_pipes_are_named(tmp_path):
  root = layouts.mars(tmp_path, with_frames=False)
  names = root / "info" / "train_name.txt"
  text = names.read_text()
  names.write_text(text, encoding="utf-16")
  with pytest.raises(InputError, match=r"train_name.txt cannot be read \(it is UTF-16 text"):
    load_dataset("mars", root, check_files=False)
  names.write_bytes(POINTER)
  with pytest.raises(InputError, match=r"git lfs pull"):
    load_dataset("mars", root, check_files=False)
  table = tmp_path / "a.csv"
  table.write_text("person-id,camera,tracklet,hat\n1,2,3,x\n")
  with pytest.raises(InputError, match=r"line 2 .* whole numbers"):
    read_attributes(table)


def own(root):
  for split, camera in (("train", 1), ("query", 1), ("gallery", 2)):
    for frame in range(2):
      layouts.image(root / split / "1" / str(camera) / "t" / f"{frame}.jpg")
  return root


@pytest.mark.parametrize("follow", [False, True])
def test_a_link_that_leads_nowhere_is_the_reason(tmp_path, follow):
  root = own(tmp_path / "set")
  frame = root / "train" / "1" / "1" / "t" / "1.jpg"
  frame.unlink()
  frame.symlink_to("/nowhere/1.jpg")
  table = load_dataset("folder", root, follow_links=follow).train
  with pytest.raises(OSError, match=r"it is a link to /nowhere/1.jpg, which does not exist"):
    table.frames.read(1)
  frame.unlink()
  frame.symlink_to(frame.name)
  with pytest.raises(OSError, match=r"it is a link that leads back to itself"):
    table.frames.read(1)


@pytest.mark.parametrize("follow", [False, True])
def test_folders_that_are_broken_links_are_named(tmp_path, follow):
  root = own(tmp_path / "set")
  (root / "train" / "2").symlink_to(tmp_path / "gone")
  words = f"is a link to {tmp_path / 'gone'}, which does not exist"
  with pytest.raises(InputError, match=words):
    load_dataset("folder", root, follow_links=follow)
  with pytest.raises(InputError, match=words):
    read_tracklets(root, follow_links=follow)


def test_links_in_a_circle_end(tmp_path):
  root = own(tmp_path / "set")
  os.symlink(root, root / "train" / "again")
  with pytest.raises(InputError, match=r"train/again is a link that leads back to .*set"):
    read_tracklets(root, follow_links=True)
  (root / "train" / "again").unlink()
  os.symlink(root / "query", root / "gallery" / "q")
  os.symlink(root / "gallery", root / "query" / "g")
  with pytest.raises(InputError, match=r"leads back to"):
    read_tracklets(root, follow_links=True)


def test_absolute_paths_inside_the_manifests_folder(tmp_path):
  root = own(tmp_path / "set")
  (tmp_path / "way").symlink_to(root)
  for base in (root, tmp_path / "way"):
    rows = [f"{base}/{split}/1/{camera}/t/*.jpg,1,{camera},{split},{split}\n"
            for split, camera in (("train", 1), ("query", 1), ("gallery", 2))]  # fmt: skip
    rows[0] = rows[0].replace("*.jpg", "0.jpg")
    (root / "m.csv").write_text("path,identity,camera,tracklet,split\n" + "".join(rows))
    tables = load_dataset("folder", base / "m.csv")
    assert tables.train.lengths.tolist() == [1]
    assert tables.train.frames.relative(0) == "train/1/1/t/0.jpg"
    assert tables.query.lengths.tolist() == [2]
  for path in (f"{tmp_path}/else.jpg", f"{root}/../else.jpg", f"{root}ish/else.jpg"):
    (root / "m.csv").write_text(f"path,identity,camera,tracklet,split\n{path},1,1,t,train\n")
    with pytest.raises(InputError, match=r"is absolute|leaves the data directory"):
      load_dataset("folder", root / "m.csv")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_tables_of_spreadsheets(tmp_path, separator):
  rows = ["path,identity,camera,tracklet,split", "train.jpg,1,1,a,train", "query.jpg,1,1,b,query",
          "gallery.jpg,1,2,c,gallery", ",,,,"]  # fmt: skip
  for split in ("train", "query", "gallery"):
    layouts.image(tmp_path / f"{split}.jpg")
  path = tmp_path / "m.csv"
  path.write_text("\r\n".join(rows).replace(",", separator), newline="")
  assert load_dataset("folder", path).query.names.tolist() == ["b"]
  rows[1] = "tr,ain.jpg,1,1,a,train"
  path.write_text("\n".join(rows))
  with pytest.raises(InputError, match=r"line 2 of .* has 6 cells and the header 5"):
    load_dataset("folder", path)
