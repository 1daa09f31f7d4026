"""The trained half-width ResNet-50 on real frames equals PyTorch, stage by stage."""

import jax
import numpy as np
import published
from PIL import Image

from cosam_jax.models import ReidNet
from cosam_jax.models.interop import from_torch
from cosam_jax.models.weight_files import read_weights

MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def _read(path) -> np.ndarray:
  with Image.open(path) as image:
    frame = image.convert("RGB").resize((128, 256), Image.Resampling.BILINEAR)
  return (np.asarray(frame, np.float32) / 255 - MEAN) / DEVIATION


def test_stages_on_real_frames(shared):
  wanted = np.load(published.GOLDEN / "weights_resnet50_half.npz")
  folder = shared / "data" / "mars_mini" / "bbox_train"
  clip = np.stack([_read(folder / name) for name in wanted["frames"]])[None]
  model = ReidNet(
    "resnet50", (), num_frames=8, width=0.5, stride_in="1x1", pool="ceil", last_stride=2
  )
  weights = read_weights(shared / "weights" / "resnet50_half.npz")
  variables = from_torch(weights, model)
  stages = jax.jit(lambda v, x: model.apply(v, x, method="stage_outputs"))(variables, clip)
  found = {f"stage{stage}_mean": x[0].mean((1, 2)) for stage, x in stages.items()}
  found["stage5"] = stages[5][0, :2].transpose(0, 3, 1, 2)
  assert set(found) == set(wanted.files) - {"frames"}
  for name, value in found.items():
    error = np.linalg.norm(value - wanted[name]) / np.linalg.norm(wanted[name])
    assert error < 1e-4, (name, error)
