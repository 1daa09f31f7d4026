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
  check_norms,
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


def mesh_of(count, platform, kind, version=""):
  client = types.SimpleNamespace(platform_version=version)
  device = types.SimpleNamespace(platform=platform, device_kind=kind, client=client)
  return types.SimpleNamespace(size=count, devices=np.array([device] * count))


CUDA, ROCM = "PJRT C API\ncuda 12090", "PJRT C API\nrocm 60443484"


def test_fused_norms_are_for_one_nvidia_gpu():
  check_norms(mesh_of(1, "gpu", "NVIDIA H200", CUDA), "fused")
  for mesh in (make_mesh(), mesh_of(8, "tpu", "TPU v4"), mesh_of(8, "gpu", "NVIDIA H200", CUDA)):
    check_norms(mesh, "compiler")


@pytest.mark.parametrize(
  ("mesh", "devices"),
  [
    (mesh_of(2, "gpu", "NVIDIA H200", CUDA), "2 x NVIDIA H200"),
    (mesh_of(1, "gpu", "AMD Instinct MI300X", ROCM), "1 x AMD Instinct MI300X"),
    (mesh_of(1, "tpu", "TPU v4"), "1 x TPU v4"),
    (mesh_of(1, "cpu", "cpu"), "1 x cpu"),
  ],
)
def test_fused_norms_on_other_devices_are_refused_with_these(mesh, devices):
  with pytest.raises(InputError) as raised:
    check_norms(mesh, "fused")
  sentence = str(raised.value)
  assert "config.model.norms is 'fused'" in sentence
  assert f"would run on {devices}: use 'compiler'" in sentence


def test_fused_norms_on_this_machine_are_judged_by_its_devices():
  mesh = make_mesh()
  if mesh.size == 1 and mesh.devices.flat[0].platform == "gpu":
    check_norms(mesh, "fused")
  else:
    with pytest.raises(InputError, match=r"config\.model\.norms is 'fused'"):
      check_norms(mesh, "fused")
