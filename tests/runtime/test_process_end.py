"""Processes end soon and with their status, whatever is left in them."""

import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from cosam_jax.commands.registry import CONTINUING
from cosam_jax.errors import stop_signals
from cosam_jax.runtime import early_stop

ROOT = pathlib.Path(__file__).resolve().parents[2]

START = """
import atexit, os, signal, sys, threading, time
from cosam_jax.runtime import process_end
class Sleeper:
  def __del__(self, sleep=time.sleep):
    sleep(1000)
print("begun")
"""


def run(body: str, seconds: float = 120) -> subprocess.CompletedProcess:
  """Runs a process whose output is a pipe, so that Python keeps it in a buffer."""
  return subprocess.run(
    [sys.executable, "-c", START + textwrap.dedent(body)],
    env=os.environ | {"PYTHONUNBUFFERED": ""},
    capture_output=True,
    text=True,
    timeout=seconds,
  )


@pytest.mark.parametrize(
  ("code", "status", "errors"),
  [
    ("", 0, ""),
    ("0", 0, ""),
    ("75", 75, ""),
    ("-1", 255, ""),
    ("'it is wrong'", 1, "it is wrong\n"),
  ],
)
def test_the_status_is_that_of_sys_exit(code, status, errors):
  done = run(f"with process_end.prompt(): sys.exit({code})")
  assert (done.returncode, done.stdout, done.stderr) == (status, "begun\n", errors)


def test_threads_and_exit_functions_do_their_work_first():
  done = run("""
    @atexit.register
    def last():
      print("last")
    def work():
      time.sleep(0.5)
      print("work")
    with process_end.prompt():
      threading.Thread(target=work).start()
      sys.exit(3)
  """)
  assert (done.returncode, done.stdout, done.stderr) == (3, "begun\nwork\nlast\n", "")


def test_what_python_would_take_apart_is_left():
  done = run("""
    kept = Sleeper()
    with process_end.prompt(1000):
      sys.exit(4)
  """)
  assert (done.returncode, done.stdout) == (4, "begun\n")


@pytest.mark.parametrize(
  "stuck",
  [
    "atexit.register(time.sleep, 1000)",
    "threading.Thread(target=time.sleep, args=[1000]).start()",
  ],
)
def test_what_does_not_end_is_left_in_the_end(stuck):
  began = time.monotonic()
  done = run(f"""
    {stuck}
    with process_end.prompt(1):
      sys.exit(5)
  """)
  assert (done.returncode, done.stdout) == (5, "begun\n")
  assert time.monotonic() - began >= 1


def test_a_signal_at_the_end_changes_nothing():
  done = run("""
    from cosam_jax.errors import stop_signals
    def stop(number, frame):
      raise RuntimeError("stopped")
    atexit.register(print, "last")
    assert len(stop_signals()) == 4
    for number in stop_signals():
      signal.signal(number, stop)
      atexit.register(os.kill, os.getpid(), number)
    with process_end.prompt():
      sys.exit(6)
  """)
  assert (done.returncode, done.stdout, done.stderr) == (6, "begun\nlast\n", "")


def test_what_cannot_be_written_is_a_failure():
  command = f"{sys.executable} -c '{START}\nwith process_end.prompt(): sys.exit(0)' > /dev/full"
  done = subprocess.run(command, shell=True, env=os.environ | {"PYTHONUNBUFFERED": ""}, timeout=120)
  assert done.returncode == 1


def test_other_exceptions_pass():
  done = run("""
    with process_end.prompt():
      raise ValueError("a bug")
  """)
  assert done.returncode == 1
  assert done.stderr.startswith("Traceback")
  assert done.stderr.endswith("ValueError: a bug\n")


def catches(process: subprocess.Popen, number: int) -> bool:
  """Whether a process has a handler of its own for a signal."""
  status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
  return bool(int(status.split("SigCgt:")[1].split()[0], 16) >> (number - 1) & 1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
@pytest.mark.parametrize(
  ("name", "status", "sentence"),
  [
    ("SIGTERM", 75, "SIGTERM outside the training steps: the same command goes on"),
    ("SIGHUP", 75, "SIGHUP outside the training steps: the same command goes on"),
    ("SIGINT", 130, "Ctrl-C before any work: the same command begins it"),
  ],
)
def test_a_signal_while_libraries_load_ends_training_so_that_it_is_queued_again(
  tmp_path, name, status, sentence
):
  """The signal comes as soon as the process listens, long before its libraries are loaded.

  Schedulers know status 75; Ctrl-C is a person's.
  """
  process = subprocess.Popen(
    [sys.executable, "-m", "cosam_jax.main", "--config=none.py", f"--workdir={tmp_path / 'run'}"],
    cwd=ROOT, stderr=subprocess.PIPE, text=True,
  )  # fmt: skip
  while not catches(process, signal.SIGTERM):  # The last one that it listens to.
    assert process.poll() is None
    time.sleep(0.001)
  process.send_signal(getattr(signal, name))
  _, errors = process.communicate(timeout=60)
  assert process.returncode == status, errors
  assert errors == f"stopped by {sentence}\n"
  assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
  ("arguments", "listens"),
  [
    (["main"], True),
    (["main", "--mode=train"], True),
    (["main", "--mode", "train", "--config=a"], True),
    (["main", "--mode=evaluate"], False),
    (["main", "-mode", "doctor"], False),
  ],
)
def test_training_alone_is_begun_again(arguments, listens):
  before = {number: signal.getsignal(number) for number in stop_signals()}
  try:
    early_stop.install(arguments, CONTINUING)
    changed = {
      number: signal.getsignal(number) is not handler for number, handler in before.items()
    }
    assert changed.pop(signal.SIGINT)  # In no mode it leaves a traceback of libraries.
    early_stop.work_begins()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
  finally:
    for number, handler in before.items():
      signal.signal(number, handler)
  assert set(changed.values()) == {listens}
