"""Contradictions in how a configuration learns are refused in a sentence, before any work."""

import pytest
from ml_collections import ConfigDict

from cosam_jax.errors import InputError
from cosam_jax.experiment import config as rules
from cosam_jax.experiment import configurations
from cosam_jax.experiment.learning_rules import check_training, drops_beyond_the_end, frozen_parts


def mars(**changes) -> ConfigDict:
  """configs/mars.py with some fields changed."""
  config = configurations.read(configurations.folder() / "mars.py")
  config.update_from_flattened_dict(changes)
  return config


@pytest.mark.parametrize(
  ("changes", "words"),
  [
    ({"optim.milestones": (60,)}, ["optim.milestones is (60,)", "schedule is 'steps'"]),
    ({"optim.schedule": "milestones"}, ["milestones is empty", "(60, 120)"]),
    ({"optim.schedule": "milestones", "optim.milestones": (9, 5)}, ["(9, 5)", "ascending"]),
    ({"optim.schedule": "milestones", "optim.milestones": (5, 5)}, ["(5, 5)", "once"]),
    ({"optim.schedule": "milestone"}, ["'milestone'", "steps, milestones, cosine", "did you mean"]),
    ({"optim.frozen": "stem,stage_2"}, ["'stage_2'", "did you mean 'stage2'"]),
    ({"optim.frozen": "cosam3"}, ["'cosam3', which this network does not have", "cosam4, cosam5"]),
    ({"optim.frozen": "neck"}, ["'neck', which this network does not have"]),
    ({"evaluation.weights": "average"}, ["weights is 'average'", "train.average is 0", "0.999"]),
    ({"train.average": 1.0}, ["train.average is 1.0", "at most 0.999999"]),
    ({"loss.triplet_distance": "cosin"}, ["'cosin'", "euclidean, cosine", "did you mean"]),
    ({"loss.mask_sparsity": -0.1}, ["mask_sparsity is -0.1", "at least 0"]),
    (
      {"loss.mask_sparsity": 0.1, "model.cosam_stages": ()},
      [
        "loss.mask_sparsity is 0.1, which changes nothing while config.model.cosam_stages is ()",
        "set that to some of the stages 2 to 5, or use 0.0",
      ],
    ),
  ],
)
def test_contradictions(changes, words):
  with pytest.raises(InputError) as caught:
    rules.check(mars(**changes))
  sentence = str(caught.value)
  assert "\n" not in sentence
  for word in words:
    assert word in sentence, sentence


@pytest.mark.parametrize("schedule", ["steps", "cosine"])
def test_a_warm_up_beyond_the_end_of_a_training_is_refused_but_can_be_read(schedule):
  config = mars(**{"optim.warmup_epochs": 5, "train.epochs": 4, "optim.schedule": schedule})
  rules.check(config)
  with pytest.raises(InputError) as caught:
    check_training(config)
  for words in ("warmup_epochs is 5", "epochs is 4", "use at most 4", "for 5 epochs or more"):
    assert words in str(caught.value)
  check_training(mars(**{"optim.warmup_epochs": 4, "train.epochs": 4, "optim.schedule": schedule}))


@pytest.mark.parametrize(
  ("epochs", "beyond"), [(10, None), (9, "at 9 "), (7, "at 7, 9 "), (1, "at 3, 7, 9 ")]
)
def test_drops_that_a_training_does_not_reach_are_said(epochs, beyond):
  late = {"optim.schedule": "milestones", "optim.milestones": (3, 7, 9), "train.epochs": epochs}
  check_training(mars(**late))
  said = drops_beyond_the_end(mars(**late))
  if beyond is None:
    assert said is None
  else:
    assert said is not None
    assert f"does not drop {beyond}" in said
    assert said.endswith("after 1 epoch" if epochs == 1 else f"after {epochs} epochs")


@pytest.mark.parametrize("name", configurations.names())
def test_our_configurations_end_in_time(name):
  config = configurations.read(configurations.folder() / f"{name}.py")
  check_training(config)
  assert drops_beyond_the_end(config) is None


@pytest.mark.parametrize(
  "changes",
  [
    {"optim.schedule": "milestones", "optim.milestones": (60, 120, 10**6)},
    {"optim.schedule": "cosine", "optim.warmup_epochs": 10, "optim.final_factor": 0.01},
    {"optim.frozen": " stem, stage2,cosam4 ,head,classifier,", "model.temporal": "rnn"},
    {"optim.frozen": "neck", "model.neck": True},
    {"optim.backbone_factor": 0.0, "optim.bias_factor": 2.0, "optim.decay_biases": False},
    {"train.average": 0.999, "evaluation.weights": "average", "evaluation.flip": True},
    {"loss.mask_sparsity": 0.1, "model.summary": "position_free", "model.descriptors": "below"},
    {"loss.mask_sparsity": 0.0, "model.descriptors": "below", "model.cosam_stages": ()},
  ],
)
def test_what_goes_together(changes):
  rules.check(mars(**changes))


def test_names_of_parts_between_commas():
  assert frozen_parts("") == frozen_parts(" , ") == ()
  assert frozen_parts("stem, stage2 ,head") == ("stem", "stage2", "head")


def test_another_number_of_epochs_moves_the_end_of_a_cosine():
  assert "train.epochs" in rules.free_on_resume(mars())
  cosine = mars(**{"optim.schedule": "cosine"})
  assert set(rules.FREE_ON_RESUME) - set(rules.free_on_resume(cosine)) == {"train.epochs"}
  for config in (mars(), cosine):
    assert rules.free_on_resume(config, True) == (*rules.FREE_ON_RESUME, "optim")


def test_people_who_are_held_out_of_a_training_must_be_looked_at():
  config = mars(**{"data.validation_identities": 9, "train.validate_every_epochs": 0})
  rules.check(config)  # Nobody is trained on, in a calibration for one.
  with pytest.raises(InputError, match=r"validation_identities is 9, but .* set it to 1 or more"):
    check_training(config)
