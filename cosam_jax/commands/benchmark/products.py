"""1x1 convolutions of bottlenecks with their norms, by the compiler and in fused kernels, by stage.

Notation: F frames of a batch, h w grid, C channels.
"""

from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn
from ml_collections import ConfigDict

from cosam_jax.commands.benchmark import clock, drawn
from cosam_jax.commands.benchmark.options import Options
from cosam_jax.experiment.parts import DTYPES, build_model
from cosam_jax.models.backbones.registry import NORMS
from cosam_jax.models.backbones.resnet import ResNet
from cosam_jax.models.layers import BatchNorm, Conv, Dtype
from cosam_jax.training.mesh import is_one_nvidia_gpu, make_mesh


class Product(nn.Module):
  """A 1x1 convolution and its norm, in training, as a bottleneck has them.

  `normed`: with another norm and its ReLU before it, as in the end of a bottleneck, and not in its
  beginning. `norms`: one of `registry.NORMS`.
  """

  features: int
  normed: bool
  norms: str
  dtype: Dtype

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """dtype[F, h, w, C] -> dtype[F, h, w, features]."""
    before = BatchNorm(dtype=self.dtype, name="before") if self.normed else None
    conv = Conv(self.features, dtype=self.dtype, name="conv")
    after = BatchNorm(dtype=self.dtype, name="after")
    if self.norms == "fused":
      return after.of_product(*conv.operands(x), before.affine(x) if before else None)
    x = nn.relu(before(x, train=True)) if before else x
    return after(conv(x), train=True)


def products(
  config: ConfigDict, options: Options, tick: Callable[[], None] = lambda: None
) -> list[dict[str, Any]] | dict[str, str]:
  """Times the two products of a block of each stage of the options, forwards and backwards.

  Sizes are those of the (resolved) configuration's network and training batch.

  Returns:
    One record for each product: `compiler` and `fused` are timings and XLA's numbers, `ratio` is
    compiler over fused. Or `left_out` and the reason, if there are no such products, or the devices
    are not one NVIDIA GPU.
  """
  settings = build_model(config, num_classes=2).settings
  if not isinstance(settings, ResNet) or not settings.fusible:
    return {"left_out": f"backbone {config.model.backbone} has none that are fused"}
  if not is_one_nvidia_gpu(make_mesh()):
    return {"left_out": "the fused kernels are for one NVIDIA GPU"}
  return [
    product(config, stage, normed, options.repeats, tick)
    for stage in options.stages
    for normed in (False, True)
  ]


def product(
  config: ConfigDict,
  stage: int,
  normed: bool,
  repeats: int,
  tick: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
  """The record of one product: that of the beginning of a block, or (`normed`) that of its end."""
  network = build_model(config, num_classes=2)
  settings = network.settings
  assert isinstance(settings, ResNet)
  height, width = network.grid_size(stage)
  inputs, outputs = settings.channels(stage), settings.inner_width(stage)
  if normed:
    inputs, outputs = outputs, inputs
  sizes = config.train
  frames = sizes.identities_per_batch * sizes.instances * config.clips.num_frames
  dtype = DTYPES[config.model.dtype]
  keys = jax.random.split(jax.random.key(config.seed))
  x = jax.random.normal(keys[0], (frames, height, width, inputs), dtype)
  ahead = jax.random.normal(keys[1], (frames, height, width, outputs), dtype)
  record: dict[str, Any] = {
    "stage": stage, "frames": frames, "grid": [height, width], "channels": [inputs, outputs],
    "normed": normed,
  }  # fmt: skip
  for norms in NORMS:
    record[norms] = _time(Product(outputs, normed, norms, dtype), x, ahead, repeats)
    tick()
  record["ratio"] = record["compiler"]["median_seconds"] / record["fused"]["median_seconds"]
  return record


def _time(layer: Product, x: jax.Array, ahead: jax.Array, repeats: int) -> dict[str, Any]:
  """Output, running statistics, and the gradients to weights and `x` from the output's `ahead`."""
  given = jax.device_put(drawn.variables(lambda: layer.init(jax.random.key(0), x[:1])))

  def both(params: Any, x: jax.Array, ahead: jax.Array) -> Any:
    def forward(params: Any, x: jax.Array) -> Any:
      return layer.apply({**given, "params": params}, x, mutable=["batch_stats"])

    y, pull_back, statistics = jax.vjp(forward, params, x, has_aux=True)
    return y, statistics, pull_back(ahead)

  program = clock.compiled(jax.jit(both), given["params"], x, ahead)
  timing = clock.timed(lambda: program.call(given["params"], x, ahead), repeats)
  return {**timing.record(), **program.record()}
