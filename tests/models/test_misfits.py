"""Weights that do not fit a network: what differs is named, with a guess at what they belong to."""

import numpy as np
import pytest
from drawn_networks import drawn, refusal, small

from cosam_jax.models.interop import to_torch
from cosam_jax.models.misfits import explain


def test_every_misfit_is_named():
  model = small()
  state = to_torch(drawn(model), model)
  missing = {name: value for name, value in state.items() if "base.5." not in name}
  assert "layer2.0.conv1.weight" in refusal(missing, model)
  assert "... (25 in all) of the model are missing" in refusal(missing, model)
  assert "surplus.weight of the weights are not known" in refusal(
    state | {"surplus.weight": np.zeros(1)}, model
  )
  assert "classifier.bias (7,) for (5,)" in refusal(state | {"classifier.bias": np.zeros(7)}, model)
  assert "mean the same tensor" in refusal(state | {"module.base.0.weight": np.zeros(1)}, model)
  assert "missing" in refusal({}, model)
  assert "'base.0.weight' has values that are not finite" in refusal(
    state | {"base.0.weight": np.full_like(state["base.0.weight"], np.nan)}, model
  )
  assert "type" in refusal(
    state | {"base.1.weight": np.full(state["base.1.weight"].shape, "x")}, model
  )


def test_another_architecture_is_recognised():
  model = small(cosam_stages=(4,))
  other = small("se_resnet50", temporal="rnn", cosam_stages=(4, 5), num_classes=9)
  message = refusal(to_torch(drawn(other), other), model)
  assert "look like backbone=se_resnet50, cosam_stages=4,5, temporal=rnn, num_classes=9" in message
  assert "model has backbone=resnet18, cosam_stages=4, temporal=tp, num_classes=5" in message
  bare = to_torch(drawn(other), other, layout="torchvision")
  assert "look like backbone=se_resnet50, but" in refusal(bare, model)
  narrow = small(width=0.5)
  assert "width=0.5, but" in refusal(to_torch(drawn(narrow), narrow), small())


@pytest.mark.parametrize(
  ("options", "guess"),
  [
    ({"num_frames": 5}, "num_frames=5 at this image size"),
    ({"image_size": (96, 48)}, "image_size=(96, 48) at this num_frames"),
  ],
)
def test_cosam_weights_of_another_clip_say_which(options, guess):
  other = small(**options)
  message = refusal(to_torch(drawn(other), other), small())
  rows, columns = other.grid_size(4)
  positions = (other.num_frames - 1) * rows * columns
  assert f"after stage 4 belong to (num_frames-1)*h*w = {positions}" in message
  assert guess in message
  assert "the model with num_frames=3 and image_size=(64, 32) has 16" in message


def test_what_does_not_fit_is_said_with_the_beginning():
  model, other = small(), small(num_classes=9)
  state = {f"model.{name}": value for name, value in to_torch(drawn(other), other).items()}
  message = refusal(state, model)
  assert "model.classifier.bias (9,) for (5,)" in message
  assert "('model.' is taken off the beginning of all" in message


def test_long_lists_are_cut_and_names_are_those_of_the_file():
  names = [f"layer1.{i}.conv1.weight" for i in range(5)]
  shapes = dict.fromkeys(names, (8, 8, 1, 1))
  wider = dict.fromkeys(names, (16, 8, 1, 1))
  in_file = {name: f"module.{name}" for name in names}
  sentence = explain(small(), shapes, wider, in_file, names[:2], names[3:4], names)
  assert sentence.startswith("the weights do not fit the model: ")
  assert f"{names[0]}, {names[1]} of the model are missing" in sentence
  assert "module.layer1.3.conv1.weight of the weights are not known" in sentence
  assert (
    "module.layer1.0.conv1.weight (8, 8, 1, 1) for (16, 8, 1, 1), "
    "module.layer1.1.conv1.weight (8, 8, 1, 1) for (16, 8, 1, 1), "
    "module.layer1.2.conv1.weight (8, 8, 1, 1) for (16, 8, 1, 1), ... (5 in all)"
  ) in sentence


@pytest.mark.parametrize(
  ("theirs", "ours", "words"),
  [
    ({}, {"summary": "position_free"},
     "after stage 4 are of another summary, with 16 inputs, and the model's summary is "
     "'position_free', with 3"),
    ({"summary": "position_free"}, {}, "= 3 positions (summary='position_free')"),
    ({"descriptors": "below"}, {},
     "COSAM's descriptors after stage 4 are made of 32 channels, and those of the model, with "
     "descriptors='stage', of 64"),
    ({}, {"descriptors": "below", "cosam_stages": (2,)},
     "look like cosam_stages=4,5, but the model has cosam_stages=2"),
  ],
)  # fmt: skip
def test_masks_of_another_form_are_recognised(theirs, ours, words):
  other = small(**theirs)
  assert words in refusal(to_torch(drawn(other), other), small(**ours))
