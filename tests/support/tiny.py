"""A drawn data set and a network so small that whole runs take seconds."""

import json
import pathlib

from ml_collections import ConfigDict

from cosam_jax.experiment import configurations

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = ROOT / "configs" / "synthetic.py"

DRAWING = {
  "synthetic.identities_train": 6,
  "synthetic.identities_test": 4,
  "synthetic.cameras": 2,
  "synthetic.frames": (3, 5),
  "synthetic.image_size": (64, 32),
  "synthetic.distractors": 1,
  "synthetic.junk": 1,
}
NETWORK = {
  "clips.image_size": (64, 32),
  "clips.num_frames": 2,
  "model.width": 0.125,
  "model.cosam_stages": (5,),
}
# 3 steps an epoch.
TRAINING = {
  "train.epochs": 4,
  "train.identities_per_batch": 2,
  "train.instances": 2,
  "train.log_every_steps": 1,
  "train.checkpoint_every_epochs": 1,
  "evaluation.batch_clips": 8,
  "evaluation.before_training": False,
  "report.write": False,
}
FIELDS = DRAWING | NETWORK | TRAINING


def flags(data_dir, **fields) -> list[str]:
  """Command-line flags of a tiny run; `fields` by dotted name with `__` for the dot."""
  values = FIELDS | {"data.dir": str(data_dir)} | _dotted(fields)
  return [f"--config={CONFIG}"] + [f"--config.{name}={value}" for name, value in values.items()]


def config(data_dir, **fields) -> ConfigDict:
  """The same as a configuration."""
  made = configurations.read(CONFIG)
  made.update_from_flattened_dict(FIELDS | {"data.dir": str(data_dir)} | _dotted(fields))
  return made


def _dotted(fields) -> dict:
  return {name.replace("__", "."): value for name, value in fields.items()}


def metrics(workdir) -> list[dict]:
  """The metrics of each result in results.json."""
  content = json.loads((pathlib.Path(workdir) / "results.json").read_text())
  return [result["metrics"] for result in content["results"]]
