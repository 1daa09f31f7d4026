"""Our vectors inside of BoxMOT's trackers: an object with the interface of its ReID backends.

tracker = boxmot.BotSort(reid_model=BoxmotReid(embedder))
"""

import numpy as np

from cosam_jax.data.boxes import FILL
from cosam_jax.errors import InputError
from cosam_jax.experiment.adapters.colours import as_rgb
from cosam_jax.experiment.embedder import Embedder
from cosam_jax.runtime.given_values import array_given

_UPRIGHT = (4, 6, 8)
"""Numbers of columns of upright boxes in BoxMOT: corners, with confidence and class, and more."""
_EMPTY = FILL[None, None]
"""uint8[1, 1, 3], the colour of crops outside of their picture."""


class BoxmotReid:
  """A vector for each box of a picture, before it belongs to a track.

  Each is the vector of a tracklet of that one frame, brought to unit length, since BoxMOT compares
  by cosine. COSAM compares frames of a clip, and here all frames of a clip are the same one.

  A box wholly outside of the picture gets the vector of an empty crop, without a person, as from
  BoxMOT's own networks. It says nothing about the box's person, and all such boxes look alike. A
  vector of zeros would be plainer, but its cosine is NaN, which BoxMOT would compare.

  Attributes:
    embedding_dim: D; None before the first boxes.
  """

  def __init__(self, embedder: Embedder, *, batch_clips: int = 8, margin: float = 0.0):
    """Compiles nothing yet.

    Args:
      embedder: the network.
      batch_clips, margin: see `Embedder.stream`.
    """
    self._embedder, self._batch_clips, self._margin = embedder, batch_clips, margin
    self.embedding_dim: int | None = None

  def get_features(self, xyxys: np.ndarray, img: np.ndarray) -> np.ndarray:
    """The vectors of boxes.

    Args:
      xyxys: float[n, 4 or more], corners x1, y1, x2, y2 in pixels; other columns are not read.
        Boxes below a pixel are widened to one.
      img: uint8[height, width, 3], BGR.

    Returns:
      float32[n, D] of unit length; of no boxes, an empty array.

    Raises:
      InputError: turned boxes, or as `LiveTracks.add_boxes`.
    """
    boxes = array_given("boxes", xyxys, np.float64)
    if not boxes.size:
      return np.zeros((0, self.embedding_dim or 0), np.float32)
    boxes = np.atleast_2d(boxes)
    if boxes.shape[1] not in _UPRIGHT:
      raise InputError(
        f"boxes have {boxes.shape[1]} columns: upright boxes have {', '.join(map(str, _UPRIGHT))}, "
        "and turned ones are not embedded"
      )
    first = boxes[:, :2]
    corners = np.concatenate([first, np.maximum(boxes[:, 2:4], first + 1)], axis=1)
    rows = list(range(len(corners)))
    with self._embedder.stream(
      batch_clips=self._batch_clips, most_tracks=len(rows), margin=self._margin
    ) as live:
      inside = set(live.add_boxes(as_rgb(img, "bgr"), rows, corners))
      outside = [row for row in rows if row not in inside]
      live.add_many(outside, [_EMPTY] * len(outside))
      found = live.vectors()
    vectors = np.stack([found[row] for row in rows]).astype(np.float64)
    self.embedding_dim = vectors.shape[1]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)
