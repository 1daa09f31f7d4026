"""A data set by its name: what is refused before reading, and what each reader is given."""

import layouts
import pytest

from cosam_jax.data.sets.loading import load_dataset
from cosam_jax.errors import InputError


@pytest.mark.parametrize(
  ("name", "options", "message"),
  [
    ("mras", {}, r"dataset 'mras' is unknown, not one of mars, .*synthetic.*did you mean 'mars'"),
    ("mars", {"split": 1}, r"split 1 of mars does not exist: only ilids_vid and prid2011 have"),
    ("folder", {"split": -1}, r"split -1 of folder does not exist.*use 0"),
    ("ilids_vid", {"split": 2}, r"split 2 does not exist: ls_set of .* has splits 0 to 1"),
  ],
)
def test_names_and_splits_that_do_not_exist(tmp_path, name, options, message):
  layouts.ilids(tmp_path)
  with pytest.raises(InputError, match=message):
    load_dataset(name, tmp_path, **options)


def test_no_directory_is_not_the_present_one(tmp_path, monkeypatch):
  monkeypatch.chdir(layouts.folder(tmp_path / "set"))
  with pytest.raises(InputError, match="data_dir is empty; set it to the directory or manifest of"):
    load_dataset("folder", "")
  assert len(load_dataset("folder", ".").train) == 2


def test_each_reader_is_given_the_options_that_it_takes(tmp_path):
  """MARS's reader knows no seed, iLIDS-VID's no check of files; both are called with all."""
  every = {"check_files": False, "seed": 3}
  root = layouts.mars(tmp_path / "mars", with_frames=False)
  assert load_dataset("mars", root, **every).train.identities.tolist() == [1, 1, 7, 7]
  with pytest.raises(InputError, match="frames are missing"):
    load_dataset("mars", root)
  root = layouts.ilids(tmp_path / "ilids")
  tested = [load_dataset("ilids_vid", root, split=i, **every).query.identities for i in (0, 1)]
  assert [one.tolist() for one in tested] == [[1, 9], [2, 5]]
  people = dict.fromkeys(range(1, 9), 28)
  root = layouts.prid(tmp_path / "prid", people, people)
  drawn = {tuple(load_dataset("prid2011", root, seed=seed).query.identities) for seed in range(6)}
  assert len(drawn) > 1


def test_the_same_layout_has_the_name_that_it_is_read_by(tmp_path):
  root = layouts.mars(tmp_path)
  tables = load_dataset("synthetic", root)
  assert (tables.name, tables.warnings) == ("synthetic", ())
  assert load_dataset("mars", root).name == "mars"


def test_a_manifest_in_the_stead_of_any_directory(tmp_path):
  layouts.folder(tmp_path)
  rows = [f"{split}/1/{camera}/t/*.jpg,1,{camera},{split}{camera},{split}\n"
          for split, camera in (("train", 1), ("query", 1), ("gallery", 2))]  # fmt: skip
  (tmp_path / "m.csv").write_text("path,identity,camera,tracklet,split\n" + "".join(rows))
  for name in ("folder", "prid2011"):
    tables = load_dataset(name, tmp_path / "m.csv")
    assert tables.name == name
    assert tables.gallery.names.tolist() == ["gallery2"]


def test_a_home_directory_may_be_written_short(tmp_path, monkeypatch):
  monkeypatch.setenv("HOME", str(tmp_path))
  root = layouts.folder(tmp_path / "set")
  table = load_dataset("folder", "~/set").query
  assert table.frames.path(int(table.starts[0])) == str(root / "query" / "1" / "1" / "t" / "0.jpg")


def test_links_that_lead_out_are_read_only_if_asked(tmp_path):
  root = layouts.folder(tmp_path / "set")
  place = root / "gallery" / "1" / "2"
  place.rename(tmp_path / "far")
  place.symlink_to(tmp_path / "far")
  with pytest.raises(InputError, match=r"gallery/1/2/t leads out of the data .*, to .*far/t: put"):
    load_dataset("folder", root)
  table = load_dataset("folder", root, follow_links=True).gallery
  frame = int(table.starts[0])
  assert table.frames.read(frame) == (tmp_path / "far" / "t" / "0.jpg").read_bytes()
