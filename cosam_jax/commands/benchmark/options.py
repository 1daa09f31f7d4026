"""The parts that the benchmark measures, and the number of measurements."""

import dataclasses
from collections.abc import Mapping
from typing import Any

BENCHMARK_PARTS = ("step", "embed", "cosam", "metrics", "input", "products")
# The last one needs a GPU.
_USUAL = BENCHMARK_PARTS[:-1]


@dataclasses.dataclass(frozen=True)
class Options:
  """The parts to measure, and the number of measurements.

  Attributes:
    parts: among `BENCHMARK_PARTS`.
    repeats: measurements of each number, at least 2; their median and quartiles are printed.
    stages: stages whose COSAM layers and products are measured alone, among 2, 3, 4 and 5.
    frames: clip lengths for the COSAM layers, each at least 2.
    clips: number of clips in the COSAM layers' batch, at least 1.
  """

  parts: tuple[str, ...] = _USUAL
  repeats: int = 10
  stages: tuple[int, ...] = (2, 3, 4, 5)
  frames: tuple[int, ...] = (4, 8, 16, 32)
  clips: int = 2


def measurements_of(part: str, options: Options) -> int:
  """The number of measurements that a part of `BENCHMARK_PARTS` consists of."""
  if part == "cosam":
    return 2 * len(options.stages) * len(options.frames)  # Factored and explicit.
  if part == "products":
    # Two in a block of each stage, by the compiler and fused.
    return 4 * len(options.stages)
  # Ranking, re-ranking, and ranking by the distances of that.
  return 3 if part == "metrics" else options.repeats


def options_of(flags: Mapping[str, Any]) -> Options:
  """The options that the command line gave; name -> value of its flags."""
  return Options(
    parts=tuple(flags["benchmark_parts"]),
    repeats=flags["benchmark_repeats"],
    stages=tuple(map(int, flags["benchmark_stages"])),
    frames=tuple(map(int, flags["benchmark_frames"])),
    clips=flags["benchmark_clips"],
  )
