"""The device: its name, its published peak for known chips, and its measured peak."""

import os
import platform
from typing import Any

import jax
import jax.numpy as jnp

from cosam_jax.commands.benchmark import clock
from cosam_jax.runtime import host_memory
from cosam_jax.training.health import most_memory_mib

# Dense FLOP/s of one device (in JAX's sense), from the makers' data sheets (NVIDIA's product pages
# without sparsity; Google's Cloud TPU pages), by a part of its name; the first match counts.
# "float32" is the type with which JAX computes float32 products by default: TF32 from Ampere on.
# TPUs have no such figure, since they compute a float32 product as several bfloat16 ones.
PEAKS: tuple[tuple[str, dict[str, float]], ...] = (
  ("H200 NVL", {"bfloat16": 835.5e12, "float32": 417.5e12}),
  ("H200", {"bfloat16": 989.5e12, "float32": 494.7e12}),
  ("H100 PCIe", {"bfloat16": 756e12, "float32": 378e12}),
  ("H100 NVL", {"bfloat16": 835.5e12, "float32": 417.5e12}),
  ("GH200", {"bfloat16": 989.5e12, "float32": 494.7e12}),
  ("H100", {"bfloat16": 989.5e12, "float32": 494.7e12}),
  ("A100", {"bfloat16": 312e12, "float32": 156e12}),
  ("A10G", {"bfloat16": 70e12, "float32": 35e12}),
  ("A10", {"bfloat16": 125e12, "float32": 62.5e12}),
  ("L40S", {"bfloat16": 362e12, "float32": 183e12}),
  ("L4", {"bfloat16": 121e12, "float32": 60e12}),
  ("V100-PCIE", {"float32": 14e12}),
  ("V100", {"float32": 15.7e12}),
  ("T4", {"float32": 8.1e12}),
  ("TPU v6", {"bfloat16": 918e12}),
  ("TPU v5 lite", {"bfloat16": 197e12}),
  ("TPU v5e", {"bfloat16": 197e12}),
  ("TPU v5", {"bfloat16": 459e12}),
  ("TPU v4 lite", {"bfloat16": 138e12}),
  ("TPU v4", {"bfloat16": 275e12}),
  ("TPU v3", {"bfloat16": 61.5e12}),
  ("TPU v2", {"bfloat16": 22.5e12}),
)


def describe() -> dict[str, Any]:
  """Name and number of the devices, the host's processor, and the libraries' versions."""
  device = jax.devices()[0]
  return {
    "platform": device.platform,
    "kind": device.device_kind,
    "count": jax.device_count(),
    "host": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores"
    if hasattr(os, "sched_getaffinity")
    else f"{platform.machine()}, {os.cpu_count()} cores",
    "jax": jax.__version__,
    "python": platform.python_version(),
  }


def published_peak(kind: str, dtype: str) -> float | None:
  """FLOP/s that the maker states for products in `dtype`; None for other chips or types."""
  lower = kind.lower()
  for part, peaks in PEAKS:
    # "T4" and "L4" are also parts of other names.
    if part.lower() in lower.split() or (len(part) > 2 and part.lower() in lower):
      return peaks.get(dtype)
  return None


def measured_peak(dtype: str, repeats: int) -> dict[str, Any]:
  """The rate of a large square matrix product on one device, with JAX's default precision.

  Returns:
    `size` of the matrices, their `dtype`, `flops_per_second` of the median and its timing.
  """
  size = 1536 if jax.default_backend() == "cpu" else 8192
  keys = jax.random.split(jax.random.key(0))
  left, right = (jax.random.normal(key, (size, size), jnp.dtype(dtype)) for key in keys)
  program = clock.compiled(jax.jit(jnp.matmul), left, right)
  timing = clock.timed(lambda: program.call(left, right), repeats)
  rate = 2 * size**3 / timing.median
  return {"size": size, "dtype": dtype, "flops_per_second": rate, **timing.record()}


def memory_of_host() -> dict[str, Any] | None:
  """The host's memory before anything is measured; None if the devices are not CPUs.

  Returns:
    `kept`: whether the process keeps memory between calls; `free_bytes`, or None if the system does
    not say; `machine_bytes`.
  """
  if jax.devices()[0].platform != "cpu":
    return None
  return {
    "kept": host_memory.keeps(),
    "free_bytes": host_memory.free_bytes(),
    "machine_bytes": host_memory.machine_bytes(),
  }


def peak_memory() -> int | None:
  """Most bytes that the first device has held in this process so far; None if unknown.

  For a CPU, it is the most that the whole process has held.
  """
  device = jax.devices()[0]
  if device.platform == "cpu":
    return round(most_memory_mib() * 2**20)
  return (device.memory_stats() or {}).get("peak_bytes_in_use")


def free_memory() -> int | None:
  """Free bytes of the first device; for a CPU, those of the host; None if unknown."""
  stats = jax.devices()[0].memory_stats() or {}
  if "bytes_limit" in stats:
    return stats["bytes_limit"] - stats.get("bytes_in_use", 0)
  return host_memory.free_bytes()
