"""Foreign networks: ONNX files of other programs, in the place of ours when tracklets are embedded.

A foreign network takes frames of its own size as grey levels and returns one vector for each clip;
a network of images is one of clips of a single frame, so that a tracklet's vector is the mean over
its frames. What is hashed of it are its files and its preprocessing, in place of weights.

Notation: `B` clips, `T` frames in a clip, `H W` image size, `D` embedding size.
"""

import dataclasses
import json
import pathlib
from typing import Any

import numpy as np

from cosam_jax.errors import InputError, suggestion
from cosam_jax.models.foreign_preprocessing import (
  LAYOUTS,
  Preprocessing,
  missing_item,
  network_input,
  preprocessing_file,
  read_preprocessing,
)
from cosam_jax.models.onnx_sessions import Port, Session, read_program
from cosam_jax.models.reid import ReidNet

COMPARABLE = (
  "results of the same protocol, whatever their network; numbers that its authors published only "
  "if they prepared frames and ranked in the same way"
)
"""Who may compare the results of a foreign network."""
_INPUTS = {
  "tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64,
  "tensor(uint8)": np.uint8,
}  # fmt: skip
_OUTPUTS = tuple(kind for kind in _INPUTS if kind != "tensor(uint8)")
_TRIED_AT_ONCE = 2
_MOST_APART = 0.05
"""Of a vector's length: rounding in half precision stays below it, batch statistics exceed it."""


class ForeignNet:
  """A network of an ONNX file.

  Attributes:
    path, file: the file and its name.
    preprocessing: how frames become its input; layout and output are known.
    num_frames: T. image_size: (H, W).
    embedding_size: D.
    provider: the part of ONNX Runtime that runs it.
    cosam_stages: none, as of a network of ours without COSAM.
  """

  cosam_stages: tuple[int, ...] = ()

  def __init__(self, path: pathlib.Path):
    """Reads the file and `model.json` beside it, compares them, and tries the network once.

    Raises:
      InputError: one of them is missing or cannot be used, they contradict each other, an item is
        missing, or the network does not give one vector for each clip, whatever stands beside it.
    """
    self.file = path.name
    asked = read_preprocessing(path)
    program = read_program(path)
    self._session, self.path = Session(program, path), path
    self.preprocessing = settled(asked, self._session.inputs, self._session.outputs, path)
    self.provider = self._session.provider
    taken = self._session.inputs[0]
    self._dtype, self._at_once = np.dtype(_INPUTS[taken.kind]), next(iter(taken.shape), None)
    self._identity: dict[str, Any] = {"sha256": program.sha256}
    if program.beside:
      self._identity["weights_beside"] = program.beside
    self._identity["preprocessing"] = self.preprocessing.record()
    self.num_frames, self.image_size = self.preprocessing.frames, self.preprocessing.size
    self.embedding_size = self._tried()

  @property
  def variables(self) -> dict[str, Any]:
    """What distinguishes the network, in the form of weights: its digests and preprocessing.

    So the hashes of weights are hashes of these, and no calibration is used with another file or
    preprocessing.
    """
    text = json.dumps(self._identity, sort_keys=True)
    return {"params": {"foreign": np.frombuffer(text.encode(), np.uint8)}}

  @property
  def record(self) -> dict[str, Any]:
    """The network for a result's card: plain values."""
    return {"file": self.file, **self._identity, "comparable_with": COMPARABLE}

  def features(self, clips: np.ndarray, valid: np.ndarray, *, flip: bool = False) -> np.ndarray:
    """A vector for each clip.

    Args:
      clips: float32[B, T, H, W, 3], RGB grey levels 0 .. 255.
      valid: bool[B, T], false for frames that could not be read. The clip's readable frames take
        their places in turn, as they fill a clip that is too short.
      flip: whether a vector is the mean of the clip's and its mirror image's, before `normalise`.

    Returns:
      float32[B, D].

    Raises:
      InputError: the network fails.
    """
    clips = _without_gaps(clips, valid)
    found = self._vectors(clips)
    if flip:
      found = (found + self._vectors(clips[:, :, :, ::-1])) / 2
    if self.preprocessing.normalise:
      lengths = np.linalg.norm(found, axis=1, keepdims=True)
      found = found / np.maximum(lengths, np.finfo(np.float32).tiny)
    return found

  def _tried(self) -> int:
    """D, found by a trial.

    Raises:
      InputError: a clip's vector depends on the clips beside it.
    """
    count = self._at_once or _TRIED_AT_ONCE
    shape = (self.num_frames, *self.image_size, 3)
    clip, bright, dark = (
      np.random.default_rng(0).uniform(least, most, shape).astype(np.float32)
      for least, most in ((0, 255), (200, 255), (0, 50))
    )
    beside = [
      self._vectors(np.stack([clip, *[other] * (count - 1)]))[0] for other in (bright, dark)
    ]
    if self._at_once is None:
      beside.append(self._vectors(clip[None])[0])
    away = max(float(np.linalg.norm(one - beside[0])) for one in beside)
    if away > _MOST_APART * max(float(np.linalg.norm(one)) for one in beside):
      raise InputError(
        f"{self.path} gives a clip another vector if other clips stand beside it, so its vectors "
        "mean nothing: it was probably exported in training mode; call model.eval() before the "
        "export"
      )
    return len(beside[0])

  def _vectors(self, levels: np.ndarray) -> np.ndarray:
    """float32[B, D] as the network gives them; a file for a fixed number gets that many at once."""
    values = network_input(levels, self.preprocessing, self._dtype)
    count = self._at_once or len(values)
    found = []
    for first in range(0, len(values), count):
      part = values[first : first + count]
      filling = np.repeat(part[-1:], count - len(part), axis=0)
      found.append(self._answer(np.concatenate([part, filling]))[: len(part)])
    return np.concatenate(found)

  def _answer(self, values: np.ndarray) -> np.ndarray:
    output = self.preprocessing.output
    assert output is not None
    found = self._session.run(output, values)
    if found.ndim > 2 and set(found.shape[2:]) == {1}:  # A pool leaves a grid of one place.
      found = found.reshape(found.shape[:2])
    if found.ndim != 2 or len(found) != len(values):
      raise InputError(
        f"output {output!r} of {self.path} has the shape {list(found.shape)} for {len(values)} at "
        "once: it must have one vector for each; export the network up to its embedding, or name "
        "another output"
      )
    return found.astype(np.float32)


