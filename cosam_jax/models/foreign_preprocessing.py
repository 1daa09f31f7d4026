"""The preprocessing of a foreign network: how a frame's grey levels become its input.

An ONNX file does not say it, so `model.json` beside `model.onnx` does, item by item. Nothing has a
default: a network that gets frames prepared in another way than it was trained with answers without
an error, and worse.

Notation: `B` clips, `T` frames in a clip, `H W` the network's image size.
"""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cosam_jax.data.transforms import RESIZE_METHODS
from cosam_jax.errors import InputError, suggestion
from cosam_jax.runtime.json_files import read_json

LAYOUTS = ("NCHW", "NHWC", "NTCHW", "NCTHW", "NTHWC")
"""Orders of the input's axes: batch (N), frame (T), colour (C), height, width."""
DOCUMENT = "docs/foreign_networks.md"
_LEVELS = 255
_MOST_COLOUR = 1e6  # Far above any legal number; compared before anything is computed.
_LEAST_DEVIATION = 1e-3
_SIDES, _MOST_FRAMES = (8, 4096), 1024
_OPTIONAL = ("layout", "output")


@dataclasses.dataclass(frozen=True)
class Preprocessing:
  """How frames become a network's input, and its output a vector.

  Attributes:
    size: (H, W) in pixels, to which frames are resized without keeping their proportions.
    channels: `"RGB"` or `"BGR"`, the order in which the network takes colours.
    range: 1 or 255: black is 0, and white is this.
    mean, deviation: three numbers each, in the order of `channels` and the unit of `range`. The
      mean is subtracted, then the deviation divides.
    resize: one of `transforms.RESIZE_METHODS`.
    frames: 1 for a network of images; T for a network of clips.
    normalise: whether the output is brought to length 1 before the mean over a tracklet.
    layout: one of `LAYOUTS`; None: as the file says.
    output: name of the output; None: the only one.
  """

  size: tuple[int, int]
  channels: str
  range: int
  mean: tuple[float, ...]
  deviation: tuple[float, ...]
  resize: str
  frames: int
  normalise: bool
  layout: str | None = None
  output: str | None = None

  def record(self) -> dict[str, Any]:
    """Plain values, as in the file."""
    found = {
      name: list(value) if isinstance(value, tuple) else value
      for name, value in dataclasses.asdict(self).items()
    }
    return {name: value for name, value in found.items() if value is not None}

  def factor_and_offset(self) -> tuple[np.ndarray, np.ndarray]:
    """float32[3] each: grey levels 0 .. 255 times the factor, less the offset, are the input."""
    mean, deviation = np.array(self.mean), np.array(self.deviation)
    factor, offset = self.range / (_LEVELS * deviation), mean / deviation
    return factor.astype(np.float32), offset.astype(np.float32)


class Item(NamedTuple):
  """One item of the file.

  Attributes:
    allowed: the legal values, in words.
    where: the place where a user finds the right one.
    read: makes the value of the file's one; None if that is not legal.
  """

  allowed: str
  where: str
  read: Callable[[Any], Any]


def _one_of(*legal: str) -> Callable[[Any], Any]:
  return lambda value: value if isinstance(value, str) and value in legal else None


def _size(value: Any) -> tuple[int, int] | None:
  least, most = _SIDES
  pair = isinstance(value, list) and len(value) == 2
  fits = pair and all(type(side) is int and least <= side <= most for side in value)
  return (value[0], value[1]) if fits else None


def _range(value: Any) -> int | None:
  return int(value) if type(value) in (int, float) and value in (1, _LEVELS) else None


def _colours(value: Any) -> tuple[float, ...] | None:
  three = isinstance(value, list) and len(value) == 3
  fits = three and all(type(x) in (int, float) and abs(x) <= _MOST_COLOUR for x in value)
  return tuple(float(x) for x in value) if fits else None


def _frames(value: Any) -> int | None:
  return value if type(value) is int and 1 <= value <= _MOST_FRAMES else None


def _yes_or_no(value: Any) -> bool | None:
  if isinstance(value, bool):
    return value
  return {"yes": True, "no": False}.get(value) if isinstance(value, str) else None


