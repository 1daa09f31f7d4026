"""A state that does not fit on the disk is refused before a byte is written."""

import errno
import shutil
import types

import numpy as np
import pytest

from cosam_jax.training.disk_room import check_room


def test_room_for_the_arrays_and_their_index(tmp_path, monkeypatch):
  state = {"a": np.zeros(1 << 18, np.float32), "b": [np.zeros(1 << 10, np.uint8)]}
  needed = (1 << 20) + (1 << 10) + (256 << 10)
  free = needed
  monkeypatch.setattr(shutil, "disk_usage", lambda folder: types.SimpleNamespace(free=free))
  check_room(tmp_path, state)
  free -= 1
  with pytest.raises(OSError, match=r": 1,281 KiB needed, 1,280 free") as raised:
    check_room(tmp_path, state)
  assert raised.value.filename == str(tmp_path)
  assert raised.value.errno == errno.ENOSPC
