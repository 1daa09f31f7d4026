"""Small networks with drawn weights, and the sentence that refuses weights that misfit."""

import jax
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.models import ReidNet
from cosam_jax.models.interop import from_torch, variable_shapes


def small(backbone="resnet18", **options) -> ReidNet:
  """A thin network of clips of 3 frames of 64x32 pixels, for 5 people."""
  settings = {"num_frames": 3, "image_size": (64, 32), "num_classes": 5, "width": 0.25}
  return ReidNet(backbone, **{**settings, **options})


def drawn(model: ReidNet, seed=0) -> dict:
  """Normal values in the form of the network's variables."""
  rng = np.random.default_rng(seed)
  return jax.tree.map(
    lambda leaf: rng.standard_normal(leaf.shape).astype(np.float32), variable_shapes(model)
  )


def refusal(state, model, **options) -> str:
  """The sentence with which `from_torch` refuses a state dict."""
  with pytest.raises(InputError) as error:
    from_torch(state, model, **options)
  assert "\n" not in str(error.value)
  return str(error.value)
