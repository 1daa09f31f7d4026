"""The model card: front matter for the Hub, and all that a reader must know."""

import copy
import dataclasses

import labelled
import pytest
import yaml
from results_record import RECORD

from cosam_jax.evaluation.calibration import Wishes, calibrate
from cosam_jax.reports.model_card import Published, model_card
from cosam_jax.reports.results import results_content

CONFIG = {
  "data.name": "mars", "data.split": 0, "data.validation_identities": 125,
  "init.weights": "imagenet",
  "model.backbone": "se_resnet50", "model.cosam_stages": [4, 5], "model.temporal": "tp",
}  # fmt: skip
INTERVALS = {
  "level": 0.95, "identities": 620, "intervals": {name: [0.7, 0.9] for name in RECORD["metrics"]}
}  # fmt: skip


def card(**changes):
  record = copy.deepcopy(RECORD) | {"uncertainty": INTERVALS}
  numbers = results_content([record], {"warnings": ["3 frames are odd"]})
  facts = {
    "name": "org/name", "licence": "cc-by-nc-4.0", "config": CONFIG, "weights": "step 240",
    "weights_hash": "aa", "people": 500, "numbers": numbers,
    "recipe": [("train.epochs", "800", "Epochs | of training.")],
  }  # fmt: skip
  return model_card(Published(**(facts | changes)))


def front_matter(text):
  first, matter, _ = text.split("---\n", 2)
  assert first == ""
  return yaml.safe_load(matter)


def test_the_hub_reads_its_front_matter():
  found = front_matter(card())
  assert found["license"] == "cc-by-nc-4.0"
  assert found["library_name"] == "cosam_jax"
  assert "person-re-identification" in found["tags"]
  assert found["datasets"] == ["mars", "imagenet-1k"]
  own = {**CONFIG, "data.name": "folder", "init.weights": ""}
  assert "datasets" not in front_matter(card(config=own))
  huggingface_hub = pytest.importorskip("huggingface_hub")
  data = huggingface_hub.ModelCard(card()).data
  assert (data.license, data.library_name) == ("cc-by-nc-4.0", "cosam_jax")


def test_it_has_data_recipe_numbers_licence_and_uses():
  text = card()
  for words in (
    "# mars: se_resnet50 with COSAM4,5, temporal average",
    'Embedder.from_pretrained("org/name")',
    "Trained on: `mars`, 500 people.",
    "MARS was published for research",
    "125 people were held out",
    "Initial weights: `imagenet`.",
    "| `train.epochs` | 800 | Epochs \\| of training. |",
    "Weights: step 240 (hash `aa`)",
    "| as ranked | 79.88 (70.0 to 90.0) | 84.90 (70.0 to 90.0) |",
    "95% intervals, from drawing 620 people",
    "- Protocol: reference",
    "- Gallery: 9,330 tracklets, 3,248 of them distractors",
    "- 3 frames are odd.",
    "14 of 1,980 queries do not count",
    "The weights: cc-by-nc-4.0",
    "## Intended use",
    "## What it must not be used for",
    "without a lawful basis",
  ):
    assert words in text, words


def test_of_weights_that_were_given_no_training_is_told():
  given = {"trained": False, "weights": "osnet.npz", "recipe": [("clips.num_frames", "4", "T.")]}
  for config in (CONFIG, {**CONFIG, "data.name": "dukemtmc_vidreid"}):
    text = card(config=config, numbers=None, **given)
    for words in (
      "# se_resnet50 with COSAM4,5, temporal average",
      "These weights (`osnet.npz`, hash `aa`) were not trained by this program",
      "The publisher should say here on whom they were trained",
      "Weights: osnet.npz (hash `aa`). Fields of the network and its frames:",
      "| `clips.num_frames` | 4 | T. |",
      "the terms of the data sets and of the initial weights, and the rights",
    ):
      assert words in text, words
    for words in ("Trained on", "500", "imagenet", "Initial", "held out", "MARS", "withdrawn"):
      assert words not in text, words
    assert "training decided" not in text
    assert "datasets" not in front_matter(text)
  assert "| as ranked | 79.88 (70.0 to 90.0) |" in card(**given)  # Numbers are of these weights.


def test_without_an_evaluation_it_says_so():
  text = card(numbers=None, name=None)
  assert "No evaluation of these weights was published with them" in text
  assert 'from_pretrained("org/name")' in text
  assert "## Calibration" not in text


def test_calibrations_are_shown_with_their_people():
  made = calibrate(labelled.embeddings(), "sqeuclidean", Wishes(fmr=(0.1,), rank=3, resamples=100))
  numbers = {"bcubed_precision": 0.8, "bcubed_recall": 0.7, "bcubed_f": 0.75}
  links = {"people": 90, "of": "mars", "numbers": numbers, "intervals": {"bcubed_f": [0.7, 0.8]}}
  text = card(calibration=dataclasses.asdict(made), links=links)
  assert "people     12 of mars (held out)" in text
  assert "On 90 people of mars at a time" in text
  assert "F 0.750 (0.700 to 0.800)" in text


def test_of_withdrawn_and_drawn_and_own_data_it_says_what_they_are():
  assert "withdrawn" in card(config={**CONFIG, "data.name": "dukemtmc_vidreid"})
  drawn = card(config={**CONFIG, "data.name": "synthetic", "init.weights": ""}, numbers=None)
  assert "The people are drawn figures" in drawn
  assert "Initial weights: drawn." in drawn
  assert "the publisher's own data" in card(config={**CONFIG, "data.name": "folder"})
