"""Each example runs as a real process, learns, and leaves the pictures that it names."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
import tiny
from PIL import Image


@pytest.mark.slow
def test_cosam_in_a_network_that_is_not_ours(tmp_path):
  done = subprocess.run(
    [
      sys.executable,
      tiny.ROOT / "docs/examples/any_backbone.py",
      f"--out={tmp_path}",
      "--steps=24",
    ],
    cwd=tmp_path,
    env=os.environ | {"PYTHONPATH": str(tiny.ROOT)},
    capture_output=True,
    text=True,
    timeout=300,
  )
  assert done.returncode == 0, done.stderr
  losses = np.array(re.findall(r"^step \d+/24  loss (\S+)$", done.stdout, re.MULTILINE), float)
  assert len(losses) == 24
  assert np.isfinite(losses).all()
  assert losses[-8:].mean() < losses[:8].mean()
  assert f"masks: {tmp_path / 'masks' / 'overview.png'}" in done.stdout
  strips = sorted((tmp_path / "masks").glob("*_cosam_2_4.png"))
  assert len(strips) == 8
  # Frames are drawn in colours, masks from blue to yellow; a sheet without either is grey.
  for path in [*strips, tmp_path / "masks" / "overview.png"]:
    picture = np.asarray(Image.open(path).convert("HSV"))
    assert (picture[..., 1] > 60).mean() > 0.2, path
