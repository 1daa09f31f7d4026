"""`--quiet`: nothing but warnings and errors."""

import io
import subprocess
import sys

import layouts
import tiny
import tqdm

from cosam_jax.quiet import only_warnings


class Terminal(io.StringIO):
  def isatty(self):
    return True


def test_of_what_is_printed_warnings_and_errors_are_shown():
  terminal = Terminal()
  with only_warnings(terminal):
    print("step 20  loss 3.6")
    print("warning: a frame", "is missing")
    print("  0001C1T0001F001.jpg")
    print("all is well")
    print("  and so is this")
    print("error: a count is wrong")
    print("an unfinished line", end="")
    print("to stderr", file=sys.stderr)
    for _ in tqdm.tqdm(range(3), disable=None):
      pass
  wanted = ["warning: a frame is missing", "  0001C1T0001F001.jpg", "error: a count is wrong"]
  assert terminal.getvalue().splitlines() == [*wanted, "to stderr"]


def run(*arguments):
  command = [sys.executable, "-m", "cosam_jax.main", "--quiet", *arguments]
  return subprocess.run(
    command, capture_output=True, text=True, timeout=300, cwd=tiny.ROOT, check=False
  )


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
