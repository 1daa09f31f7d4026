"""What COSAM's masks could know of the person, and what the network does without what they know.

  python benchmarks/silhouettes.py VIDEO.mp4 BOXES.txt people
  python benchmarks/mask_evidence.py --run=RUN --people=people [--data_dir=../shared/data/mars8]

With --people, for each COSAM stage: how well a number of each grid cell tells cells of the person
from cells of the background (the area under the ROC curve; 50% is luck), a person at a time, mean
over the people:

  mask               the mask
  mean mask          the stage's mean mask, the same on every frame
  where others are   the mean silhouette of the other people, the same on every frame
  highest, mean, entropy   of the cell's correlations with each other frame, averaged over frames;
                     the sign is the one that helps more on the other people
  correlations       a logistic regression on these three, fitted on the other people
  descriptor         a logistic regression on the descriptor itself, fitted on the other people

With --data_dir, mAP and Rank-1 on the test set of the run's protocol: as trained, with the stages'
mean masks on every frame, with masks that are equal everywhere, and with the masks of other clips.
"""

import collections
import json
import pathlib
import sys
from typing import Any

import numpy as np
from checked_flags import Parser, file_to_write

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PERSON, BACKGROUND = 0.75, 0.25
"""A cell is the person's from this share of its area on, and the background's up to that."""
MOST_CELLS = 40_000  # Of other people, for a regression.
STATISTICS = ("highest", "mean", "entropy")
_MARGIN = 1e-6  # Masks are kept this far from 0 and 1.


def main() -> None:
  """Prints both tables, and writes them if asked to."""
  parser = Parser(__doc__)
  parser.add_argument("--run", required=True, help="a run's workdir")
  parser.add_argument("--people", help="the folder that silhouettes.py wrote")
  parser.add_argument("--data_dir", help="the data set of the run's configuration")
  parser.add_argument("--output", type=file_to_write, help="a JSON file to write")
  options = parser.parse_args()
  if options.people is None and options.data_dir is None:
    parser.error("give --people, --data_dir or both")

  from cosam_jax.errors import InputError
  from cosam_jax.experiment.network import load_network

  try:
    network = load_network(options.run)
    if not network.ours.cosam_stages:
      raise InputError(f"{options.run} has no COSAM, so it has no masks: give a run with it")
    record: dict[str, Any] = {"run": options.run, "label": network.label}
    if options.people is not None:
      record["cells"] = told_apart(network, pathlib.Path(options.people))
      print(f"{'area under the ROC curve (%)':<30}" + "".join(
        f"COSAM {stage}".rjust(10) for stage in record["cells"]))  # fmt: skip
      for name in next(iter(record["cells"].values())):
        values = [stage[name] for stage in record["cells"].values()]
        print(f"{name:<30}" + "".join(f"{100 * value:10.1f}" for value in values))
    if options.data_dir is not None:
      record["test set"] = without_what_they_know(network, options.data_dir)
      print(f"{'masks':<30}{'mAP':>10}{'Rank-1':>10}")
      for name, (ap, first) in record["test set"].items():
        print(f"{name:<30}{100 * ap:10.2f}{100 * first:10.2f}")
  except InputError as error:
    parser.error(str(error))
  if options.output is not None:
    options.output.write_text(json.dumps(record, indent=1) + "\n")


def _inference(network: Any) -> Any:
  from cosam_jax.experiment.inference import Inference, Reading
  from cosam_jax.training.mesh import make_local_mesh

  return Inference(
    network.model, make_local_mesh(), batch_clips=8, reading=Reading.of(network.flat)
  )


def told_apart(network: Any, people: pathlib.Path) -> dict[int, dict[str, float]]:
  """stage -> name of a number -> area under the ROC curve, mean over the people."""
  cells = cells_of(network, people)
  found: dict[int, dict[str, float]] = {}
  for stage, by_person in cells.items():
    areas = collections.defaultdict(list)
    for person in by_person:
      others = [by_person[name] for name in by_person if name != person]
      for name, area in areas_of(by_person[person], others).items():
        areas[name].append(area)
    found[stage] = {name: float(np.mean(values)) for name, values in areas.items()}
  return found


