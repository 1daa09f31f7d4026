"""The comparisons with PyTorch run to their end on a tiny network, if PyTorch is installed."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import tiny

pytest.importorskip("torch")
pytestmark = [pytest.mark.slow, pytest.mark.torch]
ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(script, *arguments):
  environment = os.environ | {"PYTHONPATH": str(ROOT)}
  result = subprocess.run(
    [sys.executable, str(ROOT / "benchmarks" / script), *map(str, arguments)],
    capture_output=True, text=True, timeout=600, cwd=ROOT, env=environment, check=False,
  )  # fmt: skip
  assert result.returncode == 0, result.stderr[-2000:]
  return result.stdout


def test_both_sides_agree_and_are_timed_in_turn(tmp_path):
  output = tmp_path / "ratios.json"
  out = run(
    "against_pytorch.py", "--backbones=se_resnet50", "--width=0.125", "--clips=8", "--frames=2",
    "--image_size", 32, 16, "--repeats=2", f"--output={output}",
  )  # fmt: skip
  (record,) = json.loads(output.read_text())["networks"]
  for part in ("step", "embed"):
    found = record[part]
    assert found["difference"] < 2e-3
    assert len(found["ratios"]) == 2
    assert min(found["ours_seconds"], found["pytorch_seconds"]) > 0
    assert f"se_resnet50 {part}" in out


def test_both_ways_of_reading_are_timed_in_turn(tiny_synthetic):
  fields = tiny.flags(tiny_synthetic)
  out = run("reading.py", *fields, "--repeats=2", "--seconds=0.2", "--workers=1",
            "--decoders=PIL", "--frame_size=180,90")  # fmt: skip
  rates = json.loads(out.splitlines()[-1])["rates"]
  assert {side: len(found) for side, found in rates.items()} == {"ours": 2, "PIL": 2}
  assert min(min(found) for found in rates.values()) > 0
