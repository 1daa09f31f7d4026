"""Late names: their modules load when they are asked for, and not before."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys, types
from cosam_jax.runtime.late import late_names

package = sys.modules["box"] = types.ModuleType("box")
package.early = 1
package.__getattr__, package.__dir__ = late_names("box", {"rgb_to_hsv": "colorsys"})
assert "colorsys" not in sys.modules
assert {"early", "rgb_to_hsv"} <= set(dir(package)) and "colorsys" not in sys.modules
assert package.rgb_to_hsv(1, 1, 1) == (0, 0, 1) and "colorsys" in sys.modules
package.hsv_to_rgb
"""


def test_a_name_loads_its_module_and_others_are_refused():
  done = subprocess.run(
    [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
  )
  assert (
    done.stderr.splitlines()[-1] == "AttributeError: module 'box' has no attribute 'hsv_to_rgb'"
  )


@pytest.mark.parametrize("name", ["cosam_jax", "cosam_jax.data", "cosam_jax.models"])
def test_every_public_name_is_there(name):
  package = __import__(name, fromlist=["x"])
  assert set(package.__all__) <= set(dir(package))
  assert all(getattr(package, public) is not None for public in package.__all__)
