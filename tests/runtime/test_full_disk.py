"""A write that finds no room names its file, in a process whose files may be 10 KiB large."""

import errno
import subprocess
import sys

import pytest

from cosam_jax.runtime.full_disk import is_full, is_limited, naming

LIMITED = """
import pathlib, resource, sys
import numpy as np
from cosam_jax.runtime.full_disk import naming
from cosam_jax.runtime.output_folders import OutputFolder
from cosam_jax.runtime.refusals import status_of
from cosam_jax.runtime.whole_files import whole_file

resource.setrlimit(resource.RLIMIT_FSIZE, (10240, 10240))
place = pathlib.Path(sys.argv[2])

def write():
  if sys.argv[1] == "folder":
    with OutputFolder(place, "search", ("*.txt",), "a.txt").replacing() as folder:
      (folder / "a.txt").write_text("a" * 20000)
  with whole_file(place / "a.npz") as file:
    np.savez(file, a=np.zeros(10000))

sys.exit(status_of(write))
"""


@pytest.mark.parametrize(("how", "name"), [("folder", ""), ("file", "/a.npz")])
def test_the_place_is_named(how, name, tmp_path):
  place = tmp_path / "out"
  done = subprocess.run(
    [sys.executable, "-c", LIMITED, how, str(place)], capture_output=True, text=True, check=False
  )
  assert done.returncode == 2
  assert done.stderr == (
    f"error: File too large ({place}{name}): raise the limit on the size of files (ulimit -f), or "
    "give another place, and run the same command again\n"
  )
  assert not place.exists() or not list(place.iterdir())


def test_only_a_lack_of_room_is_named_and_only_without_a_name():
  for number, wanted in ((errno.ENOSPC, "here"), (errno.EFBIG, "here"), (errno.EIO, None)):
    with pytest.raises(OSError, match="words") as raised, naming("here"):
      raise OSError(number, "words")
    assert raised.value.filename == wanted
  with pytest.raises(OSError, match="words") as raised, naming("here"):
    raise OSError(errno.ENOSPC, "words", "there")
  assert raised.value.filename == "there"
  assert is_full(raised.value)
  assert not is_limited(raised.value)
  assert is_limited(OSError(errno.EFBIG, "words"))
