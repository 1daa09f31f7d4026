"""A folder has one holder: real processes that hold it, end or are killed, and other machines'."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
import tiny
from forks import FORKS

from cosam_jax.errors import InputError, TryLaterError
from cosam_jax.runtime import holder, holder_record

HOLD = """
import sys, time
from cosam_jax.runtime import holder
with holder.held(__import__("pathlib").Path(sys.argv[1]), "train") as held:
  if sys.argv[2] == "ending":
    held.ending()
    while b'"ending"' not in open(sys.argv[1] + "/.holder", "rb").read():
      time.sleep(0.01)
  print("held", flush=True)
  time.sleep(float(sys.argv[3]))
"""


def other_process(folder, state="working", seconds=60.0):
  """Starts a process, and returns it once it holds the folder."""
  process = subprocess.Popen(
    [sys.executable, "-c", HOLD, str(folder), state, str(seconds)],
    cwd=tiny.ROOT, stdout=subprocess.PIPE, text=True,
  )  # fmt: skip
  assert process.stdout.readline() == "held\n"
  return process


def hold(folder, mode="train"):
  with holder.held(folder, mode):
    return


def test_a_second_one_is_refused_by_name_and_a_kill_sets_it_free(tmp_path, monkeypatch):
  monkeypatch.setattr(holder, "_PATIENCE", 0.3)
  process = other_process(tmp_path / "run")
  words = rf"run is held by process {process.pid} on \S+ \(--mode=train, since \d{{4}}-.*\)"
  with pytest.raises(InputError, match=words + ", and --mode=embed would write there too"):
    hold(tmp_path / "run", "embed")
  process.send_signal(signal.SIGKILL)
  process.wait()
  assert (tmp_path / "run" / ".holder").exists()
  began = time.monotonic()
  with holder.held(tmp_path / "run", "embed"):
    assert time.monotonic() - began < 2
  assert os.listdir(tmp_path / "run") == []


def test_one_that_was_asked_to_stop_is_waited_for(tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(holder, "_PATIENCE", 0.3)
  process = other_process(tmp_path, "ending", 1.5)
  with holder.held(tmp_path, "train"):
    assert process.wait() == 0
  assert f"held by process {process.pid}" in capsys.readouterr().out
  process = other_process(tmp_path, "ending")
  monkeypatch.setattr(holder, "ENDING_PATIENCE", 0.5)
  with pytest.raises(TryLaterError, match="still at work after 0 s: run the same command again"):
    hold(tmp_path)
  process.kill()
  process.wait()


def elsewhere(folder, **more) -> dict:
  """Writes the record of a holder on another machine; returns its words."""
  about = {"host": "node7", "boot": "another", "pid": 12, "mode": "train", "since": "today"}
  write(folder, about | {"beat": 1} | more)
  return about


def write(folder, content) -> None:
  (folder / ".holder").write_text(json.dumps(content))


def test_another_machines_process_is_believed_as_long_as_it_writes(tmp_path, monkeypatch, capsys):
  """The file's lock does not reach its machine, so that this machine could take it."""
  about, stop = elsewhere(tmp_path), threading.Event()

  def beat():
    for count in range(2, 1000):
      if stop.wait(0.5):
        return
      write(tmp_path, about | {"beat": count})

  thread = threading.Thread(target=beat)
  thread.start()
  try:
    with pytest.raises(
      InputError, match=r"held by process 12 on node7 \(--mode=train, since today"
    ):
      hold(tmp_path)
  finally:
    stop.set()
    thread.join()
  assert "waiting up to 60 s" in capsys.readouterr().out
  # A silent holder is believed until its record is stale by the disk's times.
  monkeypatch.setattr(holder, "STALE", 1.0)
  elsewhere(tmp_path)
  began = time.monotonic()
  with holder.held(tmp_path, "train"):
    assert 0.8 < time.monotonic() - began < 10
  elsewhere(tmp_path)
  os.utime(tmp_path / ".holder", (time.time() - 3600,) * 2)
  hold(tmp_path)
  assert os.listdir(tmp_path) == []


