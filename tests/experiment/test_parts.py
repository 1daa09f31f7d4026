"""The plan and the pixels of training batches follow the configuration's fields."""

import dataclasses

import jax
import numpy as np
import pytest
import tiny

from cosam_jax.data import load_dataset
from cosam_jax.data.augmentation import Augmentation
from cosam_jax.errors import InputError
from cosam_jax.experiment.config import resolve
from cosam_jax.experiment.parts import (
  TrainingBatches,
  build_model,
  objective,
  pixels,
  read_tables,
  training_plan,
)
from cosam_jax.training.frame_bytes import FrameBytes
from cosam_jax.training.mesh import make_mesh


@pytest.fixture(scope="module")
def table(tiny_synthetic):
  return load_dataset("synthetic", tiny_synthetic).train


def plan_of(data_dir, table, **fields):
  return training_plan(resolve(tiny.config(data_dir, **fields)), table)


def test_without_new_fields_the_plan_is_the_published_one(tiny_synthetic, table):
  plan = plan_of(tiny_synthetic, table)
  assert plan.table is table
  assert (plan.sampler, plan.frame_selection) == ("every_identity", "sequential")
  assert plan.steps_per_epoch == 3
  config = resolve(tiny.config(tiny_synthetic))
  assert pixels(config) == {
    "image_size": (64, 32), "resize_method": "bilinear", "pixels": "float32",
    "augmentation": Augmentation(),
  }  # fmt: skip


def test_an_epoch_of_every_tracklet(tiny_synthetic, table):
  plan = plan_of(tiny_synthetic, table, train__sampler="every_tracklet")
  came = np.concatenate([plan.batch(step).tracklets for step in range(plan.steps_per_epoch)])
  assert set(came.tolist()) == set(range(len(table)))


def test_cut_tracklets_count_as_tracklets_of_their_own(tiny_synthetic, table):
  plan = plan_of(
    tiny_synthetic, table, clips__cut_frames=2, clips__selection="strided", clips__stride=1
  )
  pieces = sum(max(1, int(length) // 2) for length in table.lengths)
  assert (len(plan.table), plan.stride) == (pieces, 1)
  assert plan.table.num_identities == table.num_identities
  assert (np.diff(plan.batch(0).frames, axis=1) >= 0).all()


def test_training_batches_have_the_configurations_pixels(tiny_synthetic, table):
  config = resolve(tiny.config(
    tiny_synthetic, clips__resize="bicubic", clips__augment_per="clip", clips__crop="none",
    clips__erase=0.5, clips__erase_per="clip", clips__jitter=0.25,
  ))  # fmt: skip
  how = Augmentation("clip", "none", erase=0.5, erase_per="clip", jitter=0.25)
  assert pixels(config)["augmentation"] == how
  assert pixels(config)["resize_method"] == "bicubic"
  clips = [
    jax.device_get(batch[0])
    for batch in TrainingBatches(config, training_plan(config, table), 0, 2, make_mesh())
  ]
  assert [one.shape for one in clips] == [(4, 2, 64, 32, 3)] * 2
  assert not np.array_equal(*clips)


@pytest.mark.parametrize("policy", ["error", "skip"])
def test_training_batches_of_bytes_come_with_their_mask(tiny_synthetic, table, policy):
  config = resolve(tiny.config(tiny_synthetic, clips__pixels="uint8", data__on_unreadable=policy))
  batches = TrainingBatches(config, training_plan(config, table), 0, 1, make_mesh())
  ((clips, labels, valid),) = batches
  assert isinstance(clips, FrameBytes)
  assert (clips.levels.dtype, clips.levels.shape) == (np.uint8, (4, 2, 64, 32, 3))
  assert clips.there.shape == (4, 2)
  assert clips.there.all()
  assert len(labels) == 4
  assert (valid is None) == (policy == "error")


@pytest.mark.parametrize("name", ["own.csv", "missing.jsonl", "."])
def test_own_data_are_not_taken_for_the_place_of_drawn_people(tmp_path, name):
  (tmp_path / "own.csv").write_text("path,identity,camera,tracklet\n")
  with pytest.raises(InputError, match=r"--dataset=folder"):
    read_tables(tiny.config(tmp_path / name))
  assert [path.name for path in tmp_path.iterdir()] == ["own.csv"]


def test_the_form_of_the_masks_is_the_configurations(tmp_path):
  usual = resolve(tiny.config(tmp_path))
  other = resolve(tiny.config(tmp_path, model__summary="position_free", model__descriptors="below",
                              loss__mask_sparsity=0.25))  # fmt: skip
  model = build_model(usual, 3)
  assert (model.summary, model.descriptors) == ("two_layers", "stage")
  assert build_model(other, 3) == model.clone(summary="position_free", descriptors="below")
  assert objective(usual).mask_sparsity == 0
  assert objective(other) == dataclasses.replace(objective(usual), mask_sparsity=0.25)
