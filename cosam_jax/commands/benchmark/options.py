"""The benchmark's flags. Imports nothing slow, since the door defines them before it parses."""

import dataclasses
from typing import Any

from absl import flags

from cosam_jax.runtime.text_numbers import whole_number

PARTS = ("step", "embed", "cosam", "metrics", "input")


@dataclasses.dataclass(frozen=True)
class Options:
  """What is measured, and how often.

  Attributes:
    parts: among `PARTS`.
    repeats: measurements of each number, at least 2; their median and quartiles are told.
    stages: whose COSAM layers are measured alone, among 2, 3, 4 and 5.
    frames: clip lengths of those layers, each at least 2.
    clips: clips in those layers' batch, at least 1.
  """

  parts: tuple[str, ...] = PARTS
  repeats: int = 10
  stages: tuple[int, ...] = (2, 3, 4, 5)
  frames: tuple[int, ...] = (4, 8, 16, 32)
  clips: int = 2


_HELP = {
  "parts": "Parts of --mode=benchmark, separated by commas: step (training), embed (inference), "
  "cosam (the layer alone, both ways), metrics (ranking and re-ranking at MARS scale), input "
  "(reading and augmenting frames; needs the data set).",
  "repeats": "Measurements of each number in --mode=benchmark, 2 or more.",
  "stages": "Stages, among 2,3,4,5, whose COSAM layer --mode=benchmark measures alone.",
  "frames": "Clip lengths, 2 or more, of the layers that --mode=benchmark measures alone.",
  "clips": "Clips in the batch of those layers, 1 or more.",
}
FLAGS = tuple(f"benchmark_{name}" for name in _HELP)


def define_flags() -> None:
  """Registers the flags with absl, which refuses other values."""
  default = Options()
  _define_list("parts", default.parts, lambda text: text in PARTS, f"among {', '.join(PARTS)}")
  _define_list("stages", default.stages, lambda text: text in "2345", "among 2, 3, 4 and 5")
  _define_list("frames", default.frames, lambda text: (whole_number(text) or 0) > 1,
               "whole numbers, 2 or more")  # fmt: skip
  for name, least in (("repeats", 2), ("clips", 1)):
    flags.DEFINE_integer(
      f"benchmark_{name}",
      getattr(default, name),
      _HELP[name],
      lower_bound=least,
      module_name="cosam_jax",
    )


def given() -> Options:
  """The options that the command line gave."""
  values: dict[str, Any] = {name: flags.FLAGS[f"benchmark_{name}"].value for name in _HELP}
  return Options(
    parts=tuple(values["parts"]),
    repeats=values["repeats"],
    stages=tuple(map(int, values["stages"])),
    frames=tuple(map(int, values["frames"])),
    clips=values["clips"],
  )


def _define_list(name: str, default: tuple, accepts, allowed: str) -> None:
  flag = f"benchmark_{name}"
  flags.DEFINE_list(flag, [str(item) for item in default], _HELP[name], module_name="cosam_jax")

  def check(values: list[str]) -> bool:
    return bool(values) and all(accepts(value) for value in values)

  flags.register_validator(flag, check, f"it must be a list, separated by commas, {allowed}")
