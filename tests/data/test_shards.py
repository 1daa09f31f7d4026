"""Preparation in shards: finished ones are kept over a kill or a failure, unless frames changed."""

import errno
import os
import pathlib
import signal
import subprocess
import sys

import layouts
import prepared_sets
import pytest

from cosam_jax.data import builders, load_dataset, shards, tracklets
from cosam_jax.errors import InputError

FRAMES = 4
"""Frames of a shard here: the splits' 10, 5 and 7 frames make 3, 2 and 2 shards."""

CHILD = """
import sys, time
from cosam_jax.data import builders, shards, tracklets
shards.FRAMES = int(sys.argv[1])
read, count = tracklets.FilePaths.read, 0

def slow(self, frame):
  global count
  count += 1
  if count > int(sys.argv[2]):
    print("here", flush=True)
    time.sleep(600)
  return read(self, frame)

tracklets.FilePaths.read = slow
builders.prepare("mars", sys.argv[3], sys.argv[4])
"""


@pytest.fixture
def unpacked(tmp_path):
  return layouts.mars(tmp_path / "set")


@pytest.fixture
def read(monkeypatch):
  """Makes shards of `FRAMES` frames; lists the names of all frames that are read."""
  monkeypatch.setattr(shards, "FRAMES", FRAMES)
  names, original = [], tracklets.FilePaths.read

  def noted(self, frame):
    names.append(self.name(frame))
    return original(self, frame)

  monkeypatch.setattr(tracklets.FilePaths, "read", noted)
  return names


def left(tmp_path) -> list[pathlib.Path]:
  return sorted(
    path for path in (tmp_path / "out" / "mars" / "shards.1.0.0").iterdir() if not path.suffix
  )


def frames_in_order(unpacked) -> list[str]:
  """The names of all 22 frames in packing order, without the module under test."""
  tables = load_dataset("mars", unpacked)
  return [
    table.frames.name(frame)
    for table in (tables.train, tables.query, tables.gallery)
    for row in range(len(table))
    for frame in table.frame_ids(row).tolist()
  ]


def killed_after(reads: int, unpacked, tmp_path) -> None:
  """Starts a real process that prepares the set, and kills it after it has read so many frames."""
  child = subprocess.Popen(
    [sys.executable, "-c", CHILD, str(FRAMES), str(reads), unpacked, tmp_path / "out"],
    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
  )  # fmt: skip
  try:
    assert any(line == "here\n" for line in child.stdout), "the child ended too early"
  finally:
    child.send_signal(signal.SIGKILL)
    child.wait(30)
    child.stdout.close()


def test_finished_shards_are_not_packed_again(unpacked, tmp_path, read):
  frames = frames_in_order(unpacked)
  killed_after(13, unpacked, tmp_path)  # 10 of train, 3 of the query's first four.
  assert len(left(tmp_path)) == 3
  packed = builders.prepare("mars", unpacked, tmp_path / "out")
  assert read == frames[10:]
  assert prepared_sets.verified("mars", tmp_path / "out") == 22
  again = [
    table.frames.read(frame)
    for table in (packed.train, packed.query, packed.gallery)
    for row in range(len(table))
    for frame in table.frame_ids(row).tolist()
  ]
  assert again == [pathlib.Path(name).read_bytes() for name in frames]
  folder = tmp_path / "out" / "mars"
  assert sorted(path.name for path in folder.iterdir()) == [".preparing", "1.0.0"]
  names = [path.name for path in (folder / "1.0.0").glob("*.array_record*")]
  assert sorted(names) == [
    f"mars-{split}.array_record-{i:05d}-of-{count:05d}"
    for split, count in (("gallery", 2), ("query", 2), ("train", 3))
    for i in range(count)
  ]


def test_a_killed_shard_whose_frames_changed_is_packed_again(unpacked, tmp_path, read):
  frames = frames_in_order(unpacked)
  killed_after(10, unpacked, tmp_path)
  layouts.image(pathlib.Path(frames[5]), color=(1, 2, 3))
  packed = builders.prepare("mars", unpacked, tmp_path / "out")
  assert read == frames[4:8] + frames[10:]
  assert packed.train.frames.read(5) == pathlib.Path(frames[5]).read_bytes()


@pytest.mark.slow
def test_a_damaged_shard_is_packed_again(unpacked, tmp_path, read):
  frames = frames_in_order(unpacked)
  killed_after(10, unpacked, tmp_path)
  paths = left(tmp_path)
  assert len(paths) == 3
  paths[0].write_bytes(paths[0].read_bytes()[:-100])
  data = bytearray(paths[1].read_bytes())
  place = data.find(b"\xff\xd8") + 30  # In a picture.
  data[place] ^= 0xFF
  paths[1].write_bytes(data)
  builders.prepare("mars", unpacked, tmp_path / "out")
  assert sum(name in frames[:10] for name in read) == len(read) - 12 >= 6
  assert prepared_sets.verified("mars", tmp_path / "out") == 22


def test_a_failure_keeps_what_is_done(unpacked, tmp_path, read, monkeypatch):
  frames = frames_in_order(unpacked)
  works = tracklets.FilePaths.read

  def fail(self, frame):
    if self.name(frame) == frames[12]:
      raise OSError(errno.EIO, os.strerror(errno.EIO))
    return works(self, frame)

  with monkeypatch.context() as patch:
    patch.setattr(tracklets.FilePaths, "read", fail)
    with pytest.raises(InputError, match=f"{pathlib.Path(frames[12]).name} .*Input/output error"):
      builders.prepare("mars", unpacked, tmp_path / "out")
  assert read == frames[:12]
  read.clear()
  builders.prepare("mars", unpacked, tmp_path / "out")
  assert read == frames[10:]


def test_without_hard_links_shards_are_moved(unpacked, tmp_path, monkeypatch):
  def refuse(*arguments):
    raise OSError("no hard links here")

  monkeypatch.setattr(os, "link", refuse)
  builders.prepare("mars", unpacked, tmp_path / "out")
  assert prepared_sets.verified("mars", tmp_path / "out") == 22
