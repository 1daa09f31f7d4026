"""A user's own tracklets with their vectors, and the files that keep them."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tqdm
from PIL import Image

from cosam_jax.data.own_tracklets import UNKNOWN
from cosam_jax.data.taken_frames import ALL_FRAMES, Taking
from cosam_jax.evaluation.embeddings import EMBEDDINGS_FILE, Embeddings, Origin, write_embeddings
from cosam_jax.evaluation.fingerprints import config_hash, vectors_hash, weights_hash
from cosam_jax.evaluation.sightings import Sighting
from cosam_jax.experiment.fields import in_fingerprint
from cosam_jax.experiment.flat_config import value_of
from cosam_jax.experiment.network import Network
from cosam_jax.experiment.own_outputs import PICTURES
from cosam_jax.runtime.output_folders import OutputFolder


@dataclasses.dataclass(frozen=True, eq=False)
class OwnTracklets:
  """Tracklets with their vectors.

  Attributes:
    names: paths below the folder, or the ids of the boxes.
    lengths: int64[n], frames of each.
    vectors: float32[n, D].
    picture: tracklet number -> uint8[H, W, 3], its middle frame.
    first_frames, last_frames: int64[n], each tracklet's first and last frame as its source counts
      them, from 1: frames of the video, or places in the folder.
    times: float64[n, 2], seconds of these two in the video; NaN if unknown.
    left_out: remarks on files, and on lines of the file of boxes, that were not used.
    told: remarks on the format that was found, and on oddities.
    sources: for each tracklet, the path of its video or of the folder of its frames.
    camera_names: for each tracklet, its camera; "" if unknown.
    taking: which of the frames were embedded.
  """

  names: tuple[str, ...]
  lengths: np.ndarray
  vectors: np.ndarray
  picture: Callable[[int], np.ndarray]
  first_frames: np.ndarray
  last_frames: np.ndarray
  times: np.ndarray
  left_out: tuple[str, ...] = ()
  told: tuple[str, ...] = ()
  sources: tuple[str, ...] = ()
  camera_names: tuple[str, ...] = ()
  taking: Taking = ALL_FRAMES

  def seen(self, row: int) -> Sighting:
    """Where and when a tracklet was seen."""
    return Sighting(
      camera=self.camera_names[row] or None,
      source=self.sources[row],
      frames=(int(self.first_frames[row]), int(self.last_frames[row])),
      times=None if np.isnan(self.times[row]).any() else tuple(self.times[row].tolist()),
    )


def as_embeddings(own: OwnTracklets, network: Network, source: str) -> Embeddings:
  """The form in which embeddings are saved; identities and cameras are unknown.

  Args:
    own: the tracklets.
    network: the network that embedded them.
    source: their origin, for people.
  """
  count, width = own.vectors.shape
  unknown, none = np.full(count, UNKNOWN, np.int32), np.zeros(0, np.int64)
  flat = dict(network.flat)
  return Embeddings(
    origin=Origin(
      dataset=source,
      num_frames=network.model.num_frames,
      flip=bool(value_of(flat, "evaluation.flip")),
      checkpoint=network.label,
      checkpoint_hash=weights_hash(network.variables),
      config=flat,
      config_hash=config_hash(flat, in_fingerprint) if flat else None,
      warnings=(*own.left_out, *own.told),
      frame_stride=None if own.taking.all else own.taking.stride,
      most_frames=own.taking.most,
      vectors_hash=vectors_hash(network.variables),
      foreign=network.foreign,
    ),
    vectors=own.vectors,
    identities=unknown,
    cameras=unknown,
    names=np.array(own.names, np.str_),
    lengths=own.lengths,
    query_rows=none,
    reference_rows=none,
    official_rows=none,
    clip_vectors=np.zeros((0, width), np.float32),
    clip_owners=none,
    camera_names=np.array(own.camera_names, np.str_),
    sources=np.array(own.sources, np.str_),
    first_frames=own.first_frames,
    last_frames=own.last_frames,
    first_times=own.times[:, 0],
    last_times=own.times[:, 1],
  )


def save_own(
  own: OwnTracklets, network: Network, source: Mapping[str, Any], folder: OutputFolder
) -> None:
  """Writes `embeddings.npz` and a picture of each tracklet, in place of an earlier call's.

  Args:
    own: the tracklets.
    network: the network that embedded them.
    source: see `own_outputs.source_of`.
    folder: see `own_outputs.folder_for`.

  Raises:
    InputError: the embeddings cannot be written, or a user's files are in the way.
  """
  with folder.replacing(source) as partial:
    (partial / PICTURES).mkdir()
    for row in tqdm.tqdm(range(len(own.names)), desc="pictures", disable=None):
      picture = Image.fromarray(own.picture(row))
      picture.save(partial / PICTURES / f"{row:05d}.jpg", quality=90)
    write_embeddings(partial / EMBEDDINGS_FILE, as_embeddings(own, network, source["input"]))
