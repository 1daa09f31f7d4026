"""A calibration of drawn vectors, stored as that of any network."""

import dataclasses
import pathlib

import labelled

from cosam_jax.evaluation.calibration import Wishes, calibrate
from cosam_jax.evaluation.calibration_files import write_calibration

QUICK = Wishes(fmr=(0.1, 0.02), rank=3, resamples=100)


def write(path: pathlib.Path, network, distance="sqeuclidean", **origin) -> pathlib.Path:
  """Writes the calibration of `labelled.drawn`, with these facts about its network."""
  made = calibrate(labelled.embeddings(**origin), distance, QUICK)
  facts = {**made.network, **network}
  write_calibration(path, dataclasses.replace(made, network=facts))
  return path
