"""`--mode=attention`: measures on the test set whether the attention of a network does anything."""

import json
import pathlib
from typing import Any

import numpy as np
import tqdm
from ml_collections import ConfigDict

from cosam_jax.commands.call import Call
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.errors import InputError
from cosam_jax.evaluation.attention import DELETIONS, all_equal, cosines, mask_shape, without_half
from cosam_jax.evaluation.mask_numbers import repeated
from cosam_jax.evaluation.protocol import Evaluation, evaluation_of
from cosam_jax.evaluation.retrieval import evaluate_features
from cosam_jax.experiment import evaluation_place
from cosam_jax.experiment.evaluation_sources import ATTENTION, source_of
from cosam_jax.experiment.inference import Inference, Reading
from cosam_jax.experiment.network import network_to_evaluate
from cosam_jax.experiment.run import Run
from cosam_jax.reports.attention_table import attention_table
from cosam_jax.runtime.json_files import check_ours
from cosam_jax.runtime.whole_files import whole_file
from cosam_jax.training import mesh

FRAMES = 8
"""Evenly spread frames of each tracklet; all frames would take minutes and give the same result."""


def run(call: Call) -> None:
  """Runs the mode."""
  with call.holding_workdir():
    attention(call.run_config, call.folder)


def attention(config: ConfigDict, workdir: pathlib.Path) -> dict[str, Any]:
  """Measures masks, frame weights and the deletion test; writes `attention.json`, prints a table.

  Numbers of an evaluation other than the run's own go to a separate folder, see `evaluation_place`.

  Raises:
    InputError: the network has no COSAM, or there is nothing to evaluate.
  """
  run = Run(config, workdir)
  run.require_masks()
  network = network_to_evaluate(run)
  evaluation_place.settle(run, network.label, network.variables)
  path = run.workdir / ATTENTION
  check_ours(path, ("checkpoint", "stages"))
  record = {
    "checkpoint": network.label,
    "source": source_of(run, network.variables),
    **_Probe(run, network.variables).record(),
  }
  with whole_file(path) as file:
    file.write((json.dumps(record, indent=1) + "\n").encode())
  print(attention_table(record))
  print(f"written to {path}")
  return record


class _Probe:
  def __init__(self, run: Run, variables: dict[str, Any]):
    self._config = run.config
    self._evaluation: Evaluation = evaluation_of(run.tables, run.config.evaluation.gallery)
    self._inference = Inference(
      run.model,
      mesh.make_local_mesh(),
      batch_clips=run.config.evaluation.batch_clips,
      # A half is hidden in normalised frames.
      reading=Reading.of({**run.flat, "clips.pixels": "float32"}),
      flip=run.config.evaluation.flip,
    )
    self._variables = self._inference.put(variables)
    self._shapes: dict[int, list[dict[str, np.ndarray]]] = {}
    self._equal: list[np.ndarray] = []
    self._frames = 0

  def record(self) -> dict[str, Any]:
    """The content of attention.json."""
    evaluation = self._evaluation
    whole = self._vectors(evaluation.table, "masks", {"": None}, shapes=True)[""]
    stages = sorted(self._shapes)
    cuts: dict[str, Any] = {f"{stage} {which}": (stage, which) for stage in stages
                            for which in DELETIONS}  # fmt: skip
    queries = evaluation.query_rows
    changed = self._vectors(evaluation.table.select(queries), "deletion", cuts)
    gallery = whole[evaluation.gallery_rows]
    found: dict[str, Any] = {}
    for stage in stages:
      parts = self._shapes[stage]
      found[str(stage)] = {
        key: float(np.mean(np.concatenate([part[key] for part in parts]))) for key in parts[0]
      }
      found[str(stage)]["deletion"] = {
        which: {
          "cosine": float(cosines(changed[f"{stage} {which}"], whole[queries]).mean()),
          **self._ranks(changed[f"{stage} {which}"], gallery),
        }
        for which in DELETIONS
      }
    return {
      "queries": len(queries),
      "gallery": len(gallery),
      "frames": self._frames,
      "frames_per_tracklet": FRAMES,
      "stages": found,
      "frame_weights": self._frame_weights(),
      "whole": self._ranks(whole[queries], gallery),
    }

  def _frame_weights(self) -> dict[str, Any]:
    temporal = self._config.model.temporal
    if not self._equal:
      note = f"not applicable, the head is {temporal.upper()}, which does not weigh frames"
      return {"all_equal": None, "note": note}
    equal = np.concatenate(self._equal)
    note = f"all equal in {100 * equal.mean():.1f}% of {len(equal):,} clips"
    return {"all_equal": float(equal.mean()), "clips": len(equal), "note": note}

  def _ranks(self, vectors: np.ndarray, gallery: np.ndarray) -> dict[str, float]:
    evaluation = self._evaluation
    table, queries, rows = evaluation.table, evaluation.query_rows, evaluation.gallery_rows
    metrics = evaluate_features(
      vectors,
      gallery,
      query_ids=table.identities[queries],
      gallery_ids=table.identities[rows],
      query_cameras=table.cameras[queries],
      gallery_cameras=table.cameras[rows],
      distance=self._config.evaluation.distance,
      max_rank=len(rows),
    )
    # The CMC curve is the distribution of the first match's rank.
    cmc = np.asarray(metrics.cmc, np.float64)
    return {
      "mean_rank": float(len(cmc) + 1 - cmc.sum()),
      "rank1": float(cmc[0]),
      "mAP": float(metrics.mean_average_precision),
    }

  def _vectors(
    self, table: TrackletTable, what: str, cuts: dict[str, Any], shapes: bool = False
  ) -> dict[str, np.ndarray]:
    """float64[n, D] for each of `cuts`: name -> (stage, half that is hidden), None for no half."""
    inference, variables = self._inference, self._variables
    plan = inference.plan(table, FRAMES)
    batches = inference.batches(table, FRAMES)
    rng = np.random.default_rng(0)
    sums: dict[str, Any] = dict.fromkeys(cuts, 0.0)
    counts = np.zeros(len(table))
    for number, batch in enumerate(
      tqdm.tqdm(batches, desc=what, unit="batch", total=plan.num_batches, disable=None)
    ):
      owners, valid = np.asarray(batch.tracklets), np.asarray(batch.valid)
      real = (owners >= 0) & valid.any(1)
      onto = (owners[real] == np.arange(len(table))[:, None]).astype(np.float64)
      outputs = inference.forward(variables, batch.clips, valid)
      if shapes:
        frames = plan.batch(number).frames
        self._add_shapes(outputs, (frames >= 0) & valid & ~repeated(frames), real)
      for name, cut in cuts.items():
        vectors = outputs.features
        if cut is not None:
          mask = np.asarray(outputs.masks[cut[0]].spatial)
          hidden = without_half(np.asarray(batch.clips), mask, cut[1], rng)
          vectors = inference.forward(variables, hidden, valid).features
        sums[name] = sums[name] + onto @ np.asarray(vectors, np.float64)[real]
      counts += onto.sum(1)
    if not counts.all():
      name = table.names[int(np.argmin(counts))]
      raise InputError(f"tracklet {name} has no readable frame: repair its files or leave it out")
    return {name: total / counts[:, None] for name, total in sums.items()}

  def _add_shapes(self, outputs: Any, counted: np.ndarray, real: np.ndarray) -> None:
    self._frames += int(counted.sum())
    for stage, masks in outputs.masks.items():
      self._shapes.setdefault(stage, []).append(mask_shape(np.asarray(masks.spatial), counted))
    if outputs.frame_weights is not None:
      self._equal.append(all_equal(np.asarray(outputs.frame_weights)[real]))
