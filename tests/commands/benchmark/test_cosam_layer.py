"""COSAM's layer alone: its operations and bytes by hand, its ratio, and a volume too large."""

import jax
import jax.numpy as jnp
import pytest
import tiny
from drawn_networks import small

from cosam_jax.commands.benchmark import cosam_layer, device
from cosam_jax.commands.benchmark.options import Options
from cosam_jax.experiment import config as config_rules
from cosam_jax.models.interop import variable_shapes

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def layer_of(clips, **fields):
  options = Options(repeats=2, stages=(5,), frames=(3,), clips=clips)
  config = config_rules.resolve(tiny.config("nowhere", model__backbone="resnet18", **fields))
  (record,) = cosam_layer.layers(config, options)
  return record


def test_operations_and_bytes_of_a_tiny_layer():
  record = layer_of(clips=2)
  assert record["grid"] == [4, 2]
  frames, positions, channels, size = 6, 4 * 2, record["channels"], 64
  others = 2 * positions  # The positions of a clip's two other frames.
  products = 2 * frames * (
    positions * channels * size  # To descriptors,
    + positions * others * size  # the cost volume,
    + positions * others * 64  # its summary of 64 channels,
    + positions * 64  # the mask,
    + 2 * channels * size  # and the channel gate, there and back.
  )  # fmt: skip
  # With both gradients, a product becomes three of its size; the rest is single operations.
  assert 3 * products < record["explicit"]["flops"] < 1.25 * 3 * products
  weights = (
    channels * size + size + 2 * size + others * 64 + 64 + 2 * 64 + 64 + 1
    + 2 * channels * size + size + channels
  )  # fmt: skip
  for way in ("factored", "explicit"):
    memory = record[way]["memory_bytes"]
    assert memory["arguments"] == 4 * (weights + frames * positions * channels)
    # The same shapes come back as gradients, with a pointer for each of the 15.
    assert memory["outputs"] == memory["arguments"] + 8 * 15
  times = [record[way]["median_seconds"] for way in ("explicit", "factored")]
  assert record["ratio"] == times[0] / times[1]


def test_a_volume_that_does_not_fit_is_left_out_with_its_size(monkeypatch):
  volume = 4 * 1 * 3 * 2 * 8**2
  monkeypatch.setattr(device, "free_memory", lambda: 3 * volume - 1)
  record = layer_of(clips=1)
  assert record["explicit"]["left_out"].startswith("its volume of 0.0 GiB, three times,")
  assert "ratio" not in record
  assert record["factored"]["flops"] > 0


@pytest.mark.parametrize(
  ("kind", "dtype", "rate"),
  [
    ("NVIDIA H100 80GB HBM3", "bfloat16", 989.5e12),
    ("NVIDIA H100 PCIe", "float32", 378e12),
    ("Tesla T4", "float32", 8.1e12),
    ("Tesla T4", "bfloat16", None),
    ("NVIDIA L40S", "float32", 183e12),
    ("TPU v5 lite", "bfloat16", 197e12),
    ("GRAPHICS-T400", "float32", None),
  ],
)
def test_a_chips_published_peak_is_found_by_its_name(kind, dtype, rate):
  assert device.published_peak(kind, dtype) == rate


def test_descriptors_of_the_stage_below_are_made_of_features_of_its_size():
  usual, below = layer_of(clips=1), layer_of(clips=1, model__descriptors="below")
  more = [r["factored"]["memory_bytes"]["arguments"] for r in (usual, below)]
  channels, frames, positions, size = usual["channels"], 3, 4 * 2, 64
  # Stage 4 has half the channels of stage 5, on the same grid.
  saved = (channels - channels // 2) * size
  assert more[1] - more[0] == 4 * (frames * positions * channels // 2 - saved)


@pytest.mark.parametrize("backbone", ["resnet18", "se_resnet50", "osnet_x0_25"])
def test_what_a_stage_takes_is_what_the_stage_before_gives(backbone):
  model = small(backbone, cosam_stages=(), temporal="ta", image_size=(67, 45))
  clips = jax.ShapeDtypeStruct((1, 3, 67, 45, 3), jnp.float32)
  variables = variable_shapes(model)
  given = jax.eval_shape(lambda v, x: model.apply(v, x, method="stage_outputs"), variables, clips)
  for stage in (3, 4, 5):
    assert cosam_layer._below(model, stage) == given[stage - 1].shape[2:]
  frame = jax.ShapeDtypeStruct((1, 67, 45, 3), jnp.float32)
  stem = jax.eval_shape(
    lambda v, x: model.apply(v, x, method=lambda net, x: net.stem(x, train=False)), variables, frame
  )
  assert cosam_layer._below(model, 2) == stem.shape[1:]
