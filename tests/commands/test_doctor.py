"""`--mode=doctor`: what is missing or damaged is found and counted, and none of it stops it."""

import calls
import layouts
import pytest
import tiny

from cosam_jax.commands.doctor import doctor
from cosam_jax.errors import InputError


def test_a_sound_set_has_no_errors(tiny_synthetic, capsys):
  calls.run("doctor", tiny.config(tiny_synthetic))
  said = capsys.readouterr()
  assert "frames decoded: " in said.out
  assert said.err == ""


def test_missing_and_damaged_frames_are_errors_and_not_the_end(tmp_path, capsys):
  root = layouts.mars(tmp_path / "mars")
  missing, damaged = (root / "bbox_train" / "0007" / f"0007C1T0001F00{i}.jpg" for i in (2, 3))
  missing.unlink()
  damaged.write_bytes(damaged.read_bytes()[:100])
  config = tiny.config(root, data__name="mars", data__check_files=True)
  errors = doctor(config)
  said = capsys.readouterr()
  assert errors >= 1
  for path in (missing, damaged):
    assert path.name in said.out + said.err
  with pytest.raises(InputError, match=rf"{root} has {errors} error\(s\), listed above: repair"):
    calls.run("doctor", config)
  assert config.data.check_files  # The caller's configuration stays as it is.
