"""The evaluation of a configuration: tables and weights in, vectors and results out."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from cosam_jax.data import Tables, TrackletTable
from cosam_jax.data.frame_places import frame_folders, frame_numbers
from cosam_jax.data.sets import registry
from cosam_jax.errors import InputError
from cosam_jax.evaluation.attribute_wise import evaluate_with_attributes, with_attributes
from cosam_jax.evaluation.cards import Result
from cosam_jax.evaluation.embed import embed_tracklets
from cosam_jax.evaluation.embeddings import Embeddings, Origin
from cosam_jax.evaluation.fingerprints import config_hash, vectors_hash, weights_hash
from cosam_jax.evaluation.protocol import Settings, evaluation_of, listed_once
from cosam_jax.evaluation.protocol_names import protocol_name
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.evaluated_set import digest_of
from cosam_jax.experiment.fields import in_fingerprint
from cosam_jax.experiment.foreign_networks import alike
from cosam_jax.experiment.inference import Inference, Reading
from cosam_jax.experiment.loaded_network import foreign_facts
from cosam_jax.models.foreign import AnyNet
from cosam_jax.runtime import hosts
from cosam_jax.runtime.quiet import warn
from cosam_jax.training import mesh

LISTED = 10
"""Number of entries of each ranking that are kept for the report page."""


RANKED_BY = (
  "evaluation.gallery", "evaluation.frames", "evaluation.distance", "evaluation.rerank",
  "evaluation.rerank_k1", "evaluation.rerank_k2", "evaluation.rerank_lambda",
)  # fmt: skip
"""Fields that say how to evaluate."""


def settings_of(flat: Mapping[str, Any]) -> Settings:
  """The settings of an evaluation, from a flat configuration (dotted name -> value)."""
  return Settings(
    protocol=protocol_name(flat["evaluation.gallery"], flat["evaluation.frames"]),
    distance=flat["evaluation.distance"],
    reranking=flat["evaluation.rerank"],
    k1=flat["evaluation.rerank_k1"],
    k2=flat["evaluation.rerank_k2"],
    lambda_value=flat["evaluation.rerank_lambda"],
  )


class Evaluator:
  """Embeds and ranks the query and gallery of tables; compiled once, used for any weights.

  With several processes, each embeds a share of the tracklets on its own devices, and all get all
  vectors; everything after that is the same in each.

  Attributes:
    evaluation: the tracklets of the protocol.
    skipped: number of frames that could not be read in the latest evaluation.
    vectors: float32[n, D], the latest evaluation's embeddings.
    seconds: time of the latest evaluation: "embedding" and "ranking".
  """

  def __init__(
    self,
    config: ConfigDict,
    tables: Tables,
    model: AnyNet,
    *,
    attributes: bool = True,
  ):
    self._config, self._tables = config, tables
    flat = dict(config_rules.flatten(config))
    listed = LISTED if config.report.write else 0
    self._settings = dataclasses.replace(settings_of(flat), listed=listed)
    self.evaluation = evaluation_of(tables, self._settings.protocol)
    self._parts = [self.evaluation]
    if attributes:
      self._parts, left_out = with_attributes(self.evaluation, flat)
      for sentence in left_out:
        print(f"left out: {sentence}")
    self._inference = Inference(
      model,
      mesh.make_local_mesh(),
      batch_clips=config.evaluation.batch_clips // jax.process_count(),
      reading=Reading.of(flat),
      flip=config.evaluation.flip,
    )
    has_splits = registry.has_splits(config.data.name)
    self._split = config.data.split if has_splits else None
    self.skipped = 0
    self.vectors = np.zeros((0, 0), np.float32)
    self.seconds: dict[str, float] = {}

  def __call__(
    self, variables: dict[str, Any], *, label: str = "", checkpoint: str | None = None
  ) -> tuple[Result, ...]:
    """Results of these weights: as ranked and, if asked for, re-ranked and by attribute."""
    began = time.perf_counter()
    self.vectors = self._embed(variables, self.evaluation.table)
    embedded = time.perf_counter()
    results = evaluate_with_attributes(
      self.vectors,
      self._parts,
      self._settings,
      num_frames=self._config.clips.num_frames,
      split=self._split,
      flip=self._inference.flip,
      checkpoint=checkpoint,
      checkpoint_hash=weights_hash(variables),
      foreign=foreign_facts(self._inference.model),
      label=label,
    )
    self.seconds = {"embedding": embedded - began, "ranking": time.perf_counter() - embedded}
    return results

  def embeddings(
    self,
    variables: dict[str, Any],
    flat: Mapping[str, Any],
    checkpoint: str | None = None,
    *,
    people: str | None = None,
    learned: bool | None = None,
  ) -> Embeddings:
    """The vectors of all query and gallery tracklets, for either gallery, and of their clips.

    Args:
      variables: the weights, on the devices.
      flat: the configuration as dotted names and plain values, which is saved with the vectors.
      checkpoint: names the weights, for people.
      people, learned: see `Origin`.
    """
    tables = self._tables
    more = () if tables.official is None else (tables.official,)
    table, (queries, reference, *others) = listed_once(tables.query, tables.gallery, *more)
    owners: list[np.ndarray] = []
    clips: list[np.ndarray] = []

    def keep(tracklets: np.ndarray, vectors: np.ndarray) -> None:
      owners.append(tracklets)
      clips.append(vectors.astype(np.float32))

    vectors = self._embed(variables, table, keep)
    first_frames, last_frames = frame_numbers(table)
    return Embeddings(
      origin=Origin(
        dataset=tables.name,
        protocol=self._settings.protocol,
        num_frames=self._config.clips.num_frames,
        split=self._split,
        flip=self._inference.flip,
        checkpoint=checkpoint,
        checkpoint_hash=weights_hash(variables),
        config=flat,
        config_hash=config_hash(flat, in_fingerprint),
        warnings=tuple(tables.warnings),
        numbering=table.numbering.record(),
        test_set=digest_of(tables, self._config.evaluation.gallery),
        people=people,
        learned=learned,
        vectors_hash=vectors_hash(variables),
        foreign=foreign_facts(self._inference.model),
      ),
      vectors=vectors,
      identities=table.identities,
      cameras=table.cameras,
      names=table.names,
      lengths=table.lengths,
      query_rows=queries,
      reference_rows=reference,
      official_rows=others[0] if others else reference,
      clip_vectors=np.concatenate(hosts.gather_rows(np.concatenate(clips))),
      clip_owners=np.concatenate(hosts.gather_rows(np.concatenate(owners))),
      sources=np.array(frame_folders(table), np.str_),
      first_frames=first_frames,
      last_frames=last_frames,
    )

  def _embed(
    self,
    variables: dict[str, Any],
    table: TrackletTable,
    keep: Callable[[np.ndarray, np.ndarray], None] | None = None,
  ) -> np.ndarray:
    """float32[n, D], one vector for each tracklet; counts the frames that could not be read."""
    inference, frames = self._inference, self.evaluation.frames_per_tracklet
    processes = jax.process_count()
    if len(table) < processes:
      raise InputError(
        f"{len(table)} tracklets cannot be shared by {processes} processes: use fewer processes"
      )
    rows = inference.plan(table, frames).shares(processes)[jax.process_index()]
    share = table if processes == 1 else table.select(rows)
    variables = inference.put(variables)
    batches = inference.batches(share, frames)

    def keep_of_whole(tracklets: np.ndarray, vectors: np.ndarray) -> None:
      if keep is not None:
        keep(rows[tracklets].astype(np.int32), vectors)

    features = hosts.together(
      lambda: embed_tracklets(
        lambda clips, valid: inference.forward(variables, clips, valid).features,
        batches,
        len(share),
        names=share.names,
        keep=keep_of_whole,
        num_clips=inference.plan(share, frames).num_clips,
      )
    )
    self.skipped = sum(hosts.gather(batches.skipped))
    vectors = np.concatenate(hosts.gather_rows(features))
    if note := alike(vectors, inference.model):
      warn(note)
    return vectors
