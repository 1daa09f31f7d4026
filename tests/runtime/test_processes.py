"""How processes find each other, from flags and the environment; what their numbers depend on."""

import hashlib
import pathlib
import platform

import numpy as np
import pytest

import cosam_jax
from cosam_jax.errors import InputError
from cosam_jax.runtime import processes

NONE = dict.fromkeys(processes.EXPLICIT) | {"hosts": "auto"}


@pytest.mark.parametrize(
  ("given", "environment", "wanted"),
  [
    ({}, {}, None),
    ({}, {"SLURM_JOB_ID": "1", "SLURM_STEP_NUM_TASKS": "1"}, None),
    ({}, {"SLURM_STEP_NUM_TASKS": "4"}, {"cluster_detection_method": "slurm"}),
    ({"hosts": "one"}, {"SLURM_STEP_NUM_TASKS": "4"}, None),
    ({"hosts": "slurm"}, {"SLURM_STEP_NODELIST": "a"}, {"cluster_detection_method": "slurm"}),
    ({}, {"TPU_WORKER_HOSTNAMES": "localhost"}, None),
    ({}, {"TPU_WORKER_HOSTNAMES": "a,b"}, {}),
    ({"hosts": "tpu"}, {}, {}),
    (
      {"coordinator_address": "a:1", "num_processes": 2, "process_id": 1},
      {"SLURM_STEP_NUM_TASKS": "4"},
      {
        "coordinator_address": "a:1",
        "num_processes": 2,
        "process_id": 1,
        "cluster_detection_method": "deactivate",
      },
    ),
    *[
      (
        {"coordinator_address": address, "num_processes": 2, "process_id": 0},
        environment,
        {
          "coordinator_address": address,
          "num_processes": 2,
          "process_id": 0,
          "cluster_detection_method": "deactivate",
          **({"coordinator_bind_address": address} if bound else {}),
        },
      )
      for address, environment, bound in (
        ("localhost:1", {}, True),
        ("127.0.0.1:1", {}, True),
        ("[::1]:1", {}, True),
        ("10.0.0.1:1", {}, False),
        ("localhost.example.org:1", {}, False),
        ("localhost:1", {"JAX_COORDINATOR_BIND_ADDRESS": "localhost:2"}, False),
      )
    ],
  ],
)
def test_how_processes_find_each_other(given, environment, wanted):
  assert processes.arguments(NONE | given, environment) == wanted


@pytest.mark.parametrize(
  ("given", "sentence"),
  [
    ({"num_processes": 2}, "--num_processes is given without --coordinator_address"),
    ({"coordinator_address": "a", "num_processes": 2, "process_id": 0}, "must be HOST:PORT"),
    ({"coordinator_address": "a:1", "num_processes": 2, "process_id": 2}, "from 0 to 1"),
    (
      {"coordinator_address": "a:1", "num_processes": 2, "process_id": 0, "hosts": "tpu"},
      "give one of them",
    ),
    ({"hosts": "slurm"}, "start it with srun"),
  ],
)
def test_flags_that_do_not_fit_together(given, sentence):
  with pytest.raises(InputError, match=sentence):
    processes.arguments(NONE | given, {})


def test_a_process_that_is_alone_gives_its_status_and_does_the_work_itself(monkeypatch):
  for name in ("SLURM_STEP_NUM_TASKS", "TPU_WORKER_HOSTNAMES"):
    monkeypatch.delenv(name, raising=False)
  done = []
  joined = processes.joined("search", {}, NONE, connect=lambda: done.append("met"), shared=False)
  with joined as end:
    processes.first_alone(lambda: done.append("worked"))
    assert [end(status) for status in (0, 2, 75)] == [0, 2, 75]
  assert done == ["worked"]


def test_a_mode_for_one_process_refuses_several(monkeypatch):
  monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
  joined = processes.joined("search", {}, NONE, connect=pytest.fail, shared=False)
  with pytest.raises(InputError, match="--mode=search is work for one process"), joined:
    pytest.fail("it went on")


def test_versions_are_those_of_the_libraries_and_of_every_file_of_ours():
  found = processes.versions()
  assert found["Python"] == platform.python_version()
  assert found["numpy"] == np.__version__
  package = pathlib.Path(cosam_jax.__file__).parent
  digest = hashlib.sha256()
  names = sorted(path.relative_to(package).parts for path in package.rglob("*.py"))
  for parts in names:
    digest.update("/".join(parts).encode() + b"\n" + package.joinpath(*parts).read_bytes())
  assert found["cosam_jax's files (digest)"] == digest.hexdigest()[:12]
  assert len(names) > 200  # All rooms, not runtime alone.
