"""COSAM's layer alone, forwards and backwards, with and without the cost volume, by stage and T.

Notation: B clips, T frames, h w grid, N = h*w, C channels.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from cosam_jax.commands.benchmark import clock, device, drawn
from cosam_jax.commands.benchmark.options import Options
from cosam_jax.experiment.parts import DTYPES, build_model
from cosam_jax.models import Cosam, ReidNet

WAYS = ("factored", "explicit")
# The volume, its cotangent, and one more while XLA lays them out.
_COPIES = 3


def layers(
  config: ConfigDict, options: Options, tick: Callable[[], None] = lambda: None
) -> list[dict[str, Any]]:
  """Times the layer for every stage and clip length of the options, both ways.

  The grids and channels are those of the configuration's network. The explicit way is left out,
  with a sentence, if its cost volume would not fit into the device's memory.

  Returns:
    One record for each stage and clip length: `factored` and `explicit` are timings and XLA's
    numbers (or `left_out` and the reason), `ratio` is explicit over factored.
  """
  records = []
  for stage in options.stages:
    for frames in options.frames:
      records.append(_layer(config, options, stage, frames, tick))
  return records


def _layer(
  config: ConfigDict, options: Options, stage: int, frames: int, tick: Callable[[], None]
) -> dict[str, Any]:
  network = build_model(config, num_classes=2)
  height, width = network.grid_size(stage)
  channels = network.settings.channels(stage)
  dtype = DTYPES[config.model.dtype]
  shape = (options.clips, frames, height, width, channels)
  features = jax.random.normal(jax.random.key(config.seed), shape, dtype)
  described = None
  if network.descriptors == "below":
    place = (options.clips, frames, *_below(network, stage))
    described = jax.random.normal(jax.random.key(config.seed + 1), place, dtype)
  record: dict[str, Any] = {"stage": stage, "frames": frames, "grid": [height, width],
                            "channels": channels, "clips": options.clips}  # fmt: skip
  volume = 4 * options.clips * frames * (frames - 1) * (height * width) ** 2
  for way in WAYS:
    free = device.free_memory()
    if way == "explicit" and free is not None and _COPIES * volume > free:
      record[way] = {
        "left_out": f"its volume of {volume / 2**30:.1f} GiB, three times, does not fit into "
        f"{free / 2**30:.1f} GiB"
      }
    else:
      try:
        record[way] = _time(config, way, (features, described), options.repeats)
      except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
          raise
        record[way] = {"left_out": "it ran out of the device's memory"}
    tick()
  if not any("left_out" in record[way] for way in WAYS):
    record["ratio"] = record["explicit"]["median_seconds"] / record["factored"]["median_seconds"]
  return record


def _below(network: ReidNet, stage: int) -> tuple[int, ...]:
  """Height, width and channels of what `stage` takes."""
  if stage > 2:
    return (*network.grid_size(stage - 1), network.settings.channels(stage - 1))
  stem: Any = network.settings.make_stem(jnp.float32, False)
  frame = jax.ShapeDtypeStruct((1, *network.image_size, 3), jnp.float32)
  made = jax.eval_shape(
    lambda frame: stem.init_with_output(jax.random.key(0), frame, train=False)[0], frame
  )
  return made.shape[1:]


def _time(
  config: ConfigDict, way: str, inputs: tuple[jax.Array, jax.Array | None], repeats: int
) -> dict[str, Any]:
  """One training-mode pass forwards and backwards, to features and parameters.

  `inputs`: the features, and those that descriptors are made of, None if they are the same.
  """
  model, first = config.model, jax.tree.map(lambda x: x[:1], inputs)
  dtype = inputs[0].dtype
  layer = Cosam(way, model.ncc, model.summary, model.channel_gate, dtype)  # type: ignore[arg-type]
  # Both ways have the same parameters.
  given = drawn.variables(
    lambda: layer.init(jax.random.key(0), first[0], train=False, described=first[1])
  )

  def loss(params: Any, inputs: tuple[jax.Array, jax.Array | None]) -> jax.Array:
    all_given, (features, described) = {**given, "params": params}, inputs
    (attended, _), _ = layer.apply(
      all_given, features, train=True, described=described, mutable=["batch_stats"]
    )
    return attended.astype(jnp.float32).mean()

  given = jax.device_put(given)
  program = clock.compiled(jax.jit(jax.grad(loss, (0, 1))), given["params"], inputs)
  timing = clock.timed(lambda: program.call(given["params"], inputs), repeats)
  return {**timing.record(), **program.record()}
