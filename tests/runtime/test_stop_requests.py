"""Requests to stop are heard once; a second Ctrl-C ends a process whatever its libraries do."""

import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest

from cosam_jax.errors import Preempted, stop_signals
from cosam_jax.runtime.stop_requests import StopRequests, in_words, status_after

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGINT")


@pytest.mark.parametrize("name", NAMES)
def test_a_request_is_heard_once(name):
  heard = []
  before = {number: signal.getsignal(number) for number in stop_signals()}
  with StopRequests(lambda: heard.append(1)) as requests:
    requests.check("nobody asked")
    os.kill(os.getpid(), getattr(signal, name))
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(Preempted, match="while it worked") as raised:
      requests.check("while it worked")
  assert (raised.value.by, requests.by, heard) == (name, name, [1])
  assert {number: signal.getsignal(number) for number in stop_signals()} == before
  assert signal.set_wakeup_fd(-1) == -1
  with requests:
    requests.check("an earlier one does not count")


def test_status_and_name():
  assert [status_after(name) for name in NAMES] == [75, 75, 75, 130]
  assert [in_words(name) for name in NAMES] == [*NAMES[:3], "Ctrl-C"]


def test_another_thread_hears_none():
  before, found = signal.getsignal(signal.SIGTERM), []

  def work():
    with StopRequests() as requests:
      requests.listen()
      found.append(signal.getsignal(signal.SIGTERM))

  thread = threading.Thread(target=work)
  thread.start()
  thread.join()
  assert found == [before]


COMPUTES = """
import hashlib, os
from cosam_jax.runtime.stop_requests import StopRequests
with StopRequests(at_once=lambda: os.write(1, b"killed its children")):
  os.write(2, b"up\\n")
  hashlib.pbkdf2_hmac("sha256", b"a", b"b", 2**31 - 1)  # Minutes in C, as in a compiler.
"""


def test_a_second_ctrl_c_ends_at_once_while_a_library_computes():
  process = subprocess.Popen(
    [sys.executable, "-c", COMPUTES], cwd=ROOT, text=True,
    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
  )  # fmt: skip
  for sentence in ("up", "finishing and saving what has begun; a second Ctrl-C ends at once"):
    while sentence not in process.stderr.readline():
      assert process.poll() is None
    process.send_signal(signal.SIGINT)
  out, errors = process.communicate(timeout=60)
  assert (process.returncode, out) == (130, "killed its children")
  assert "goes on from what is saved or begins anew" in errors
