"""Tracklets in, vectors out: the network for use in other programs.

  import cosam_jax
  embedder = cosam_jax.Embedder.from_checkpoint("runs/mars")
  vector = embedder.embed(frames)

Notation: `n` tracklets, `f` frames of one of them, `T` frames in a clip, `D` embedding size.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cosam_jax.data.clips import num_dense_clips
from cosam_jax.data.packing import Frame, packed_clips
from cosam_jax.data.threaded_frames import BY_PILLOW
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.experiment.decisions import (
  Decision,
  Stored,
  VectorOrTracklet,
  calibration_beside,
  check_comparable,
  is_vector,
)
from cosam_jax.experiment.fields import FIELDS
from cosam_jax.experiment.flat_config import value_of
from cosam_jax.experiment.given_frames import Path, Tracklet, every_listed, frames_of
from cosam_jax.experiment.inference import Inference, Reading
from cosam_jax.experiment.live_tracks import LiveTracks
from cosam_jax.experiment.network import Network, load_network
from cosam_jax.models.hub_names import pretrained_name
from cosam_jax.runtime.given_values import whole_given
from cosam_jax.training import mesh

_MOST_CLIPS = int(FIELDS["evaluation.batch_clips"].most or 0)


class Embedder:
  """Embeds tracklets: all their frames in clips of T, one mean vector each, not normalised.

  Frames are RGB crops of one person in the order of time, of any size; they are resized and
  normalised here as in an evaluation, but without TensorFlow. Compare vectors by `distance`.
  The run's `evaluation.weights` and `evaluation.flip` count, and for `embed_table` also its
  `data.on_unreadable`, `retry_seconds` and `follow_links`. `embed` refuses unreadable frames.

  Args:
    network: see `network.Network`.
    batch_clips: most clips that are embedded at once; None: as in the network's configuration.
    calibration: a file of `--mode=calibrate`, by which `same_person` decides; None: there is none.
  """

  def __init__(
    self, network: Network, *, batch_clips: int | None = None, calibration: Path | None = None
  ):
    if batch_clips is None:
      batch_clips = int(value_of(network.flat, "evaluation.batch_clips"))
    batch_clips = whole_given("batch_clips", batch_clips, most=_MOST_CLIPS)
    self.network = network
    devices = mesh.make_mesh()
    self._devices = devices.size
    self.inference = Inference(
      network.model,
      devices,
      batch_clips=-(-batch_clips // devices.size) * devices.size,
      reading=Reading.of({**network.flat, "clips.pixels": "float32"}),
      flip=bool(value_of(network.flat, "evaluation.flip")),
    )
    self._variables = self.inference.put(network.variables)
    self._stored = Stored(calibration, network)

  @classmethod
  def from_checkpoint(
    cls,
    path: Path,
    *,
    batch_clips: int | None = None,
    calibration: Path | None = None,
    **settings: Any,
  ) -> "Embedder":
    """Loads a run's checkpoint or a weights file.

    Args:
      path: a workdir, its folder `checkpoints` or `best`, one checkpoint in there, a weights file
        with the published code's names (`.pth.tar`, `.pth`, `.safetensors`, `.npz`), an export, or
        a foreign network (`.onnx`).
      batch_clips: see the class.
      calibration: see the class; None: the `calibration.json` beside the network, if there is one.
      **settings: for a weights file, fields of `ReidNet`: `backbone="se_resnet50"`,
        `cosam_stages=(4, 5)`, `temporal="tp"`, `num_frames=4`, `image_size=(256, 128)`.

    Raises:
      InputError: there is nothing to load, or the weights do not fit the settings.
    """
    network = load_network(path, settings)
    if calibration is None and network.place is not None:
      calibration = calibration_beside(network.place)
    return cls(network, batch_clips=batch_clips, calibration=calibration)

  @classmethod
  def from_pretrained(
    cls,
    name: str,
    *,
    revision: str | None = None,
    batch_clips: int | None = None,
    calibration: Path | None = None,
  ) -> "Embedder":
    """Loads a network that `--mode=publish` made from the Hugging Face Hub, or from its cache.

    Args:
      name: `"org/name"`.
      revision: a branch, a tag or a commit; None: the branch `main`. `network.label` says which
        commit it is.
      batch_clips, calibration: see `from_checkpoint`.

    Raises:
      InputError: there is no such network, or it can neither be fetched nor is in the cache.
    """
    place = str(pretrained_name(name, revision))
    return cls.from_checkpoint(place, batch_clips=batch_clips, calibration=calibration)

  def embed(self, frames: Tracklet) -> np.ndarray:
    """The vector of one tracklet.

    Args:
      frames: uint8[f, H, W, 3]; or a list of uint8[H, W, 3] of any sizes, or of image paths; or
        the path of a folder of images.

    Returns:
      float32[D].

    Raises:
      InputError: there are no frames, they have another type or shape, or a file cannot be read.
    """
    return self.embed_many([frames])[0]

  def embed_many(
    self,
    tracklets: Iterable[Tracklet],
    *,
    names: Sequence[str] | None = None,
    progress: bool | None = None,
  ) -> np.ndarray:
    """The vectors of several tracklets; their clips share batches.

    Args:
      tracklets: see `embed`.
      names: of the tracklets, for messages.
      progress: whether to show a progress bar; None: if standard error is a terminal.

    Returns:
      float32[n, D].

    Raises:
      InputError: as `embed`; the error names the tracklet or gives its number.
    """
    lists = every_listed(tracklets)
    clips = int(num_dense_clips(np.array([len(x) for x in lists]), self.num_frames).sum())
    return self.embed_frames(
      frames_of(lists, self.network.model.image_size),
      len(lists),
      names=names,
      num_clips=clips,
      progress=progress,
    )

  def embed_frames(
    self,
    frames: Iterable[Frame],
    num_tracklets: int,
    *,
    names: Sequence[str] | np.ndarray | None = None,
    num_clips: int | None = None,
    progress: bool | None = None,
  ) -> np.ndarray:
    """The vectors of tracklets whose frames come one at a time, as from a video.

    Args:
      frames: see `packing.Frame`; each of the tracklets 0 .. n - 1 must occur.
      num_tracklets: n.
      names, progress: see `embed_many`.
      num_clips: the number of clips to come, for the time left.

    Returns:
      float32[n, D].
    """
    batches = packed_clips(
      frames,
      num_frames=self.num_frames,
      batch_clips=self.inference.batch_for(num_clips),
      **self.inference.frame_options,
    )
    # These frames are decoded already, so nothing is skipped.
    inference = self.inference.reading_as(on_unreadable="error")
    return inference.vectors(
      self._variables, batches, num_tracklets, names=names, num_clips=num_clips, progress=progress
    )

  def embed_table(
    self, table: TrackletTable, *, on_unreadable: str | None = None, progress: bool | None = None
  ) -> np.ndarray:
    """The vectors of a table's tracklets, read and decoded in parallel.

    Args:
      table: n tracklets.
      on_unreadable: see `pipeline.training_batches`; None: the value in the run's configuration, or
        "error" if the network does not come from a run.
      progress: see `embed_many`.

    Returns:
      float32[n, D].
    """
    inference = self.inference
    if on_unreadable is not None:
      inference = inference.reading_as(on_unreadable=on_unreadable)
    clips = inference.plan(table, batch_clips=1).num_clips
    batches = inference.batches(table, batch_clips=inference.batch_for(clips), decoder=BY_PILLOW)
    return inference.vectors(
      self._variables, batches, len(table), names=table.names, num_clips=clips, progress=progress
    )

  def same_person(
    self, first: VectorOrTracklet, second: VectorOrTracklet, *, prior: float | None = None
  ) -> Decision:
    """Whether two tracklets are of one person, and how often such an answer is wrong.

    The rates are those of the people and cameras on which the network was calibrated, and need not
    hold elsewhere. Unless the calibration compared all pairs, they are for tracklets of different
    cameras: two people look more alike in one camera.

    Args:
      first, second: vectors float[D] of this network, or tracklets as in `embed`.
      prior: the share of pairs of one person among those that are asked about, for the
        probability; None: the calibration's.

    Raises:
      InputError: there is no calibration, or it is of another network or distance.
    """
    check_comparable("first", first)
    check_comparable("second", second)
    one, other = (np.asarray(x) if is_vector(x) else self.embed(x) for x in (first, second))
    return self._stored.decision(one, other, prior)

  def stream(
    self,
    *,
    batch_clips: int = 8,
    most_tracks: int = 512,
    quality: bool = False,
    margin: float = 0.0,
  ) -> LiveTracks:
    """Takes frames of running tracks as they come, and has each track's vector at any time.

      with embedder.stream() as live:
        live.add(track, frame)  # or add_many, or add_boxes(picture, tracks, corners)
        vector = live.vector(track)

    Several threads may share a stream, such as one for each camera.

    Args:
      batch_clips: clips of any tracks that are embedded at once; fewer are filled up, so that one
        program is compiled.
      most_tracks: most tracks that are kept; see `LiveTracks`.
      quality: whether frames are weighted by `frame_quality.frame_quality`.
      margin: for `add_boxes`; see `boxes.crop`.

    Raises:
      InputError: a number is out of range.
    """
    batch_clips = whole_given("batch_clips", batch_clips, most=_MOST_CLIPS)
    inference = self.inference.reading_as(on_unreadable="error")
    return LiveTracks(
      lambda clips, valid: inference.forward(self._variables, clips, valid).features,
      num_frames=self.num_frames,
      **inference.frame_options,
      batch_clips=-(-batch_clips // self._devices) * self._devices,
      most_tracks=most_tracks,
      quality=quality,
      margin=margin,
    )

  @property
  def num_frames(self) -> int:
    """T."""
    return self.network.model.num_frames

  @property
  def distance(self) -> str:
    """The distance by which the network's run ranks: "sqeuclidean" or "cosine".

    Without a run it is that of the calibration, or else the default, "sqeuclidean".
    """
    if "evaluation.distance" not in self.network.flat and self._stored.path is not None:
      return str(self._stored.calibration.network["distance"])
    return str(value_of(self.network.flat, "evaluation.distance"))
