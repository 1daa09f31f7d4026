"""COSAM's layer alone: its operations and bytes by hand, its ratio, and a volume too large."""

import pytest
import tiny

from cosam_jax.commands.benchmark import cosam_layer, device
from cosam_jax.commands.benchmark.options import Options
from cosam_jax.experiment import config as config_rules

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def layer_of(clips):
  options = Options(repeats=2, stages=(5,), frames=(3,), clips=clips)
  config = config_rules.resolve(tiny.config("nowhere", model__backbone="resnet18"))
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
