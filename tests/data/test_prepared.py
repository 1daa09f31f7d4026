"""Prepared sets that are interrupted, refused or damaged."""

import errno
import os
import pathlib
import signal
import subprocess
import sys

import layouts
import prepared_sets
import pytest
import tensorflow_datasets as tfds

from cosam_jax.data import builders, prepared
from cosam_jax.errors import InputError


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
  return layouts.mars(tmp_path_factory.mktemp("mars"))


def test_checksums_are_compared_on_reading():
  good = {"image": b"abc", "crc32": 0x352441C2}
  store = prepared.RecordStore([good, {**good, "image": b"abd"}], "train", "/data/mars")
  assert store.read(0) == b"abc"
  with pytest.raises(InputError, match=r"record 1 of train in /data/mars has checksum \w+, but"):
    store.read(1)


def _cut(path):
  path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize(
  ("file", "change", "message"),
  [
    (
      "mars-gallery.array_record-00000-of-00001",
      pathlib.Path.unlink,
      "of-00001 is missing .1 such",
    ),
    ("metadata.json", pathlib.Path.unlink, "are not those of a prepared set of format 1"),
    ("metadata.json", _cut, "metadata.json cannot be read"),
    ("dataset_info.json", _cut, "dataset_info.json of the prepared mars in .* cannot be read"),
    ("dataset_info.json", pathlib.Path.unlink, "no complete prepared set"),
  ],
)
def test_half_a_copy_of_a_set_is_refused(unpacked, tmp_path, file, change, message):
  copy = tmp_path / "copy"
  builders.prepare("mars", unpacked, copy)
  change(copy / "mars" / "1.0.0" / file)
  with pytest.raises(InputError, match=message) as caught:
    builders.load_prepared("mars", copy)
  assert "\n" not in str(caught.value)
  with pytest.raises(InputError, match=r"prepare it again"):
    builders.prepare("mars", unpacked, copy)


CHILD = """
import sys, time
from cosam_jax.data import builders, tracklets

def stop(*args, **kwargs):
  print("here", flush=True)
  time.sleep(600)

stage = sys.argv[1]
if stage == "reading":
  read = tracklets.FilePaths.read
  tracklets.FilePaths.read = lambda self, frame: stop() if frame == 7 else read(self, frame)
else:  # All records are written, and the description of the data set is not.
  import tensorflow_datasets as tfds
  tfds.core.DatasetInfo.write_to_directory = stop
builders.prepare("mars", sys.argv[2], sys.argv[3])
"""


@pytest.mark.slow
def test_a_killed_preparation_leaves_nothing_that_looks_complete(unpacked, tmp_path):
  children = {
    stage: subprocess.Popen(
      [sys.executable, "-c", CHILD, stage, unpacked, tmp_path / stage],
      stdout=subprocess.PIPE,
      stderr=subprocess.DEVNULL,
      text=True,
    )
    for stage in ("reading", "finishing")
  }
  try:
    for stage, child in children.items():
      assert any(line == "here\n" for line in child.stdout), "the child ended too early"
      with pytest.raises(InputError, match="another process is preparing"):
        builders.prepare("mars", unpacked, tmp_path / stage)
      child.send_signal(signal.SIGKILL)
      assert child.wait(30) == -signal.SIGKILL
      left = [path.name for path in (tmp_path / stage / "mars").iterdir()]
      assert any(name.startswith("incomplete.") for name in left)
      assert "1.0.0" not in left
      with pytest.raises(InputError, match=r"no complete prepared set of mars .*--mode=prepare"):
        builders.load_prepared("mars", tmp_path / stage)
      builders.prepare("mars", unpacked, tmp_path / stage)
      assert prepared_sets.verified("mars", tmp_path / stage) == 10 + 5 + 7
      left = {path.name for path in (tmp_path / stage / "mars").iterdir()}
      assert left == {"1.0.0", ".preparing"}
  finally:
    for child in children.values():
      child.kill()
      child.wait(30)
      child.stdout.close()


def test_a_full_disk_is_one_sentence_and_leaves_nothing(unpacked, tmp_path, monkeypatch):
  def full(path, iterator):
    pathlib.Path(path).write_bytes(b"half")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

  adapter = tfds.core.file_adapters.ArrayRecordFileAdapter
  with monkeypatch.context() as patch:
    patch.setattr(adapter, "write_examples", full)
    with pytest.raises(InputError, match="No space left") as caught:
      builders.prepare("mars", unpacked, tmp_path)
  assert "\n" not in str(caught.value)
  assert {path.name for path in (tmp_path / "mars").iterdir()} == {".preparing", "shards.1.0.0"}
  builders.prepare("mars", unpacked, tmp_path)
