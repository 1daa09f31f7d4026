"""A table's clips through a network, against one clip at a time; and a disk that goes away."""

import dataclasses
import functools
import json
import shutil
import threading
import time

import jax
import numpy as np
import pytest
import saved_run as saved
import tiny
from PIL import Image

import cosam_jax
from cosam_jax.commands.attention import attention
from cosam_jax.data import load_dataset, pipeline
from cosam_jax.data.packing import read_image
from cosam_jax.data.resizing import pixels_for_network
from cosam_jax.errors import InputError
from cosam_jax.evaluation.protocol import evaluation_of
from cosam_jax.experiment.evaluator import Evaluator
from cosam_jax.experiment.fields import FIELDS
from cosam_jax.experiment.inference import Inference, Reading
from cosam_jax.experiment.mask_gallery import draw
from cosam_jax.experiment.mask_report import MaskReport
from cosam_jax.experiment.network import load_network
from cosam_jax.experiment.run import Run
from cosam_jax.training.frame_bytes import clips_to_put, normalised
from cosam_jax.training.mesh import make_local_mesh

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture(scope="module")
def network(saved_run):
  return load_network(saved_run)


@pytest.fixture
def data_dir(tiny_synthetic, tmp_path):
  """A copy of the drawn set, for a test to damage and move."""
  shutil.copytree(tiny_synthetic, tmp_path / "set")
  return tmp_path / "set"


def gallery(data_dir):
  return evaluation_of(load_dataset("synthetic", data_dir), "reference").table


@pytest.mark.parametrize("policy", ["error", "skip"])
def test_batches_are_as_one_clip_at_a_time(network, data_dir, policy):
  table = gallery(data_dir).select(np.array([5, 0, 3]))
  if policy == "skip":
    damaged = int(table.starts[1]) + 1
    (data_dir / table.frames.name(damaged)).write_bytes(b"no picture")
  model, prepare = (
    network.model,
    functools.partial(pixels_for_network, size=network.model.image_size),
  )
  frames_of_clip = model.num_frames
  wanted = []
  for row in range(len(table)):
    numbers = [int(table.starts[row]) + i for i in range(int(table.lengths[row]))]
    for first in range(0, len(numbers), frames_of_clip):
      left = numbers[first : first + frames_of_clip]
      clip = [left[i % len(left)] for i in range(frames_of_clip)]
      readable = np.array([policy == "error" or number != damaged for number in clip])
      images = [
        prepare(read_image(data_dir / table.frames.name(number))) if fine else None
        for number, fine in zip(clip, readable, strict=True)
      ]
      black = np.zeros((*model.image_size, 3), np.float32)
      pixels = np.stack([black if image is None else image for image in images])
      outputs = model.apply(network.variables, pixels[None], readable[None], train=False)
      wanted.append((row, clip, readable, outputs))

  inference = Inference(
    model, make_local_mesh(), batch_clips=4, reading=Reading(policy, 0.0, False, "bilinear")
  )
  variables, plan = inference.put(network.variables), inference.plan(table)
  found = 0
  batches = inference.batches(table)
  for number, batch in enumerate(batches):
    outputs = inference.forward(variables, batch.clips, batch.valid)
    planned = plan.batch(number)
    for i in np.flatnonzero(batch.tracklets >= 0):
      row, clip, readable, one = wanted[found]
      assert batch.tracklets[i] == row
      assert planned.frames[i].tolist() == clip
      np.testing.assert_array_equal(batch.valid[i], readable)
      for name in ("features", "logits"):
        there, here = np.asarray(getattr(outputs, name)[i]), np.asarray(getattr(one, name)[0])
        np.testing.assert_allclose(there, here, rtol=1e-4, atol=1e-5 * np.abs(here).max())
      for stage, masks in one.masks.items():
        np.testing.assert_allclose(outputs.masks[stage].spatial[i], masks.spatial[0], atol=1e-5)
      if number == found == 0:
        looked, descriptors = inference.looking_closely(variables)(batch.clips, batch.valid)
        np.testing.assert_allclose(looked.masks[5].spatial, outputs.masks[5].spatial, atol=1e-5)
        assert list(descriptors) == list(model.cosam_stages)
      found += 1
  assert found == len(wanted) == plan.num_clips
  assert batches.skipped == sum(1 for *_, readable, _ in wanted for fine in readable if not fine)


def test_frames_as_bytes_give_the_same_vectors(network, data_dir):
  """To the rounding; the drawn frames have the network's size, so that nothing is rounded."""
  table = gallery(data_dir).select(np.array([5, 0, 3]))
  usual = Reading("error", 0.0, False, "bilinear")
  found = {}
  for pixels in ("float32", "uint8"):
    reading = dataclasses.replace(usual, pixels=pixels)
    inference = Inference(network.model, make_local_mesh(), batch_clips=4, reading=reading)
    variables, rows = inference.put(network.variables), []
    for batch in inference.batches(table):
      assert batch.clips.dtype == pixels
      outputs = inference.forward(variables, batch.clips, batch.valid)
      rows.append(np.asarray(outputs.features)[batch.tracklets >= 0])
      looked, _ = inference.looking_closely(variables)(batch.clips, batch.valid)
      rows.append(np.asarray(looked.features)[batch.tracklets >= 0])
    on_device = np.asarray(normalised(clips_to_put(batch.clips, batch.valid)))
    assert (batch.tracklets < 0).any()
    assert not on_device[batch.tracklets < 0].any()
    found[pixels] = np.concatenate(rows)
  largest = np.abs(found["float32"]).max()
  np.testing.assert_allclose(found["uint8"], found["float32"], rtol=1e-4, atol=1e-5 * largest)


