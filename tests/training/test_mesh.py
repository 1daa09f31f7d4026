"""Batches are split over the devices, or refused with the numbers."""

import os
import subprocess
import sys
import types

import jax
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.training.mesh import (
  check_batch,
  check_divisible,
  make_mesh,
  put_batch,
  put_everywhere,
)


def test_a_mesh_of_all_devices():
  mesh = make_mesh()
  assert mesh.axis_names == ("data",)
  assert mesh.size == jax.device_count()


def check_four_devices():
  """Each device has its two rows of a batch, in order, and all of what is copied."""
  mesh = make_mesh()
  assert mesh.size == 4
  clips, labels = np.arange(24, dtype=np.float32).reshape(8, 3), np.arange(8)
  copied = put_everywhere(mesh, labels)
  for array, wanted in zip(put_batch(mesh, clips, labels), (clips, labels)):
    np.testing.assert_array_equal(array, wanted)
    for i, device in enumerate(mesh.devices):
      (shard,) = [one.data for one in array.addressable_shards if one.device == device]
      np.testing.assert_array_equal(shard, wanted[2 * i : 2 * i + 2])
  assert {shard.device for shard in copied.addressable_shards} == set(mesh.devices)
  for shard in copied.addressable_shards:
    np.testing.assert_array_equal(shard.data, labels)


def test_batches_are_split_and_unchanged():
  flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
  environment = os.environ | flags | {"PYTHONPATH": os.path.dirname(__file__)}
  code = "import test_mesh; test_mesh.check_four_devices()"
  subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=120)


@pytest.mark.parametrize(("clips", "devices"), [(32, 8), (32, 1), (7, 7), (30, 3)])
def test_batches_that_devices_can_share(clips, devices):
  check_divisible(types.SimpleNamespace(size=devices), "config.evaluation.batch_clips", clips)


@pytest.mark.parametrize(("clips", "devices"), [(32, 3), (4, 8), (33, 2)])
def test_a_batch_that_devices_cannot_share_is_refused_with_the_numbers(clips, devices):
  mesh = types.SimpleNamespace(size=devices)
  with pytest.raises(InputError) as raised:
    check_divisible(mesh, "config.evaluation.batch_clips", clips)
  sentence = str(raised.value)
  assert "config.evaluation.batch_clips" in sentence
  assert f"is {clips}" in sentence
  assert f"{devices} devices" in sentence


@pytest.mark.parametrize(
  ("sizes", "devices", "numbers"),
  [
    ((8, 4, 1), 3, "8 x 4 = 32 clips, which cannot be split evenly over 3 devices"),
    ((8, 4, 3), 8, "over 3 parts (config.train.accumulate) on 8 devices: make it a multiple of 24"),
    ((2, 2, 1), 8, "2 x 2 = 4 clips"),
  ],
)
def test_a_training_batch_that_cannot_be_split_is_refused_with_the_numbers(sizes, devices, numbers):
  with pytest.raises(InputError) as raised:
    check_batch(types.SimpleNamespace(size=devices), *sizes)
  assert numbers in str(raised.value)


@pytest.mark.parametrize(("sizes", "devices"), [((8, 4, 1), 8), ((8, 4, 4), 8), ((6, 2, 3), 4)])
def test_training_batches_that_can_be_split(sizes, devices):
  check_batch(types.SimpleNamespace(size=devices), *sizes)
