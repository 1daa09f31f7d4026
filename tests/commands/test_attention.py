"""`--mode=attention` on tiny networks with drawn weights, against one clip at a time."""

import functools
import json
import math

import jax
import modes
import numpy as np
import pytest
import saved_run as saved
import tiny

import oracles
from cosam_jax.data import load_dataset
from cosam_jax.data.packing import read_image
from cosam_jax.data.resizing import pixels_for_network
from cosam_jax.errors import InputError
from cosam_jax.experiment.network import load_network

pytestmark = pytest.mark.usefixtures("hasty_compilation")


class Looked:
  """A network's outputs for every clip of some tracklets, and for the same clips half hidden.

  The tracklets are short, so that all of their frames are used.
  """

  def __init__(self, network, data_dir, table):
    model, self.table = network.model, table
    forward = jax.jit(lambda clip: model.apply(network.variables, clip[None], train=False))
    prepare = functools.partial(pixels_for_network, size=model.image_size)
    self.owners, self.clips, self.repeats, self.outputs = [], [], [], []
    for row in range(len(table)):
      first, length = int(table.starts[row]), int(table.lengths[row])
      for start in range(0, length, 2):
        frames = [first + start, first + min(start + 1, length - 1)]
        images = [prepare(read_image(data_dir / table.frames.name(frame))) for frame in frames]
        self.owners.append(row)
        self.repeats.append(frames[0] == frames[1])  # The last of an odd number is taken twice.
        self.clips.append(np.stack(images))
        self.outputs.append(forward(self.clips[-1]))
    self._forward = forward

  def vectors(self, outputs=None):
    """The mean of each tracklet's clips."""
    found = [[] for _ in range(len(self.table))]
    for owner, one in zip(self.owners, outputs or self.outputs, strict=True):
      found[owner].append(np.asarray(one.features[0], np.float64))
    return np.array([np.mean(parts, axis=0) for parts in found])

  def masks(self):
    """Yields each clip's masks, float[T, h, w], and the number of its different frames."""
    for repeated, one in zip(self.repeats, self.outputs, strict=True):
      yield np.asarray(one.masks[5].spatial[0], np.float64), 1 if repeated else 2

  def hidden(self, which):
    """The vectors if half of every frame's cells have the frame's mean colour."""
    rng, outputs = np.random.default_rng(0), []
    for clip, (mask, _) in zip(self.clips, self.masks(), strict=True):
      order = rng.random(mask.shape) if which == "random" else mask
      rows, columns = mask.shape[1:]
      height, width = clip.shape[1] // rows, clip.shape[2] // columns
      changed = clip.copy()
      for frame in range(2):
        cells = sorted(np.ndindex(rows, columns), key=lambda cell, f=frame: order[f][cell])
        cells = cells[::-1] if which == "highest" else cells
        for y, x in cells[: rows * columns // 2]:
          place = np.s_[frame, y * height : (y + 1) * height, x * width : (x + 1) * width]
          changed[place] = clip[frame].mean((0, 1))
      outputs.append(self._forward(changed))
    return self.vectors(outputs)


def looked_at(run, data_dir):
  """The queries and the gallery of a saved run's data set."""
  network, tables = load_network(run), load_dataset("synthetic", data_dir)
  return [Looked(network, data_dir, table) for table in (tables.query, tables.gallery)]


def ranks(vectors, queries, gallery):
  """Mean rank of the first match, rank-1 and mAP, by walking down each query's list."""
  labels = (queries.table.identities, gallery.table.identities)
  cameras = (queries.table.cameras, gallery.table.cameras)
  distance = oracles.squared_distances(vectors, gallery.vectors())
  places = []
  for q, row in enumerate(distance):
    place = 1
    for g in np.argsort(row, kind="stable"):
      same, camera = labels[1][g] == labels[0][q], cameras[1][g] == cameras[0][q]
      if same and not camera:
        break
      place += labels[1][g] != -1 and not same
    places.append(place)
  walked = oracles.ranking_metrics(distance, *labels, *cameras, len(gallery.table))
  return {
    "mean_rank": pytest.approx(np.mean(places)),
    "rank1": pytest.approx(walked["cmc"][0]),
    "mAP": pytest.approx(walked["mean_average_precision"]),
  }


def shape_of(masks):
  """Means of std, peak, entropy and between_frames over (mask, number of frames that count)."""
  frames = [mask[i].ravel().tolist() for mask, counted in masks for i in range(counted)]
  pairs = [mask for mask, counted in masks if counted == 2]
  means = [sum(cells) / len(cells) for cells in frames]
  numbers = {
    "std": [math.sqrt(sum((c - m) ** 2 for c in f) / len(f)) for f, m in zip(frames, means)],
    "peak": [max(cells) / mean for cells, mean in zip(frames, means)],
    "entropy": [
      -sum(c / sum(f) * math.log(c / sum(f)) for c in f) / math.log(len(f)) for f in frames
    ],
    "between_frames": [np.mean(abs(first - second) / 2) for first, second in pairs],
  }
  return {name: pytest.approx(np.mean(values), rel=1e-3) for name, values in numbers.items()}


@pytest.mark.slow
def test_numbers_are_those_of_one_clip_at_a_time(saved_run, tiny_synthetic, capsys):
  record = modes.attention(tiny.config(tiny_synthetic), saved_run)
  assert json.loads((saved_run / "attention.json").read_text()) == record
  queries, gallery = sides = looked_at(saved_run, tiny_synthetic)
  masks = [pair for side in sides for pair in side.masks()]
  assert (record["queries"], record["gallery"]) == (len(queries.table), len(gallery.table))
  assert record["frames"] == sum(counted for _, counted in masks)
  stage, whole = record["stages"]["5"], queries.vectors()
  assert {name: stage[name] for name in shape_of(masks)} == shape_of(masks)
  assert record["whole"] == ranks(whole, queries, gallery)
  assert set(stage["deletion"]) == {"lowest", "highest", "random"}
  for which, cut in stage["deletion"].items():
    hidden = queries.hidden(which)
    cosines = [a @ b / math.sqrt(a @ a * (b @ b)) for a, b in zip(hidden, whole, strict=True)]
    assert cut == {
      "cosine": pytest.approx(np.mean(cosines), abs=1e-4), **ranks(hidden, queries, gallery)
    }  # fmt: skip
  assert record["frame_weights"]["all_equal"] is None
  out = capsys.readouterr().out
  assert "not applicable, the head is TP" in out
  assert max(map(len, out.split("written to")[0].splitlines())) < 80


@pytest.mark.slow
def test_how_often_tas_weights_are_equal(tiny_synthetic, tmp_path):
  run = saved.write(tmp_path / "ta", tiny_synthetic, model__temporal="ta")
  record = modes.attention(tiny.config(tiny_synthetic, model__temporal="ta"), run)
  equal = [
    max(abs(weight - weights[0]) for weight in weights) <= 1e-6
    for side in looked_at(run, tiny_synthetic)
    for weights in (np.asarray(one.frame_weights[0]).tolist() for one in side.outputs)
  ]
  assert 0 < sum(equal) < len(equal)  # One frame twice has equal weights, two frames have not.
  found = record["frame_weights"]
  assert (found["all_equal"], found["clips"]) == (sum(equal) / len(equal), len(equal))
  assert found["note"] == f"all equal in {100 * sum(equal) / len(equal):.1f}% of {len(equal)} clips"


def test_without_cosam_there_is_nothing_to_ask(tiny_synthetic, tmp_path):
  with pytest.raises(InputError, match=r"cosam_stages is empty.*name stages"):
    modes.attention(tiny.config(tiny_synthetic, model__cosam_stages=()), tmp_path)
