"""Today's networks in every format: other backbones, pools, heads and necks."""

import dataclasses

import jax
import numpy as np
import pytest
import tiny

from cosam_jax.commands.export import mode as export_command
from cosam_jax.commands.export.mode import export
from cosam_jax.experiment.config import plain, resolve
from cosam_jax.experiment.network import load_network
from cosam_jax.experiment.parts import build_model, initial_variables

pytestmark = [pytest.mark.usefixtures("hasty_compilation"), pytest.mark.slow]

STRONG = {
  "model__neck": True,
  "model__neck_place": "frame",
  "model__neck_losses": "both",
  "model__embedding": "after_neck",
  "model__spatial_pool": "max",
  "clips__resize": "bicubic",
}
NETWORKS = {
  "osnet, strong recipe": STRONG
  | {"model__backbone": "osnet_x0_25", "model__width": 1.0, "model__cosam_stages": (4, 5)},
  "ibn, generalised mean, attention pooling": {
    "model__backbone": "resnet50_ibn_a",
    "model__spatial_pool": "generalised_mean",
    "model__temporal": "ap",
  },
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_format_answers_as_the_network_does(name, saved_run, tmp_path, monkeypatch):
  """Each writes a file, which a program without ours runs; the differences are in the record."""
  config = resolve(tiny.config("data", **NETWORKS[name]))
  model = build_model(config, num_classes=6)
  rng = np.random.default_rng(0)
  variables = initial_variables(config, model)
  # Running statistics and scales as after training, so that no norm passes its input on.
  variables["batch_stats"] = _shifted(variables["batch_stats"], rng)
  network = dataclasses.replace(
    load_network(saved_run), model=model, variables=variables, flat=plain(config)
  )
  monkeypatch.setattr(export_command, "network_asked_for", lambda *_: network)
  record = export(None, saved_run, tmp_path / "out", inputs="frames")
  found = {format: told["difference"] for format, told in record["formats"].items()}
  assert {"stablehlo", "saved_model", "torch"} <= set(found)
  assert max(found.values()) <= 1e-4, found
  example = np.load(tmp_path / "out" / "example.npz")
  clips = (example["frames"] / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
  forward = jax.jit(lambda clips: model.apply(variables, clips).features)
  wanted = np.asarray(forward(clips.astype(np.float32)))
  np.testing.assert_allclose(example["features"], wanted, atol=1e-4 * np.abs(wanted).max())


def _shifted(tree, rng):
  if isinstance(tree, dict):
    return {name: _shifted(leaf, rng) for name, leaf in tree.items()}
  leaf = np.asarray(tree)
  return (leaf * rng.uniform(0.8, 1.2, leaf.shape) + rng.uniform(0, 0.1, leaf.shape)).astype(
    np.float32
  )