def evaluator(config, network, workdir):
  run = Run(config, workdir)
  made = Evaluator(run.config, run.tables, run.model)
  made(network.variables)
  return made.vectors


def mask_report(config, network, workdir):
  return MaskReport(Run(config, workdir)).measure(network.variables)[0]


def probe(config, network, workdir):
  del network
  return attention(config, workdir)


def mask_gallery(config, network, workdir):
  draw(network, workdir / "drawn", table=gallery(config.data.dir).select(np.arange(2)))
  return json.loads((workdir / "drawn" / "channels.json").read_text())


def embedder(config, network, workdir):
  del workdir
  table = gallery(config.data.dir).select(np.arange(2))
  return cosam_jax.Embedder(network, batch_clips=8).embed_table(table)


@pytest.mark.parametrize("mode", [evaluator, mask_report, probe, mask_gallery, embedder])
def test_a_directory_that_is_away_is_waited_for_in_every_mode(
  mode, network, saved_run, data_dir, tmp_path, monkeypatch, caplog
):
  shutil.copytree(saved_run, tmp_path / "run")
  config = tiny.config(data_dir, data__retry_seconds=60)
  network = dataclasses.replace(network, flat={**network.flat, "data.retry_seconds": 60})
  away, batches = data_dir.with_name("away"), Inference.batches
  waiting = f"the data directory {data_dir} "

  def comes_back():
    deadline = time.monotonic() + 50
    while waiting not in caplog.text and time.monotonic() < deadline:
      time.sleep(0.1)
    away.rename(data_dir)

  returning = threading.Thread(target=comes_back)

  def goes_away(self, *arguments, **options):
    """The directory is there when batches are asked for, and gone when they are read."""
    if returning.ident is None:
      data_dir.rename(away)
      returning.start()
    return batches(self, *arguments, **options)

  with monkeypatch.context() as patch:
    patch.setattr(Inference, "batches", goes_away)
    found = mode(config, network, tmp_path / "run")
  returning.join()
  assert waiting in caplog.text
  assert "waiting up to 60 seconds" in caplog.text
  if mode in (embedder, mask_gallery):  # The others take too long to run twice.
    again = mode(config, network, tmp_path / "run")
    jax.tree.map(np.testing.assert_array_equal, found, again)


@pytest.fixture(scope="module")
def bicubic_run(tiny_synthetic, tmp_path_factory):
  """The workdir of a network that was trained on frames resized by the bicubic kernel."""
  return saved.write(tmp_path_factory.mktemp("bicubic"), tiny_synthetic, clips__resize="bicubic")


@pytest.mark.parametrize("mode", [evaluator, mask_report, probe, mask_gallery, embedder])
def test_every_mode_resizes_as_the_network_was_trained(
  mode, bicubic_run, tiny_synthetic, tmp_path, monkeypatch
):
  shutil.copytree(bicubic_run, tmp_path / "run")
  methods, made = [], pipeline.Preprocess

  def recording(size, augmentation, method="bilinear", pixels="float32"):
    methods.append(method)
    return made(size, augmentation, method, pixels)

  monkeypatch.setattr(pipeline, "Preprocess", recording)
  config = tiny.config(tiny_synthetic, clips__resize="bicubic")
  mode(config, load_network(tmp_path / "run"), tmp_path / "run")
  assert set(methods) == {"bicubic"}


def test_links_are_followed_in_somebodys_folder_only_if_the_run_does(network, tmp_path):
  person = tmp_path / "elsewhere" / "anna"
  person.mkdir(parents=True)
  for i in range(2):
    Image.new("RGB", (32, 64), (40 * i, 50, 90)).save(person / f"{i}.png")
  folder = tmp_path / "mine"
  folder.mkdir()
  (folder / "anna").symlink_to(person)
  for follow in (False, True):
    flat = {**network.flat, "data.follow_links": follow}
    asked = dataclasses.replace(network, flat=flat)
    if follow:
      draw(asked, tmp_path / "drawn", folder=str(folder))
      assert (tmp_path / "drawn" / "anna.webp").is_file()
    else:
      with pytest.raises(InputError):
        draw(asked, tmp_path / "drawn", folder=str(folder))


def test_a_configuration_says_how_frames_are_read():
  usual = Reading("error", FIELDS["data.retry_seconds"].default, False, "bilinear")
  assert Reading.of({}) == usual
  flat = {"data.on_unreadable": "skip", "data.retry_seconds": 5, "data.follow_links": False}
  assert Reading.of(flat) == Reading("skip", 5, False, "bilinear")
  assert Reading.of({**flat, "data.follow_links": True}).follow_links
  assert Reading.of({**flat, "clips.resize": "bicubic"}).resize_method == "bicubic"
  assert usual.pixels == "float32"
  assert Reading.of({**flat, "clips.pixels": "uint8"}).pixels == "uint8"
