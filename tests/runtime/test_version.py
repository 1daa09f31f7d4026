"""`--version` is answered before anything slow is loaded."""

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

import cosam_jax
from cosam_jax.runtime import version

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("arguments", [["--version"], ["--workdir=x", "-version"]])
def test_the_version_is_told(arguments, capsys):
  with pytest.raises(SystemExit) as ended:
    version.answer(arguments)
  assert ended.value.code == 0
  first, second = capsys.readouterr().out.splitlines()
  assert first == f"cosam-jax {cosam_jax.__version__}"
  assert re.match(r"Python 3\.\d+\.\d+.*, jax \d", second)
  assert f"numpy {np.__version__}" in second.split(", ")


@pytest.mark.parametrize(
  "arguments", [[], ["--", "--version"], ["version"], ["--versions"], ["--workdir=--version"]]
)
def test_other_words_go_on(arguments, capsys):
  version.answer(arguments)
  assert capsys.readouterr().out == ""


def test_the_version_is_told_before_anything_is_loaded(tmp_path):
  code = (
    "import runpy, sys; sys.argv = ['x', '--version']\n"
    "try: runpy.run_module('cosam_jax.main', run_name='__main__')\n"
    "except SystemExit as end: print(end.code, sorted({'jax', 'numpy', 'absl'} & {*sys.modules}))\n"
    "sys.argv[0] = '/somewhere/bin/cosam-jax'\n"  # As the console script is called.
    "try: import cosam_jax.main\n"
    "except SystemExit as end: print(end.code, sorted({'jax', 'numpy', 'absl'} & {*sys.modules}))"
  )
  done = subprocess.run(
    [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True,
    env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=60,
  )  # fmt: skip
  lines = done.stdout.splitlines()
  assert lines[0] == lines[3] == f"cosam-jax {cosam_jax.__version__}"
  assert lines[2] == lines[5] == "0 []"
