"""Info files and lists that hold something else, or come from another system."""

import gzip

import layouts
import pytest

from cosam_jax.data import load_dataset
from cosam_jax.data.attributes import read_attributes
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
