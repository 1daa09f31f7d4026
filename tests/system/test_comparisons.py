"""The comparisons' scripts answer and refuse before they load, install or measure anything."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Lets no package be imported, whatever is installed.
BARE = """
import runpy, sys
for name in ("absl", "cosam_jax", "jax", "numpy", "onnxruntime", "openvino", "torch", "tqdm"):
  sys.modules[name] = None
script, sys.argv = sys.argv[1], sys.argv[1:]
sys.path[0] = script.rpartition("/")[0]
runpy.run_path(script, run_name="__main__")
"""


def run(*command, **variables):
  result = subprocess.run(
    [*map(str, command)], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
    env=os.environ | {name: str(value) for name, value in variables.items()},
  )  # fmt: skip
  return result.returncode, result.stdout, result.stderr


def bare(script, *flags):
  return run(sys.executable, "-S", "-c", BARE, ROOT / "benchmarks" / script, *flags)


@pytest.mark.parametrize(
  ("launcher", "words"),
  [("compare_pytorch", ("osnet_x0_25", "0.0625 to 8.0", "default: 8, on a GPU 32")),
   ("compare_runtimes", ("backbone:width:HxW", "default: 9", "default: onnxruntime,openvino"))],
)  # fmt: skip
def test_help_installs_nothing(tmp_path, launcher, words):
  python = tmp_path / "python"
  python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
  python.chmod(0o755)
  status, out, errors = run("bash", ROOT / "launch" / f"{launcher}.sh", "--clips=8", "--help",
                            VENV=tmp_path / "venv", PYTHON=python)  # fmt: skip
  assert (status, errors) == (0, "")
  assert not (tmp_path / "venv").exists()
  told = " ".join(out.split())
  assert [word for word in words if word not in told] == []


def test_the_size_of_pytorch_is_told_before_it_is_installed(tmp_path):
  """With a stand-in for the environment's Python, which has no PyTorch and prints its arguments."""
  programs = tmp_path / "venv" / "bin"
  programs.mkdir(parents=True)
  for name in ("python", "cosam-jax"):
    (programs / name).write_text('#!/bin/sh\n[ "$1" = -c ] && exit 1\necho "$*" >&2\n')
    (programs / name).chmod(0o755)
  launcher = ROOT / "launch" / "compare_pytorch.sh"
  status, _, errors = run("bash", launcher, "--clips=8", VENV=tmp_path / "venv")
  told, pip, script = errors.splitlines()
  assert status == 0
  assert "up to 8 GB on Linux" in told
  assert "stop this with Ctrl-C and install it there first" in told
  assert pip == "-m pip install --quiet torch"
  assert script.endswith("benchmarks/against_pytorch.py --clips=8")


REFUSED = [
  ("against_pytorch.py", "--backbones=resnet18", "'resnet18': use some of resnet50, se_resnet50"),
  ("against_pytorch.py", "--width=0", "'0' is not a number from 0.0625 to 8"),
  ("against_pytorch.py", "--clips=6", "'6' is not a whole number from 4 on, a multiple of 4"),
  ("against_pytorch.py", "--clips=4", "8 or more, or --parts=embed"),
  ("against_pytorch.py", "--parts=stpe", "'stpe': use some of step, embed"),
  ("against_pytorch.py", "--output=/nowhere/ratios.json", "is not a file in a folder"),
  ("runtimes.py", "--clips=0", "'0' is not a whole number from 1 on"),
  ("runtimes.py", "--repeats=x", "'x' is not a whole number from 1 on"),
  ("runtimes.py", "--networks=bogus", "'bogus' is not a backbone, a width"),
  ("runtimes.py", "--networks=resnet50:1:4x64", "sides from 8 to 4096"),
  ("runtimes.py", "--runtimes=tvm", "'tvm': use some of onnxruntime"),
]


@pytest.mark.parametrize(("script", "flag", "sentence"), REFUSED)
def test_a_wrong_value_is_refused_in_a_sentence(script, flag, sentence):
  status, out, errors = bare(script, flag)
  assert (status, out) == (2, "")
  assert sentence in errors
  assert flag.partition("=")[0] in errors
  assert errors.startswith("error: ")
  assert errors.count("\n") == 1


@pytest.mark.parametrize(
  ("script", "command"),
  [("against_pytorch.py", "pip install torch\n"),
   ("runtimes.py", "pip install onnxruntime jax2onnx openvino\n")],
)  # fmt: skip
def test_what_is_not_installed_is_named_with_the_command(script, command):
  status, out, errors = bare(script)
  assert (status, out) == (1, "")
  assert errors.endswith(command)
  assert errors.count("\n") == 1


def test_reading_says_which_decoders_there_are():
  status, out, errors = run(sys.executable, ROOT / "benchmarks" / "reading.py", "--help")
  assert (status, errors) == (0, "")
  told = " ".join(out.split())
  for words in ("some of PIL, simplejpeg, torchvision", "pip install simplejpeg torchvision",
                "those that are installed", "pip install torch "):  # fmt: skip
    assert words in told


def test_reading_refuses_a_wrong_decoder_before_it_looks_for_pytorch():
  status, out, errors = run(
    sys.executable, ROOT / "benchmarks" / "reading.py", "--config=mars", "--decoders=PIL,jepg"
  )
  assert (status, out) == (2, "")
  assert errors == "error: --decoders has 'jepg': use some of PIL, simplejpeg, torchvision\n"