def test_on_a_disk_without_locks_the_words_decide(tmp_path, monkeypatch):
  def without(*_):
    raise OSError(errno.ENOTSUP, "no locks here")

  process = other_process(tmp_path)
  monkeypatch.setattr("fcntl.flock", without)
  # It writes again within ten seconds; here the test writes for it at once.
  words = json.loads((tmp_path / ".holder").read_text())
  threading.Timer(0.5, lambda: write(tmp_path, words | {"beat": 77})).start()
  with pytest.raises(InputError, match=f"held by process {process.pid} "):
    hold(tmp_path)
  process.kill()
  process.wait()
  hold(tmp_path)


def test_who_was_taken_for_gone_notices_before_it_writes(tmp_path):
  with holder.held(tmp_path, "train") as held:
    held.check()
    (tmp_path / ".holder").unlink()
    elsewhere(tmp_path)
    with pytest.raises(InputError, match="taken over by process 12 on node7"):
      held.check()
  assert (tmp_path / ".holder").exists()  # The other holder's.


@pytest.mark.parametrize(
  "content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"pid": "x"}', b"[" * 90_000]
)
def test_words_that_cannot_be_read_are_nobodys(tmp_path, content):
  (tmp_path / ".holder").write_bytes(content)
  assert holder_record.read(tmp_path / ".holder") is None
  hold(tmp_path)


def test_a_place_that_cannot_be_held_is_one_sentence(tmp_path):
  (tmp_path / "file").write_text("")
  (tmp_path / "run" / ".holder").mkdir(parents=True)
  for folder in (tmp_path / "file", tmp_path / "file" / "run", tmp_path / "run"):
    with pytest.raises(InputError, match=rf"workdir {folder} cannot be used .* writable"):
      hold(folder)


def test_folders_that_were_made_for_nothing_go(tmp_path):
  with holder.held(tmp_path / "a" / "b", "train"):
    assert (tmp_path / "a" / "b" / ".holder").exists()
  assert os.listdir(tmp_path) == []
  with holder.held(tmp_path / "a" / "b", "train"):
    (tmp_path / "a" / "b" / "results.json").write_text("")
  assert os.listdir(tmp_path / "a" / "b") == ["results.json"]


@pytest.mark.slow
def test_every_mode_that_writes_there_is_refused_and_others_are_not(tmp_path, tiny_synthetic):
  """Runs the command itself in a workdir that this process holds."""
  run, outside = tmp_path / "run", f"--output={tmp_path / 'elsewhere'}"
  given, place = tiny.flags(tiny_synthetic), f"--workdir={run}"
  pictures = f"--input={tiny_synthetic}"
  commands = [
    *[[*given, place, f"--mode={mode}"] for mode in (
      "train", "evaluate", "embed", "masks", "attention", "benchmark", "report")],
    [place, "--mode=embed", pictures], [place, "--mode=export"],
    [place, "--mode=masks", pictures], [place, "--mode=search", "--query=a", "--gallery=b"],
    ["--mode=evaluate", f"--embeddings={run / 'embeddings.npz'}"],
    ["--mode=sensitivity", place, f"--embeddings={tmp_path / 'embeddings.npz'}"],
    [place, "--mode=export", f"--output={run / 'there'}"],
  ]  # fmt: skip
  free = [
    [place, "--mode=export", outside], [place, "--mode=tables"],
    ["--mode=compare", place, "a", "b"],
  ]  # fmt: skip
  impatient = "from cosam_jax.runtime import holder\nholder._PATIENCE = 0.0\n" + FORKS
  with holder.held(run, "train"):
    started = subprocess.run(
      [sys.executable, "-c", impatient, json.dumps(commands + free)], cwd=tmp_path,
      env=os.environ | {"PYTHONPATH": str(tiny.ROOT)}, capture_output=True, check=False,
    )  # fmt: skip
    assert started.returncode == 0, started.stderr
  for i, arguments in enumerate(commands + free):
    said = (tmp_path / f"{i}.err").read_text()
    assert (tmp_path / f"{i}.status").read_text() == "2", (arguments, said)
    wanted = rf"error: \S+run is held by process {os.getpid()} on .*\n"
    assert bool(re.fullmatch(wanted, said)) == (arguments in commands), (arguments, said)