def cells_of(network: Any, people: pathlib.Path) -> dict[int, dict[str, dict[str, np.ndarray]]]:
  """stage -> person -> arrays over its frames' cells, [f, N] or [f, N, ...]."""
  import jax
  from PIL import Image

  from cosam_jax.data.own_tracklets import read_tracklets
  from cosam_jax.evaluation.mask_numbers import cell_fractions, repeated
  from cosam_jax.models.cosam import normalise_descriptors
  from cosam_jax.models.match_statistics import match_statistics_factored

  table = read_tracklets(people / "frames")
  inference = _inference(network)
  look = inference.looking_closely(network.variables)
  plan = inference.plan(table)
  frames_in_clip = network.model.num_frames
  kept: dict[int, dict[str, dict[str, list[np.ndarray]]]] = {}
  for number, batch in enumerate(inference.batches(table)):
    frames = plan.batch(number).frames
    counted = (frames >= 0) & np.asarray(batch.valid) & ~repeated(frames)
    outputs, descriptors = look(batch.clips, batch.valid)
    for stage, before in descriptors.items():
      grid = before.shape[1:3]
      size = before.shape[-1]
      cells = jax.nn.relu(before).reshape(-1, frames_in_clip, grid[0] * grid[1], size)
      normal = normalise_descriptors(cells, network.model.ncc)
      numbers = {
        "mask": np.asarray(outputs.masks[stage].spatial).reshape(*frames.shape, -1),
        "statistics": np.asarray(match_statistics_factored(normal, batch.valid)),
        "descriptor": np.asarray(normal),
      }
      for clip, frame in zip(*np.nonzero(counted), strict=True):
        image = pathlib.Path(table.frames.name(int(frames[clip, frame])))
        figure = people / "figures" / image.relative_to(people / "frames").with_suffix(".png")
        with Image.open(figure) as picture:
          share = cell_fractions(np.asarray(picture.convert("L")), grid).ravel()
        lists = kept.setdefault(stage, {}).setdefault(
          image.parent.name, collections.defaultdict(list)
        )
        lists["share"].append(share)
        for name, values in numbers.items():
          lists[name].append(values[clip, frame])
  return {
    stage: {
      person: {name: np.stack(values) for name, values in lists.items()}
      for person, lists in by_person.items()
    }
    for stage, by_person in kept.items()
  }


def areas_of(own: dict[str, np.ndarray], others: list[dict[str, np.ndarray]]) -> dict[str, float]:
  """The areas for one person; what is fitted or averaged is of the others.

  Args:
    own, others: from `cells_of`.
  """
  from sklearn.metrics import roc_auc_score

  kept, truth = _labelled(own["share"])
  masks = np.concatenate([one["mask"] for one in (own, *others)])
  shares = np.concatenate([one["share"] for one in others])
  everywhere = np.ones_like(own["share"])
  numbers = {
    "mask": own["mask"],
    "mean mask": everywhere * masks.mean(axis=0),
    "where others are": everywhere * shares.mean(axis=0),
  }
  areas = {name: float(roc_auc_score(truth, values[kept])) for name, values in numbers.items()}
  labels = [_labelled(one["share"]) for one in others]
  theirs = np.concatenate([truth for _, truth in labels])
  for i, name in enumerate(STATISTICS):
    seen = np.concatenate([
      one["statistics"][..., i][kept] for one, (kept, _) in zip(others, labels, strict=True)
    ])  # fmt: skip
    sign = 1 if roc_auc_score(theirs, seen) >= 0.5 else -1
    areas[name] = float(roc_auc_score(truth, sign * own["statistics"][..., i][kept]))
  for name, array in (("correlations", "statistics"), ("descriptor", "descriptor")):
    seen = np.concatenate([one[array][kept] for one, (kept, _) in zip(others, labels, strict=True)])
    areas[name] = float(roc_auc_score(truth, _fitted(seen, theirs, own[array][kept])))
  return areas


