import gc
import subprocess
import sys

from cosam_jax.runtime import cycles


def printed(script):
  call = [sys.executable, "-c", script]
  return subprocess.run(call, capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_program_looks_for_cycles_less_often_and_still_looks():
  script = """
import atexit, gc, sys
atexit.register(lambda: print(gc.get_threshold(), gc.isenabled()))
sys.argv = ["cosam-jax", "--print_config", "--config=mars"]
from cosam_jax import main
main.run()
"""
  assert printed(script)[-1] == f"{cycles.THRESHOLDS} True"


def test_importing_the_package_leaves_a_process_as_it_is():
  script = """
import gc
before = gc.get_threshold()
import cosam_jax.main
print(before == gc.get_threshold())
"""
  assert printed(script) == ["True"]


def test_cycles_are_freed_in_the_end():
  before = gc.get_threshold()
  cycles.collect_rarely()
  try:
    freed = []

    class Cycle:
      def __init__(self):
        self.me = self

      def __del__(self):
        freed.append(True)

    for _ in range(3 * cycles.THRESHOLDS[0]):
      Cycle()
  finally:
    gc.set_threshold(*before)
  assert freed
