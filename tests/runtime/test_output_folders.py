"""Files that an earlier call wrote make room; files of anybody else stay."""

import json
import os
import stat

import pytest

from cosam_jax.errors import InputError
from cosam_jax.runtime.output_folders import OutputFolder

PATTERNS = ("index.txt", "pictures/*.txt")


def folder(directory, **more):
  return OutputFolder(directory, "trial", PATTERNS, "index.txt", **more)


def write(directory, *names, text="ours", source=None, **more):
  with folder(directory, **more).replacing(source) as partial:
    for name in names:
      (partial / name).parent.mkdir(exist_ok=True)
      (partial / name).write_text(f"{text} {name}")


def fail(directory, error):
  with folder(directory).replacing() as partial:
    (partial / "index.txt").write_text("half")
    raise error


def content(directory):
  """Maps the name of every file except the list to its text."""
  files = {path for path in directory.rglob("*") if path.is_file()}
  return {
    path.relative_to(directory).as_posix(): path.read_text()
    for path in files - {directory / "trial_files.json"}
  }


def test_what_was_written_makes_room_and_what_somebody_added_stays(tmp_path):
  out = tmp_path / "new" / "out"
  write(out, "index.txt", "pictures/0.txt", "pictures/1.txt", source={"input": "a"})
  assert folder(out).source == {"input": "a"}
  (out / "pictures" / "mine.jpg").write_text("mine")
  (out / "note").write_text("mine")
  write(out, "index.txt", "pictures/0.txt", text="newer", source={"input": "b"})
  assert content(out) == {
    "index.txt": "newer index.txt", "pictures/0.txt": "newer pictures/0.txt",
    "pictures/mine.jpg": "mine", "note": "mine",
  }  # fmt: skip
  assert folder(out).source == {"input": "b"}
  write(out, "index.txt")
  assert set(content(out)) == {"index.txt", "pictures/mine.jpg", "note"}
  (out / "pictures" / "mine.jpg").unlink()
  write(out, "index.txt", "pictures/7.txt")
  write(out, "index.txt")
  assert not (out / "pictures").exists()


def test_a_spared_file_stays_whoever_wrote_it(tmp_path):
  for text in ("ours pictures/0.txt", "edited"):  # Of the same size as ours, and of another.
    write(tmp_path, "index.txt", "pictures/0.txt")
    (tmp_path / "pictures" / "0.txt").write_text(text)
    write(tmp_path, "index.txt", text="newer", spared=("pictures/0.txt",))
    assert content(tmp_path) == {"index.txt": "newer index.txt", "pictures/0.txt": text}
    assert folder(tmp_path).names == ["index.txt"]
    (tmp_path / "pictures" / "0.txt").unlink()


@pytest.mark.parametrize("name", ["index.txt", "pictures/0.txt", "pictures/5.txt"])
def test_somebodys_file_in_the_way_is_refused_before_any_work(tmp_path, name):
  (tmp_path / name).parent.mkdir(exist_ok=True)
  (tmp_path / name).write_text("mine")
  with pytest.raises(InputError, match=r"did not write it, .* give another --output"):
    folder(tmp_path).check()
  with pytest.raises(InputError, match=name):
    write(tmp_path, "index.txt")
  assert content(tmp_path) == {name: "mine"}
  assert [path.name for path in tmp_path.iterdir()] == [name.split("/")[0]]


def test_what_somebody_changed_or_put_on_our_names_is_theirs(tmp_path):
  write(tmp_path, "index.txt", "pictures/0.txt")
  (tmp_path / "pictures" / "0.txt").write_text("my own, longer than that of the program")
  with pytest.raises(InputError, match="somebody changed it since"):
    write(tmp_path, "index.txt")
  (tmp_path / "pictures" / "0.txt").unlink()
  (tmp_path / "elsewhere").write_text("ours pictures/0.txt")
  (tmp_path / "pictures" / "0.txt").symlink_to(tmp_path / "elsewhere")
  with pytest.raises(InputError, match="would be replaced"):
    write(tmp_path, "index.txt", "pictures/0.txt")
  assert (tmp_path / "elsewhere").read_text() == "ours pictures/0.txt"


def test_names_that_no_pattern_foresaw_replace_nothing_either(tmp_path):
  (tmp_path / "other").write_text("mine")
  with pytest.raises(InputError, match="other would be replaced"):
    write(tmp_path, "index.txt", "other")
  assert content(tmp_path) == {"other": "mine"}