ITEMS: dict[str, Item] = {
  "size": Item(
    f"[height, width], whole numbers from {_SIDES[0]} to {_SIDES[1]}",
    "the size in the authors' test transform; height comes first, such as [256, 128]", _size,
  ),
  "channels": Item(
    "RGB or BGR",
    "RGB if the authors read frames with PIL or convert them with cvtColor, BGR if they feed what "
    "cv2.imread returns", _one_of("RGB", "BGR"),
  ),
  "range": Item(
    "1 or 255",
    "1 if white is 1 before mean and deviation (ToTensor divides by 255), 255 if it is 255", _range,
  ),
  "mean": Item(
    "three numbers in the unit of range and in the order of channels",
    "the mean of Normalize in the authors' test transform; [0, 0, 0] if nothing is subtracted",
    _colours,
  ),
  "deviation": Item(
    "three numbers above 0 in the unit of range and in the order of channels",
    "the std of Normalize in the authors' test transform; [1, 1, 1] if nothing divides", _colours,
  ),
  "resize": Item(
    " or ".join(RESIZE_METHODS),
    "the interpolation of Resize in the authors' test transform; bilinear is torchvision's default",
    _one_of(*RESIZE_METHODS),
  ),
  "frames": Item(
    f"1 for a network of images, or the frames of a clip, up to {_MOST_FRAMES}",
    "the number of frames that the authors give the network at once", _frames,
  ),
  "normalise": Item(
    "true or false (yes or no)",
    "true if the authors' test code divides the vector of each frame or clip by its length before "
    "the mean over a tracklet (F.normalize), false if it averages the output as it is", _yes_or_no,
  ),
  "layout": Item(
    f"{', '.join(LAYOUTS[:2])} for images, {', '.join(LAYOUTS[2:])} for clips",
    "the shape of the input that the network was exported with", _one_of(*LAYOUTS),
  ),
  "output": Item(
    "the name of an output of the file", "the output that the authors rank by",
    lambda value: value if isinstance(value, str) and value else None,
  ),
}  # fmt: skip
"""The items of the file, in the order in which people should read them."""


def preprocessing_file(network: pathlib.Path) -> pathlib.Path:
  """The file that belongs to an ONNX file: `model.json` to `model.onnx`."""
  return network.with_suffix(".json")


def read_preprocessing(network: pathlib.Path) -> Preprocessing:
  """Reads the file beside an ONNX file.

  Raises:
    InputError: there is none, or it lacks an item, or has one that does not exist, that is not
      legal, or that cannot be in the unit of `range`.
  """
  path = preprocessing_file(network)
  needed = [name for name in ITEMS if name not in _OPTIONAL]
  if not path.is_file():
    raise InputError(
      f"{network} needs a file {path.name} beside it, since an ONNX file does not say how frames "
      f"become its input: a JSON object with {', '.join(needed)}; {DOCUMENT} explains each"
    )
  content = read_json(path, "the preprocessing", f"write it as {DOCUMENT} shows")
  if not isinstance(content, dict):
    raise InputError(f"{path} is not a JSON object: write it as {DOCUMENT} shows")
  for name in content:
    if name not in ITEMS:
      raise InputError(
        f"{path} has {name[:60]!r}, which is not an item: use {', '.join(ITEMS)}"
        f"{suggestion(name, ITEMS)}"
      )
  if lacking := [name for name in needed if name not in content]:
    raise missing_item(path, lacking[0], others=lacking[1:])
  values: dict[str, Any] = {}
  for name, given in content.items():
    values[name] = ITEMS[name].read(given)
    if values[name] is None:
      raise InputError(
        f"{path} has {name} {str(given)[:60]!r}: it must be {ITEMS[name].allowed}; it is "
        f"{ITEMS[name].where}"
      )
  found = Preprocessing(**values)
  _check_units(path, found)
  return found


def missing_item(
  path: pathlib.Path, name: str, allowed: str | None = None, others: list[str] | None = None
) -> InputError:
  """The error for an item that the file must have.

  Args:
    path: the file.
    name: of the item.
    allowed: its legal values here; None: those of `ITEMS`.
    others: further items that are missing.
  """
  more = f" (missing too: {', '.join(others)})" if others else ""
  return InputError(
    f"{path} does not say {name}{more}: give {allowed or ITEMS[name].allowed}; it is "
    f"{ITEMS[name].where}"
  )


def _check_units(path: pathlib.Path, how: Preprocessing) -> None:
  """Refuses a mean or deviation that is plainly in another unit than `range`, the usual slip."""
  whole = how.range == _LEVELS
  least = 1 if whole else _LEAST_DEVIATION
  wrong = {
    "mean": [x for x in how.mean if not 0 <= x <= how.range or (whole and 0 < x < 1)],
    "deviation": [x for x in how.deviation if not least <= x <= how.range],
  }
  legal = {
    "mean": "0, or from 1 to 255" if whole else "from 0 to 1",
    "deviation": "from 1 to 255" if whole else f"from {_LEAST_DEVIATION} to 1",
  }
  for name, numbers in wrong.items():
    if numbers:
      raise InputError(
        f"{path} has {name} {numbers[0]:g} with range {how.range}: each of its numbers must be "
        f"{legal[name]}, since it is in the unit of range; correct the one or the other"
      )


def network_input(levels: np.ndarray, how: Preprocessing, dtype: np.dtype) -> np.ndarray:
  """The input of a network.

  Args:
    levels: float32[B, T, H, W, 3], RGB grey levels 0 .. 255 of the network's size.
    how: with a layout; one without T takes the first frame of each clip.
    dtype: of the input; whole numbers are rounded.

  Returns:
    The array in the order of the layout.
  """
  assert how.layout is not None
  factor, offset = how.factor_and_offset()
  colours = levels[..., ::-1] if how.channels == "BGR" else levels
  values, axes = colours * factor - offset, "NTHWC"
  if "T" not in how.layout:
    values, axes = values[:, 0], "NHWC"
  values = values.transpose([axes.index(axis) for axis in how.layout])
  if np.issubdtype(dtype, np.integer):
    values = np.rint(values).clip(0, _LEVELS)
  return np.ascontiguousarray(values, dtype)
