"""Small networks for tests of the training step, their batches and states."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from cosam_jax.models import Outputs, ReidNet
from cosam_jax.models.layers import BatchNorm
from cosam_jax.training.optim import make_optimizer
from cosam_jax.training.state import create_state, init_variables

MODEL = ReidNet(
  "resnet18", (5,), "tp", num_frames=2, image_size=(32, 16), num_classes=4, width=0.125
)
OPTIMIZER = make_optimizer(optax.constant_schedule(1e-3), weight_decay=5e-4)
# The update is the gradient itself.
PLAIN = optax.sgd(1.0)


def batch(seed=0, clips=8, size=(32, 16)):
  """Drawn clips, float32[clips, 2, *size, 3], and labels: two clips of each person."""
  rng = np.random.default_rng(seed)
  labels = np.repeat(np.arange(clips // 2), 2).astype(np.int32) % 4
  return rng.standard_normal((clips, 2, *size, 3)).astype(np.float32), labels


@functools.cache
def variables():
  """The initial variables of `MODEL`."""
  return jax.device_get(init_variables(MODEL, 0))


class Small(nn.Module):
  """A layer, a norm and a classifier: stands in for the network in tests of the step alone."""

  @nn.compact
  def __call__(self, clips, valid=None, *, train=False):
    del valid
    x = nn.Dense(5)(clips.mean((1, 2)).reshape(len(clips), -1))
    features = jnp.tanh(BatchNorm()(x, train=train))
    return Outputs(features, nn.Dense(4)(features), {}, None)


SMALL = Small()


def small_state():
  """The state at the start of a training of `SMALL`."""
  return create_state(SMALL.init(jax.random.key(0), batch()[0]), OPTIMIZER)
