"""What needs no work is answered at once, since nothing that takes long is loaded for it."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MARS = f"--config={ROOT / 'configs' / 'mars.py'}"
SLOW = {"jax", "jaxlib", "numpy", "tensorflow", "flax", "optax", "orbax", "chex", "scipy", "PIL"}
MOST_MODULES = 400
"""As a time would vary with the machine, modules are counted. With Python 3.11 there are 327, the
library's own among them; numpy alone has more than a hundred."""

ANSWER = """
import atexit, sys
place, sys.argv = sys.argv[1], ["cosam-jax", *sys.argv[2:]]
atexit.register(lambda: open(place, "w").write("\\n".join(sys.modules)))
import cosam_jax.main
cosam_jax.main.run()
"""


@pytest.mark.parametrize(
  ("arguments", "status", "words"),
  [
    (["--worcdir=x", MARS], 2, "did you mean '--workdir'?"),
    ([MARS, "--workdir=x", "--config.model.temporl=ta"], 2, "did you mean 'model.temporal'?"),
    ([MARS, "--workdir=x", "--config.clips.selection=restrict"], 2, "did you mean 'restricted'?"),
    (["--help"], 0, "--config.model.temporal"),
    (["--mode=embed", "--help"], 0, "--boxes_coordinates"),
  ],
  ids=["misspelt flag", "misspelt field", "refused value", "help", "help of a mode"],
)
def test_an_answer_loads_nothing_slow(arguments, status, words, tmp_path):
  found = subprocess.run(
    [sys.executable, "-c", ANSWER, str(tmp_path / "modules"), *arguments],
    env=os.environ | {"PYTHONPATH": str(ROOT)},
    cwd=tmp_path,
    capture_output=True,
    text=True,
    timeout=120,
    check=False,
  )
  assert found.returncode == status, found.stderr
  assert words in found.stdout + found.stderr
  modules = (tmp_path / "modules").read_text().splitlines()
  assert "cosam_jax.commands.parsing" in modules
  assert {name.partition(".")[0] for name in modules} & SLOW == set()
  assert len(modules) < MOST_MODULES
