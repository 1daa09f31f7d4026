"""COSAM in a network that is not ours: a small vision transformer on drawn video, and its masks.

  python docs/examples/any_backbone.py --out=runs/any_backbone --steps=100

`Cosam` takes float32[B, T, h, w, C] features of any backbone, and returns them attended, with its
masks. Here they are a transformer's tokens, put back on their grid of 16 x 8 patches.
"""

import argparse
import functools
import pathlib

import jax
import optax
from flax import linen as nn

from cosam_jax.data import load_dataset
from cosam_jax.data.batches import BatchPlan, EvaluationPlan
from cosam_jax.data.drawn.synthetic import write_synthetic
from cosam_jax.data.pipeline import evaluation_batches, training_batches
from cosam_jax.evaluation.mask_numbers import measure_masks
from cosam_jax.models import Cosam, Outputs
from cosam_jax.reports.mask_pictures import save_pictures
from cosam_jax.training.state import create_state
from cosam_jax.training.steps import Objective, train_step

SIZE = (128, 64)


class VideoTransformer(nn.Module):
  """Four blocks of a ViT (Dosovitskiy et al., 2021); COSAM stands after the second and the last."""

  num_classes: int

  @nn.compact
  def __call__(self, clips, valid=None, *, train=False):
    """Embeds and classifies clips float32[B, T, H, W, 3]; every frame is taken as valid."""
    grid = nn.Conv(64, (8, 8), strides=8)(clips.reshape(-1, *clips.shape[2:]))
    x = grid.reshape(len(grid), -1, 64)
    x = x + self.param("position", nn.initializers.normal(0.02), x.shape[1:])
    masks = {}
    for block in range(1, 5):
      x = x + nn.MultiHeadDotProductAttention(num_heads=4)(nn.LayerNorm()(x))
      x = x + nn.Dense(64)(nn.gelu(nn.Dense(256)(nn.LayerNorm()(x))))
      if block in (2, 4):
        features = x.reshape(*clips.shape[:2], *grid.shape[1:])
        attended, masks[block] = Cosam(name=f"cosam{block}")(features, train=train)
        x = attended.reshape(x.shape)
    vectors = x.reshape(len(clips), -1, 64).mean(1)
    return Outputs(vectors, nn.Dense(self.num_classes)(vectors), masks, frame_weights=None)


def main(out: pathlib.Path, steps: int) -> None:
  """Draws a data set into `out`, trains for `steps` steps, and writes masks of unseen people."""
  write_synthetic(out / "data", identities_train=16, identities_test=6, cameras=2, frames=(6, 10))
  tables = load_dataset("synthetic", out / "data")
  plan = BatchPlan(tables.train, identities_per_batch=4, instances=2)
  model, optimizer = VideoTransformer(tables.train.num_identities), optax.adam(1e-3)

  variables = jax.jit(model.init)(jax.random.key(0), jax.numpy.zeros((1, 4, *SIZE, 3)))
  state = create_state(variables, optimizer)
  step = jax.jit(functools.partial(train_step, model, Objective(), optimizer))
  batches = training_batches(plan, image_size=SIZE, last_step=steps)
  for number, batch in enumerate(batches, start=1):
    state, metrics = step(state, batch.clips, batch.labels)
    print(f"step {number}/{steps}  loss {metrics['loss']:.3f}", flush=True)

  @jax.jit
  def spatial_masks(clips, valid):
    masks = model.apply(state.variables, clips, valid).masks
    return {block: mask.spatial for block, mask in masks.items()}

  shown = EvaluationPlan(tables.query, num_frames=4, batch_clips=8)
  unseen = evaluation_batches(tables.query, num_frames=4, batch_clips=8, image_size=SIZE)
  _, clips = measure_masks(spatial_masks, unseen, shown, keep=range(0, shown.num_clips, 4))
  print(f"masks: {save_pictures(out / 'masks', clips, f'after {steps} steps')[-1]}")


if __name__ == "__main__":
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/any_backbone"))
  parser.add_argument("--steps", type=int, default=100)
  main(**vars(parser.parse_args()))