def test_a_block_that_fails_leaves_what_was_there(tmp_path):
  out = tmp_path / "a" / "b"
  with pytest.raises(OSError, match="disk"):
    fail(out, OSError("disk"))
  assert not (tmp_path / "a").exists()
  write(out, "index.txt")
  before = (out / "trial_files.json").read_text()
  with pytest.raises(KeyboardInterrupt):
    fail(out, KeyboardInterrupt())
  assert content(out) == {"index.txt": "ours index.txt"}
  assert (out / "trial_files.json").read_text() == before
  assert len(list(out.iterdir())) == 2


def test_a_list_that_is_none_or_leads_outside_removes_nothing(tmp_path):
  out = tmp_path / "out"
  (tmp_path / "mine").write_text("12345")
  for names in ({"../mine": [5]}, {str(tmp_path / "mine"): [5]}, {"": [5]}, ["mine"], None):
    out.mkdir(exist_ok=True)
    record = json.dumps({"program": "cosam_jax", "files": names})
    (out / "trial_files.json").write_text(record)
    with pytest.raises(InputError, match="is not a list that this program wrote"):
      write(out, "index.txt")
  (out / "trial_files.json").write_text("my notes about files")
  with pytest.raises(InputError, match="is not a list that"):
    write(out, "index.txt")
  assert content(tmp_path)["mine"] == "12345"


def test_a_folder_of_an_earlier_version_is_known_by_its_names(tmp_path):
  (tmp_path / "pictures").mkdir()
  for name in ("index.txt", "pictures/0.txt", "pictures/1.txt"):
    (tmp_path / name).write_text("old")
  earlier = {"earlier": lambda directory: ["index.txt", "pictures/0.txt", "pictures/gone.txt"]}
  with pytest.raises(InputError, match=r"pictures/1\.txt would be replaced"):
    write(tmp_path, "index.txt", **earlier)
  (tmp_path / "pictures" / "1.txt").rename(tmp_path / "pictures" / "1.jpg")
  write(tmp_path, "index.txt", **earlier)
  assert content(tmp_path) == {"index.txt": "ours index.txt", "pictures/1.jpg": "old"}


def test_an_output_that_is_holds_or_lies_in_the_input_is_refused(tmp_path):
  frames = tmp_path / "gate" / "pictures"
  frames.mkdir(parents=True)
  link = tmp_path / "link"
  link.symlink_to(tmp_path / "gate")
  for output, word in (
    (frames, "is"), (link / "pictures", "is"), (tmp_path / "gate", "holds"), (tmp_path, "holds"),
    (link, "holds"), (frames / "out", "lies in"), (link / "pictures" / "a" / "b", "lies in"),
    (frames / ".." / "pictures" / "out", "lies in"),
  ):  # fmt: skip
    with pytest.raises(InputError, match=f"{word} the input"):
      folder(output).check(frames)
  folder(tmp_path / "gate" / "out").check(frames)
  folder(tmp_path / "other").check(frames, tmp_path / "nothing")
  (tmp_path / "file").write_text("")
  with pytest.raises(InputError, match="is not a folder"):
    folder(tmp_path / "file").check()
  folder(tmp_path).check(tmp_path / "file")


def test_all_files_have_the_mode_of_new_files(tmp_path):
  before = os.umask(0o027)
  try:
    with folder(tmp_path / "out").replacing() as partial:
      for name, mode in (("index.txt", 0o600), ("pictures/0.txt", 0o666)):
        (partial / name).parent.mkdir(mode=0o700, exist_ok=True)
        (partial / name).write_text("")
        (partial / name).chmod(mode)
  finally:
    os.umask(before)
  modes = {
    path.relative_to(tmp_path).as_posix(): oct(stat.S_IMODE(path.stat().st_mode))
    for path in tmp_path.rglob("*")
  }
  files = ("index.txt", "pictures/0.txt", "trial_files.json")
  assert modes == {
    **{f"out/{name}": oct(0o640) for name in files}, "out": oct(0o750),
    "out/pictures": oct(0o750),
  }  # fmt: skip


def test_what_a_killed_call_left_goes_with_the_next(tmp_path):
  write(tmp_path, "index.txt")
  process = os.fork()
  if not process:
    with folder(tmp_path).replacing() as partial:
      (partial / "index.txt").write_text("half")
      os._exit(9)
  os.waitpid(process, 0)
  (tmp_path / ".trial_unfinished-mine").mkdir()
  assert len(list(tmp_path.glob(".trial_unfinished*"))) == 2
  write(tmp_path, "index.txt")
  assert [path.name for path in tmp_path.glob(".trial_unfinished*")] == [".trial_unfinished-mine"]