def _labelled(share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Which cells are surely the person's or the background's, and which of these the person's."""
  kept = (share >= PERSON) | (share <= BACKGROUND)
  return kept, share[kept] >= PERSON


def _fitted(seen: np.ndarray, truth: np.ndarray, asked: np.ndarray) -> np.ndarray:
  """Scores of a logistic regression."""
  from sklearn.linear_model import LogisticRegression
  from sklearn.pipeline import make_pipeline
  from sklearn.preprocessing import StandardScaler

  rows = np.random.default_rng(0).permutation(len(seen))[:MOST_CELLS]
  model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
  return model.fit(seen[rows], truth[rows]).decision_function(asked)


def without_what_they_know(network: Any, data_dir: str) -> dict[str, tuple[float, float]]:
  """What the masks are -> (mAP, Rank-1) of the run's protocol, as fractions."""
  import jax
  import jax.numpy as jnp
  from flax import linen as nn

  from cosam_jax.data import load_dataset
  from cosam_jax.errors import InputError
  from cosam_jax.evaluation.embed import embed_tracklets
  from cosam_jax.evaluation.protocol import evaluation_of
  from cosam_jax.evaluation.protocol_names import protocol_name
  from cosam_jax.evaluation.retrieval import evaluate_features

  model, flat = network.ours, network.flat
  if model.summary == "one_layer":
    raise InputError("masks of one layer cannot be replaced here: give a run with two_layers")
  tables = load_dataset(flat["data.name"], data_dir, check_files=False)
  protocol = protocol_name(flat["evaluation.gallery"], flat["evaluation.frames"])
  evaluation = evaluation_of(tables, protocol)
  table, inference = evaluation.table, _inference(network)

  def metrics(replaced: Any, after: Any = None) -> tuple[float, float]:
    """Ranks with (stage, logits [B * T, h, w, 1]) -> logits in place of the masks' logits."""

    def around(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
      found = call(*args, **kwargs)
      if context.module.name != "summary_out" or context.method_name != "__call__":
        return found
      return replaced(int(context.module.path[-2].removeprefix("cosam")), found)

    @jax.jit
    def forward(clips: Any, valid: Any) -> Any:
      with nn.intercept_methods(around):
        return model.apply(network.variables, clips, valid, train=False)

    def vectors(clips: Any, valid: Any) -> Any:
      outputs = forward(clips, valid)
      if after is not None:
        after(outputs.masks, valid)
      return outputs.features

    batches = inference.batches(table, evaluation.frames_per_tracklet, batch_clips=32)
    found = embed_tracklets(vectors, batches, len(table), names=table.names)
    sides = {"query": evaluation.query_rows, "gallery": evaluation.gallery_rows}
    labels = {
      f"{side}_{kind}": values[rows]
      for side, rows in sides.items()
      for kind, values in (("ids", table.identities), ("cameras", table.cameras))
    }
    ranked = evaluate_features(
      *(found[rows] for rows in sides.values()), **labels, distance=flat["evaluation.distance"]
    )
    return ranked.mean_average_precision, float(ranked.cmc[0])

  totals: dict[int, Any] = {}
  counts = collections.Counter[int]()

  def add(masks: Any, valid: Any) -> None:
    for stage, of_stage in masks.items():
      kept = np.asarray(of_stage.spatial)[np.asarray(valid)]
      totals[stage] = totals.get(stage, 0.0) + kept.sum(axis=0)
      counts[stage] += len(kept)

  found = {"as trained": metrics(lambda stage, logits: logits, add)}
  means = {stage: np.clip(total / counts[stage], _MARGIN, 1 - _MARGIN)
           for stage, total in totals.items()}  # fmt: skip

  def put(values: Any, logits: Any) -> Any:
    return jnp.broadcast_to(jnp.log(values / (1 - values)), logits.shape).astype(logits.dtype)

  found["the stage's mean mask"] = metrics(
    lambda stage, logits: put(means[stage][None, ..., None], logits)
  )
  found["equal everywhere"] = metrics(lambda stage, logits: put(means[stage].mean(), logits))
  # Half a batch further are clips of others, unless a tracklet has as many clips.
  found["of other clips"] = metrics(
    lambda stage, logits: jnp.roll(logits, len(logits) // 2, axis=0)
  )
  return found


if __name__ == "__main__":
  main()
