"""One of several processes: it does a little of everything that they do together.

  python member.py DATA_DIR CHECKPOINTS [flags of cosam_jax.runtime.processes]

Prints one JSON object. The tests run it alone too, and compare.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import sys

import jax
import numpy as np
import small_network
import tiny
from absl import flags

from cosam_jax.commands import flags as command_flags
from cosam_jax.errors import InputError
from cosam_jax.experiment import parts as assembly
from cosam_jax.experiment.run import Run
from cosam_jax.runtime import hosts, processes
from cosam_jax.training import mesh, steps
from cosam_jax.training.checkpoints import Checkpoints


def batches(data_dir) -> list[str]:
  """Digests of the images and labels of three steps, over all processes."""
  run = Run(tiny.config(data_dir, train__identities_per_batch=4), pathlib.Path("unused"))
  plan = assembly.training_plan(run.config, run.train_table)
  found = []
  for clips, labels, _ in assembly.TrainingBatches(run.config, plan, 2, 5, run.mesh):
    assert clips.shape[0] == labels.shape[0] == 8
    digest = hashlib.sha256()
    for array in (clips, labels):
      shards = sorted(array.addressable_shards, key=lambda shard: shard.index[0].start or 0)
      here = np.concatenate([np.asarray(shard.data) for shard in shards])
      assert len(here) == 8 // jax.process_count()
      digest.update(np.concatenate(hosts.gather_rows(here)).tobytes())
    found.append(digest.hexdigest())
  return found


def losses(state, accumulate: int):
  """The state after three steps of the small network, and the metrics of each."""
  where = mesh.make_mesh()
  step = steps.jit_train_step(
    small_network.SMALL, steps.Objective(), small_network.OPTIMIZER, where, accumulate
  )
  state, rows = mesh.put_everywhere(where, state), []
  for seed in range(3):
    share = [
      np.split(array, jax.process_count())[jax.process_index()]
      for array in small_network.batch(seed, clips=16)
    ]
    state, metrics = step(state, *mesh.put_batch(where, *share), None)
    rows.append({name: float(value) for name, value in metrics.items()})
  return state, rows


def everything(data_dir, directory) -> dict:
  """Everything that one process reports."""
  found = {"batches": batches(data_dir)}
  found["accumulated"] = losses(small_network.small_state(), 2)[1]
  state, found["losses"] = losses(small_network.small_state(), 1)
  # An earlier checkpoint holds the same state, however many devices saved it.
  before = Checkpoints(directory).latest_step()
  if before is not None:
    shapes = jax.eval_shape(small_network.small_state)
    restored = Checkpoints(directory).restore(before, shapes, mesh.make_mesh())
    found["restored"] = [before, [float(np.abs(leaf).sum()) for leaf in jax.tree.leaves(restored)]]
    state = restored.replace(step=restored.step + 3)
  checkpoints = Checkpoints(directory, keep=2)
  checkpoints.save(int(state.step), state, {"processes": jax.process_count()})
  found["saved"] = [
    checkpoints.latest_step(), [float(np.abs(leaf).sum()) for leaf in jax.tree.leaves(state)]
  ]  # fmt: skip

  def work():
    if jax.process_index() == jax.process_count() - 1:
      raise InputError("a frame is broken")

  try:
    hosts.together(work)
  except InputError as error:
    found["refused"] = str(error)
  rows = np.arange(jax.process_index(), dtype=np.float64)[:, None] + 1e-12
  found["rows"] = [one.tolist() for one in hosts.gather_rows(rows)]
  return found


def listening() -> list[str]:
  """The addresses at which this process listens, in the system's own hexadecimal."""
  own = set()
  for descriptor in pathlib.Path("/proc/self/fd").iterdir():
    with contextlib.suppress(OSError):
      own.add(os.readlink(descriptor))
  found = []
  for table in ("/proc/net/tcp", "/proc/net/tcp6"):
    for line in pathlib.Path(table).read_text().splitlines()[1:] if own else ():
      columns = line.split()
      if columns[3] == "0A" and f"socket:[{columns[9]}]" in own:
        found.append(columns[1].rpartition(":")[0])
  return found


def main(arguments: list[str]) -> None:
  """Joins the others and prints."""
  command_flags.define()
  flags.DEFINE_string("setting", "same", "What the processes are to agree on.")
  _, data_dir, directory = flags.FLAGS(arguments)
  out = sys.stdout
  try:
    agreed, values = {"config.seed": flags.FLAGS.setting}, command_flags.values()
    meet = lambda: mesh.connect(mesh.make_mesh())  # noqa: E731
    with processes.joined("train", agreed, values, connect=meet):
      result = everything(data_dir, directory) | {"devices": jax.device_count()}
      if sys.platform.startswith("linux"):
        result["listening"] = listening()
  except InputError as error:
    result = {"error": str(error)}
  print(json.dumps(result), file=out, flush=True)


if __name__ == "__main__":
  main(sys.argv)
