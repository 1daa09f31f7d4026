"""`--quiet`: nothing but warnings and errors."""

import io
import os
import subprocess
import sys

import layouts
import numpy as np
import tiny
import tqdm

from cosam_jax.runtime.quiet import only_warnings, show, warn


class Terminal(io.StringIO):
  def isatty(self):
    return True


def test_of_what_is_printed_warnings_and_errors_are_shown():
  terminal = Terminal()
  with only_warnings(terminal):
    print("step 20  loss 3.6")
    warn("a frame is missing")
    print("warning: a line of somebody else's, in what a mode prints")
    print("all is well")
    show("error: a count is wrong\n  0001C1T0001F001.jpg")
    print("an unfinished line", end="")
    print("to stderr", file=sys.stderr)
    for _ in tqdm.tqdm(range(3), disable=None):
      pass
  wanted = ["warning: a frame is missing", "error: a count is wrong", "  0001C1T0001F001.jpg"]
  assert terminal.getvalue().splitlines() == [*wanted, "to stderr"]


def test_otherwise_warnings_are_printed_like_everything_else(capsys):
  warn("a frame is missing")
  assert capsys.readouterr().out == "warning: a frame is missing\n"


def run(*arguments, **environment):
  command = [sys.executable, "-m", "cosam_jax.main", "--quiet", *arguments]
  return subprocess.run(
    command, capture_output=True, text=True, timeout=300, cwd=tiny.ROOT, check=False,
    env=os.environ | environment,
  )  # fmt: skip


def test_a_process_says_nothing_unless_something_is_wrong(tiny_synthetic, tmp_path):
  sound = run(*tiny.flags(tiny_synthetic), "--mode=doctor")
  assert (sound.returncode, sound.stdout, sound.stderr) == (0, "", "")
  root = layouts.mars(tmp_path)
  victim = root / "bbox_train" / "0007" / "0007C1T0001F002.jpg"
  victim.write_bytes(victim.read_bytes()[:100])
  damaged = run(f"--config={tiny.ROOT / 'configs' / 'mars.py'}", f"--data_dir={root}",
                "--mode=doctor")  # fmt: skip
  assert (damaged.returncode, damaged.stdout) == (2, "")
  assert str(victim) in damaged.stderr
  assert damaged.stderr.splitlines()[-1].startswith("error: ")


def test_nothing_is_said_of_accelerators_that_are_not_there(tmp_path):
  """JAX tries all of them if nobody names one, and would report each that is missing."""
  vectors = tmp_path / "vectors.npy"
  np.save(vectors, np.eye(4, dtype=np.float32))
  found = run("--mode=search", f"--query={vectors}", f"--gallery={vectors}",
              f"--output={tmp_path / 'found'}", JAX_PLATFORMS="")  # fmt: skip
  assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
  assert (tmp_path / "found" / "search.json").exists()
