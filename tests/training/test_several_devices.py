"""Steps and inference over several devices give the numbers of one."""

import json
import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_network import MODEL, OPTIMIZER, SMALL, batch, small_state, variables

from cosam_jax.data.transforms import normalise
from cosam_jax.training.frame_bytes import FrameBytes
from cosam_jax.training.mesh import make_mesh, put_batch, replicated
from cosam_jax.training.state import create_state
from cosam_jax.training.steps import Objective, jit_forward, jit_train_step

pytestmark = pytest.mark.usefixtures("hasty_compilation")
# With these, another process can call the functions of this file.
HERE = pathlib.Path(__file__).resolve().parent
PLACES = os.pathsep.join(map(str, (HERE, HERE.parent / "support")))


def fresh_state():
  return create_state(jax.tree.map(jnp.asarray, variables()), OPTIMIZER)


def on_devices(count, expression, environment):
  """What one of the functions here returns in a process with so many devices."""
  script = f"import jax, test_several_devices as t; print([jax.device_count(), {expression}])"
  flags = f"--xla_force_host_platform_device_count={count}"
  output = subprocess.run(
    [sys.executable, "-c", script], capture_output=True, text=True, timeout=300,
    env=os.environ | environment | {"XLA_FLAGS": flags, "PYTHONPATH": PLACES},
  )  # fmt: skip
  assert output.returncode == 0, output.stderr[-2000:]
  devices, found = json.loads(output.stdout)
  assert devices == count
  return found


def features_over_the_mesh() -> list[list[float]]:
  """Features of a batch that all devices share; a test below runs this in another process."""
  mesh = make_mesh()
  clips, _ = batch()
  found = jit_forward(SMALL, mesh)(small_state().variables, *put_batch(mesh, clips), None)
  assert [len(one.data) for one in found.features.addressable_shards] == [2] * mesh.size
  return found.features.tolist()


def test_inference_over_four_devices_equals_the_plain_network(hasty_compilation):
  found = on_devices(4, "t.features_over_the_mesh()", hasty_compilation)
  wanted = SMALL.apply(small_state().variables, batch()[0]).features
  np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def three_steps() -> list[list[float]]:
  """Losses of three steps over all devices. A test below also runs this in another process."""
  mesh = make_mesh()
  step = jit_train_step(MODEL, Objective(), OPTIMIZER, mesh)
  state = given = jax.device_put(fresh_state(), replicated(mesh))
  rows = []
  for seed in range(3):
    state, metrics = step(state, *put_batch(mesh, *batch(seed)), None)
    rows.append([float(metrics[name]) for name in ("cross_entropy", "triplet", "gradient_norm")])
  assert step._cache_size() == 1, "compiled again for the state that it returned itself"
  # The state is donated: its old buffers are reused.
  assert all(leaf.is_deleted() for leaf in jax.tree.leaves(given.params))
  assert int(state.step) == 3
  return rows


@pytest.mark.slow
def test_eight_devices_give_the_losses_of_one(hasty_compilation):
  """Statistics and hard triplets span the whole batch, whatever the number of devices."""
  found = on_devices(8, "t.three_steps()", hasty_compilation)
  # Rounding grows from step to step: Adam follows the signs of small gradients.
  for step, (eight, one) in enumerate(zip(found, three_steps(), strict=True)):
    np.testing.assert_allclose(eight, one, rtol=(1e-4, 1e-2, 3e-2)[step], err_msg=f"step {step}")


def features_of_bytes() -> list[list[float]]:
  """Features of clips as bytes, one frame of which is missing, over all devices."""
  mesh = make_mesh()
  (clips,) = put_batch(mesh, FrameBytes(*levels_and_there()))
  assert [len(one.data) for one in clips.levels.addressable_shards] == [2] * mesh.size
  return jit_forward(SMALL, mesh)(small_state().variables, clips, None).features.tolist()


def levels_and_there():
  levels = np.random.default_rng(1).integers(0, 256, (8, 2, 32, 16, 3), dtype=np.uint8)
  there = np.ones((8, 2), bool)
  there[5, 1] = False
  return levels, there


def test_four_devices_share_bytes(hasty_compilation):
  found = on_devices(4, "t.features_of_bytes()", hasty_compilation)
  levels, there = levels_and_there()
  floats = np.array(normalise(levels.astype(np.float32)))
  floats[~there] = 0
  wanted = SMALL.apply(small_state().variables, floats).features
  np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
