"""What stands in a run's folder, and what stands apart in its folder of other evaluations."""

import saved_run
import tiny

from cosam_jax.experiment import evaluation_place


def files(workdir):
  """All files of the run, except those in the folder of other evaluations."""
  return {
    path.relative_to(workdir).as_posix(): path.read_bytes()
    for path in workdir.rglob("*")
    if path.is_file() and evaluation_place.EVALUATIONS not in path.relative_to(workdir).parts
  }


def apart(workdir):
  folder = workdir / "evaluations"
  return {path.name: path for path in folder.iterdir()} if folder.is_dir() else {}


def other_config(data_dir, **fields):
  return tiny.config(
    data_dir, synthetic__seed=7, synthetic__frames=(4, 6), **{**saved_run.REPORT, **fields}
  )
