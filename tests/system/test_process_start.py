"""Before it computes, a process settles where compiled programs lie and who keeps memory."""

import os
import subprocess
import sys

import pytest

from cosam_jax.errors import InputError
from cosam_jax.runtime import compiled_programs, host_memory

COMPILE = """
import sys, jax, jax.numpy as jnp
from cosam_jax.runtime import compiled_programs
hits = []
jax.monitoring.register_event_listener(lambda name, **_: hits.append("cache_hits" in name))
compiled_programs.keep(sys.argv[1])
print(float(jax.jit(lambda x: jnp.sin(x).sum())(jnp.arange(5.0))), sum(hits))
"""
# Each call needs 64 MiB of its own, more than the C library keeps by itself.
COMPUTE = """
import resource, statistics, sys
from cosam_jax.runtime import host_memory
told = host_memory.settle(sys.argv[1])
import jax, jax.numpy as jnp
work = jax.jit(lambda x: (jnp.sin(jnp.outer(x, x)) @ x))
faults = [0]
for _ in range(40):
  work(jnp.ones(4096)).block_until_ready()
  faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
# It settles after some calls.
print(told, statistics.median(after - before for before, after in zip(faults[20:], faults[21:])))
"""


def in_a_process(script, *arguments, **environment):
  given = os.environ | {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"} | environment
  result = subprocess.run(
    [sys.executable, "-c", script, *map(str, arguments)],
    env=given, capture_output=True, text=True, timeout=300,
  )  # fmt: skip
  assert result.returncode == 0, result.stderr[-2000:]
  return result.stdout.split(), result.stderr


def test_a_second_process_finds_what_the_first_compiled(tmp_path):
  (value, hits), _ = in_a_process(COMPILE, tmp_path / "kept")
  assert int(hits) == 0
  (again, hits), errors = in_a_process(COMPILE, tmp_path / "kept")
  assert int(hits) > 0
  assert again == value
  assert errors == ""
  (kind,) = (tmp_path / "kept").iterdir()
  assert any(file.name.endswith("-cache") for file in kind.iterdir())


def test_what_a_killed_process_left_half_written_is_no_trouble(tmp_path):
  """JAX writes a program, then its time; here the program is cut short and its time is missing."""
  (value, _), _ = in_a_process(COMPILE, tmp_path / "kept")
  (kind,) = (tmp_path / "kept").iterdir()
  for program in kind.glob("*-cache"):
    program.write_bytes(program.read_bytes()[:100])
  for time in kind.glob("*-atime"):
    time.unlink()
  for known in (False, True):
    (again, hits), errors = in_a_process(COMPILE, tmp_path / "kept")
    assert (again, int(hits) > 0, errors) == (value, known, "")


def test_by_itself_it_is_in_the_cache_or_where_jax_was_told(tmp_path):
  given = {"COSAM_CACHE": str(tmp_path / "ours")}
  in_a_process(COMPILE, "auto", **given)
  assert list((tmp_path / "ours" / "compiled").rglob("*-cache"))
  in_a_process(COMPILE, "off", **given | {"COSAM_CACHE": str(tmp_path / "none")})
  assert not (tmp_path / "none").exists()
  given["JAX_COMPILATION_CACHE_DIR"] = str(tmp_path / "theirs")
  in_a_process(COMPILE, "auto", **given | {"COSAM_CACHE": str(tmp_path / "none")})
  assert list((tmp_path / "theirs").rglob("*-cache"))
  assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_is_refused_if_it_was_asked_for(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(InputError, match=r"--compiled_programs is '.*file', which cannot be used"):
    compiled_programs.keep(str(tmp_path / "file"))
  in_a_process(COMPILE, "auto", COSAM_CACHE=str(tmp_path / "file"))


IN_TURN = """
import sys
from cosam_jax.runtime import host_memory
host_memory.compute_in_turn()
import jax, jax.numpy as jnp
result = jax.jit(lambda x: jnp.linalg.matrix_power(x, 60))(jnp.full((700, 700), 1 / 700))
print(result.is_ready())
"""


def test_a_call_returns_when_it_has_ended_unless_the_user_says_otherwise():
  assert in_a_process(IN_TURN)[0] == ["True"]
  assert in_a_process(IN_TURN, JAX_CPU_ENABLE_ASYNC_DISPATCH="true")[0] == ["False"]


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the C library of Linux alone")
def test_kept_memory_is_not_asked_for_again():
  (told, faults), _ = in_a_process(COMPUTE, "return")
  assert told == "False"
  assert float(faults) > 50  # With huge pages; with small ones it is tens of thousands.
  (told, kept), _ = in_a_process(COMPUTE, "keep")
  assert told == "True"
  assert float(kept) < float(faults) / 10


def test_memory_is_kept_only_where_there_is_enough_and_no_accelerator(tmp_path, monkeypatch):
  for name, text in (("max", "max\n"), ("current", "5\n"), ("stat", "")):
    (tmp_path / f"memory.{name}").write_text(text)
  nobody = tmp_path / "none"
  whole = host_memory.machine_bytes(tmp_path, nobody)
  assert whole > 2**30
  (tmp_path / "memory.max").write_text("1048576\n")
  assert host_memory.machine_bytes(tmp_path, nobody) == 2**20
  assert host_memory.machine_bytes(nobody, nobody) == whole

  monkeypatch.delenv("JAX_PLATFORMS", raising=False)
  assert not host_memory.has_accelerator(tmp_path)
  for name in ("nvidia0", "kfd", "accel0", "vfio/0"):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    assert host_memory.has_accelerator(tmp_path), name
    (tmp_path / name).unlink()
  (tmp_path / "nvidia0").touch()
  monkeypatch.setenv("JAX_PLATFORMS", "cpu")
  assert not host_memory.has_accelerator(tmp_path)

  monkeypatch.setattr(host_memory, "machine_bytes", lambda: host_memory.AUTO_LEAST_BYTES - 1)
  assert not host_memory.settle()