AnyNet = ReidNet | ForeignNet
"""A network that embeds tracklets."""


def ours(network: AnyNet) -> ReidNet:
  """The network if it is one of ours, which alone can be trained, exported and looked into.

  Raises:
    InputError: it is a foreign one.
  """
  if isinstance(network, ForeignNet):
    raise InputError(
      f"{network.file} is a foreign network, which can only be evaluated and embedded with: give a "
      "network of this program"
    )
  return network


def settled(
  asked: Preprocessing, inputs: tuple[Port, ...], outputs: tuple[Port, ...], path: pathlib.Path
) -> Preprocessing:
  """The preprocessing with its layout and output; compared with what the ONNX file says.

  Args:
    asked: as the user wrote it.
    inputs, outputs: of the ONNX file.
    path: of the ONNX file.

  Raises:
    InputError: they contradict each other, or an item is missing that the file does not decide.
  """
  beside = preprocessing_file(path)
  if len(inputs) != 1:
    raise InputError(
      f"{path} has {len(inputs)} inputs ({', '.join(one.name for one in inputs)}), and frames are "
      "one: export it with its other inputs as constants"
    )
  (taken,) = inputs
  if taken.kind not in _INPUTS:
    raise InputError(f"{path} takes {taken}: its input must be one of {', '.join(_INPUTS)}")
  whole = (asked.range, set(asked.mean), set(asked.deviation)) == (255, {0.0}, {1.0})
  if _INPUTS[taken.kind] is np.uint8 and not whole:
    raise InputError(
      f"{path} takes {taken}, whole grey levels, so {beside} must have range 255, mean [0, 0, 0] "
      "and deviation [1, 1, 1]"
    )
  layout = _layout(asked, taken, path)
  names = [one.name for one in outputs]
  if asked.output is None and len(outputs) > 1:
    raise missing_item(beside, "output", f"one of {', '.join(map(str, outputs))}")
  name = names[0] if asked.output is None else asked.output
  if name not in names:
    raise InputError(
      f"{beside} has output {name!r}, and {path} has {', '.join(map(repr, names))}: give one of "
      f"these{suggestion(name, names)}"
    )
  kind = outputs[names.index(name)].kind
  if kind not in _OUTPUTS:
    raise InputError(
      f"output {name!r} of {path} is {kind}: a vector must be one of {', '.join(_OUTPUTS)}"
    )
  return dataclasses.replace(asked, layout=layout, output=name)


def _layout(asked: Preprocessing, taken: Port, path: pathlib.Path) -> str:
  """The layout that size, frames and the input's shape allow."""
  beside = preprocessing_file(path)
  height, width = asked.size
  sizes = {"T": asked.frames, "C": 3, "H": height, "W": width}
  # Several frames need an axis; a single one may have one too.
  legal = [one for one in LAYOUTS if asked.frames == 1 or "T" in one]

  def fits(layout: str) -> bool:
    if not taken.shape:
      return True
    axes = zip(layout[1:], taken.shape[1:])
    return len(layout) == len(taken.shape) and all(n in (None, sizes[axis]) for axis, n in axes)

  fitting = [one for one in legal if fits(one)]
  if not fitting or (asked.layout is not None and asked.layout not in fitting):
    words = f"size {list(asked.size)} and frames {asked.frames}"
    words += f" and layout {asked.layout}" if asked.layout else ""
    remedy = f"; layout {' or '.join(fitting)} would fit" if fitting else ""
    raise InputError(
      f"{beside} says {words}, and {path} takes {taken}: correct the one that is wrong{remedy}"
    )
  if asked.layout is None and len(fitting) > 1:
    raise missing_item(beside, "layout", f"one of {', '.join(fitting)}")
  return asked.layout or fitting[0]


def _without_gaps(clips: np.ndarray, valid: np.ndarray) -> np.ndarray:
  """Clips in which readable frames stand, in turn, where others could not be read."""
  broken = np.flatnonzero(valid.any(axis=1) & ~valid.all(axis=1))
  if not len(broken):
    return clips
  filled = clips.copy()
  for clip in broken:
    there, gone = np.flatnonzero(valid[clip]), np.flatnonzero(~valid[clip])
    filled[clip, gone] = clips[clip, there[np.arange(len(gone)) % len(there)]]
  return filled
