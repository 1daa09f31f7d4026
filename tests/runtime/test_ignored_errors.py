"""A request to stop that falls into a finalizer comes again, without a traceback."""

import _thread
import os
import signal
import subprocess
import sys
import time

import pytest

from cosam_jax.errors import Preempted
from cosam_jax.runtime.ignored_errors import send_again
from cosam_jax.runtime.stop_requests import StopRequests


class Gone:
  """Its finalizer is where the signal comes."""

  def __init__(self, number):
    self.number = number

  def __del__(self):
    os.kill(os.getpid(), self.number)
    for _ in range(1000):
      pass


def lose(number):
  """Sends a signal into a finalizer, then works on."""
  gone = Gone(number)
  del gone
  time.sleep(5)
  pytest.fail("it was lost")


def lose_ctrl_c():
  before = send_again(KeyboardInterrupt, signal.SIGINT)
  try:
    with pytest.raises(KeyboardInterrupt):
      lose(signal.SIGINT)
  finally:
    sys.unraisablehook = before


def test_ctrl_c_comes_again(capsys):
  lose_ctrl_c()
  assert capsys.readouterr().err == ""


def test_a_slow_end_of_the_hook_is_waited_for(monkeypatch):
  """On a machine under load, the signal could come while the hook still runs, and be lost."""
  start = _thread.start_new_thread

  def slow_start(*arguments):
    start(*arguments)
    began = time.monotonic()
    while time.monotonic() - began < 0.2:
      pass

  monkeypatch.setattr(_thread, "start_new_thread", slow_start)
  lose_ctrl_c()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_request_comes_again_and_is_the_first_one(name, capfd):
  def heard():
    raise Preempted(by=requests.by)

  before = sys.unraisablehook
  with StopRequests(heard) as requests:
    with pytest.raises(Preempted) as raised:
      lose(getattr(signal, name))
    assert raised.value.by == name
    os.kill(os.getpid(), signal.SIGTERM)  # A second one changes nothing.
  assert sys.unraisablehook is before
  assert "Traceback" not in capfd.readouterr().err


def test_other_errors_are_told_as_ever():
  code = """
import signal
from cosam_jax.runtime.ignored_errors import send_again
send_again(KeyboardInterrupt, signal.SIGINT)
class Gone:
  def __del__(self):
    raise ValueError("a bug")
Gone()
"""
  done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
  assert "ValueError: a bug" in done.stderr
