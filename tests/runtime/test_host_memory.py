"""Memory that is kept between steps goes back if two blocks of it would not fit."""

import subprocess
import sys

import pytest

from cosam_jax.runtime import host_memory

GIB = 2**30
PROGRAM = """
import sys
import numpy as np
from cosam_jax.runtime import host_memory

host_memory.AUTO_LEAST_BYTES = 0
choice, planned = sys.argv[1], int(sys.argv[2])
assert not host_memory.keeps()
if not host_memory.settle(choice):
  print("no glibc")
  sys.exit()
pages = 64 * 2**20

def held():
  return int(open("/proc/self/statm").read().split()[1]) * 4096

def used_and_left():
  before = held()
  array = np.ones(pages, np.uint8)
  during = held()
  del array
  return during - before > 0.9 * pages, held() - before > 0.9 * pages

print(*used_and_left())
print(host_memory.fit(planned, free=3 * 2**30))
print(*used_and_left())
assert host_memory.keeps() == host_memory._Kept.now
print(host_memory.keeps() and host_memory._held_bytes() >= pages)
array = np.ones(pages, np.uint8)
del array
before = held()
print(host_memory.bound(before + 1), host_memory.bound(before // 2), before - held() > 0.9 * pages)
"""


def run(choice, planned):
  done = subprocess.run(
    [sys.executable, "-c", PROGRAM, choice, str(planned)],
    capture_output=True, text=True, check=True, env={"JAX_PLATFORMS": "cpu", "PATH": ""},
  )  # fmt: skip
  if done.stdout == "no glibc\n":
    pytest.skip("memory is kept with the C library of Linux only")
  return done.stdout.splitlines()


def test_memory_that_fits_twice_is_kept():
  first, said, _, held, bound = run("auto", GIB)
  assert (first, said) == ("True True", "None")
  assert held == "True"  # What is kept is free for the next program, though the system counts it.
  assert bound == "False True True"  # What is held above the bound goes back, once.


def test_memory_that_fits_once_goes_back():
  first, said, later, held, bound = run("auto", 2 * GIB)
  assert first == "True True"
  assert said.startswith("a step needs 2.0 GiB of memory by its plan, and 3.0 GiB are free: memory")
  assert later == "True False"  # The system has it again as soon as it is free.
  assert held == "False"  # It counts as free by the system then.
  assert bound.startswith("False False")  # There is nothing to give back.


def test_who_asked_for_it_keeps_it_and_is_told_what_it_may_take():
  _, said, later, *_ = run("keep", 2 * GIB)
  assert said.endswith("twice as much; if the system ends this process, use --host_memory=return")
  assert later == "True True"
  assert run("keep", GIB)[1] == "None"


@pytest.mark.parametrize("choice", ["auto", "keep"])
def test_what_does_not_fit_at_all_is_said(choice):
  _, said, later, *_ = run(choice, 4 * GIB)
  assert said.startswith("a step needs 4.0 GiB of memory by its plan, and 3.0 GiB are free: if the")
  assert "train.accumulate" in said
  assert "model.remat" in said
  assert later == ("True False" if choice == "auto" else "True True")


def files(folder, available, **cgroup):
  (folder / "meminfo").write_text(f"MemTotal: 99 kB\nMemAvailable: {available} kB\n")
  for name, text in cgroup.items():
    (folder / f"memory.{name}").write_text(text)
  return host_memory.free_bytes(folder / "meminfo", folder, folder / "groups")


def test_free_memory_is_the_machines_or_the_containers(tmp_path):
  assert files(tmp_path, 1000) == 1000 * 1024
  limited = {"max": "700000\n", "current": "300000\n", "stat": "anon 5\ninactive_file 50000\n"}
  assert files(tmp_path, 1000, **limited) == 450_000
  assert files(tmp_path, 100, **limited) == 100 * 1024
  assert files(tmp_path, 1000, **(limited | {"max": "max\n"})) == 1000 * 1024
  assert files(tmp_path, 1000, **(limited | {"current": "900000\n"})) == 0


def test_nobody_knows_without_the_systems_files(tmp_path, monkeypatch):
  assert host_memory.free_bytes(tmp_path / "no_meminfo", tmp_path) is None
  monkeypatch.setattr(host_memory, "free_bytes", lambda: None)
  assert host_memory.fit(2**60) is None
  monkeypatch.setattr(host_memory, "free_bytes", lambda: 2**30)
  assert "1.0 GiB are free" in host_memory.fit(2**60)
