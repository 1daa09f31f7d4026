"""Frames that reach the devices as bytes, a quarter of the floats, and are normalised there.

Notation: B clips, T frames, H, W the image size.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cosam_jax.data.pixel_numbers import factor_and_offset


class FrameBytes(NamedTuple):
  """Clips as bytes; steps and forward passes take them in place of clips of floats.

  Attributes:
    levels: uint8[B, T, H, W, 3], grey levels.
    there: bool[B, T], false for frames that are zeros after normalisation, not black.
  """

  levels: Any
  there: Any


Clips = jax.Array | FrameBytes
"""Clips on the devices: float32[B, T, H, W, 3], normalised, or bytes."""


def clips_to_put(clips: np.ndarray, valid: np.ndarray) -> Any:
  """The clips of a batch of the pipeline in the form in which they are put on the devices.

  Args:
    clips: float32[B, T, H, W, 3], normalised, or uint8.
    valid: bool[B, T], false for frames that only fill their place.

  Returns:
    The floats as they are; bytes as `FrameBytes`.
  """
  return FrameBytes(clips, valid) if clips.dtype == np.uint8 else clips


def normalised(clips: Clips) -> jax.Array:
  """float32[B, T, H, W, 3] on the device: floats as they are, bytes normalised."""
  if not isinstance(clips, FrameBytes):
    return clips
  factor, offset = factor_and_offset()
  values = clips.levels.astype(jnp.float32) * factor - offset
  return jnp.where(clips.there[..., None, None, None], values, 0.0)
