"""The whole network on drawn clips: the training step, and the embedding of clips.

Notation: B clips, T frames, H W image.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from cosam_jax.commands.benchmark import clock, device, drawn
from cosam_jax.data.sets.registry import DATASETS, data_set_of
from cosam_jax.experiment.learning import learning_of, optimizer_of
from cosam_jax.experiment.parts import build_model, objective
from cosam_jax.models import ReidNet
from cosam_jax.models.folded import for_inference
from cosam_jax.training import mesh, state, steps


def training_step(
  config: ConfigDict, repeats: int, tick: Callable[[], None] = lambda: None
) -> dict[str, Any]:
  """Times the training step of a (resolved) configuration on drawn clips, on all devices."""
  where = mesh.make_mesh()
  mesh.check_norms(where, config.model.norms)
  clips = config.train.identities_per_batch * config.train.instances
  mesh.check_divisible(where, "train.identities_per_batch * train.instances", clips)
  model = _model(config)
  optimizer = optimizer_of(config, lambda _: config.optim.learning_rate)
  averaged = bool(config.train.average)
  start = state.create_state(_variables(config, model), optimizer, averaged=averaged)
  current = jax.device_put(start, mesh.replicated(where))
  labels = np.repeat(np.arange(config.train.identities_per_batch), config.train.instances)
  batch = mesh.put_batch(where, _clips(config, clips), labels.astype(np.int32))
  parts, learning = config.train.accumulate, learning_of(config)
  mesh.check_batch(where, config.train.identities_per_batch, config.train.instances, parts)
  step = steps.jit_train_step(model, objective(config), optimizer, where, parts, learning=learning)
  # In parts, the network runs forwards twice; the operations are those that one step needs.
  whole = steps.jit_train_step(model, objective(config), optimizer, where, learning=learning)
  program = clock.compiled(step, current, *batch, None, counted=whole if parts > 1 else None)

  def call() -> Any:
    # The state is donated, so each step takes the state of the step before.
    nonlocal current
    current, metrics = program.call(current, *batch, None)
    return metrics["loss"], current.params

  return _rates(config, clips, program, clock.timed(call, repeats, tick), where.size)


def embedding(
  config: ConfigDict, repeats: int, tick: Callable[[], None] = lambda: None
) -> dict[str, Any]:
  """Times inference on a batch of `evaluation.batch_clips` drawn clips, on all devices."""
  where = mesh.make_mesh()
  clips = config.evaluation.batch_clips
  mesh.check_divisible(where, "config.evaluation.batch_clips", clips)
  model = _model(config)
  variables = jax.device_put(
    for_inference(model, _variables(config, model)), mesh.replicated(where)
  )
  (batch,) = mesh.put_batch(where, _clips(config, clips))
  flip = config.evaluation.flip
  forward = steps.jit_forward(model, where, flip=flip)
  whole = steps.jit_forward(model, where, flip=flip, at_once=True)
  program = clock.compiled(forward, variables, batch, None, counted=whole)
  timing = clock.timed(lambda: program.call(variables, batch, None).features, repeats, tick)
  return _rates(config, clips, program, timing, where.size)


def _model(config: ConfigDict) -> ReidNet:
  expected = data_set_of(config.data.name).expected or DATASETS["mars"].expected
  return build_model(config, expected["train"].identities)


def _variables(config: ConfigDict, model: ReidNet) -> dict[str, Any]:
  one = np.zeros((1, model.num_frames, *model.image_size, 3), np.float32)
  return dict(drawn.variables(lambda: model.init(jax.random.key(0), one), config.seed))


def _clips(config: ConfigDict, clips: int) -> np.ndarray:
  shape = (clips, config.clips.num_frames, *config.clips.image_size, 3)
  return np.random.default_rng(config.seed).standard_normal(shape, np.float32)


def _rates(
  config: ConfigDict, clips: int, program: clock.Program, timing: clock.Timing, devices: int
) -> dict[str, Any]:
  """The rates that follow from a time: clips, frames, and FLOP/s of one device."""
  record: dict[str, Any] = {
    "clips": clips,
    "frames_per_clip": config.clips.num_frames,
    **timing.record(),
    "clips_per_second": clips / timing.median,
    "frames_per_second": clips * config.clips.num_frames / timing.median,
    **program.record(),
    "peak_memory_bytes": device.peak_memory(),
  }
  if program.flops:
    record["flops_per_second"] = program.flops / timing.median / devices
  return record
