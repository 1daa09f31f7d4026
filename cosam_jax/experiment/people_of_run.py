"""Parts of a run's people: the test set, those held out for validation, and those trained on."""

import dataclasses
import pathlib

from cosam_jax.data import Tables
from cosam_jax.data.holdout import with_test_set
from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibration_names import HELD_OUT_PEOPLE, TEST_PEOPLE, TRAINING_PEOPLE
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.evaluated_set import digest_of, may_be_same
from cosam_jax.experiment.network import Network
from cosam_jax.experiment.run import Run

FOLDER = "people"
"""A folder of a run, with a folder for the vectors of each part that is not the test set."""
_WORDS = {
  HELD_OUT_PEOPLE: "training people held out for validation",
  TRAINING_PEOPLE: "training people",
}
# Fields on which it depends who is in which part, beside the data set's name.
_DIVIDED_BY = ("data.split", "data.split_seed", "data.validation_identities", "seed")


def people_folder(workdir: pathlib.Path, people: str) -> pathlib.Path:
  """The folder of a part's vectors, such as `people/held_out`; that of the test set is the run's.

  Args:
    workdir: of the run.
    people: see `calibration_names.PARTS_OF_PEOPLE`.
  """
  return workdir if people == TEST_PEOPLE else workdir / FOLDER / people


def tables_of_people(run: Run, people: str) -> Tables:
  """The data set with one part of its people as the test set.

  Tracklets whose camera is unknown are left out. A warning in the tables says who they are, so that
  results on them are not taken for those of the test set.

  Args:
    run: the configuration and its data.
    people: see `calibration_names.PARTS_OF_PEOPLE`.

  Raises:
    InputError: the run held nobody out.
  """
  if people == TEST_PEOPLE:
    return run.tables
  if people == HELD_OUT_PEOPLE:
    if not run.config.data.validation_identities:
      raise InputError(
        "config.data.validation_identities is 0, so nobody was held out of the training: train "
        "with some held out, or give --people=training, whose rates are too favourable unless the "
        "network was trained on other people"
      )
    tables = run.training_tables
  else:
    tables = with_test_set(run.tables, run.training_tables.train, run.config.seed)
  sentence = f"these are {_WORDS[people]} of {tables.name}, not its test set"
  return dataclasses.replace(tables, warnings=(*tables.warnings, sentence))


def was_trained_on(run: Run, network: Network, people: str) -> bool | None:
  """Whether a network was trained on a part of the people; None if the program cannot know.

  Weights of a file do not say on whom they were trained. What the weights were before a run's
  training does not count.

  Args:
    run: the configuration that says who is in which part.
    network: its `about` has the configuration of the training.
    people: see `calibration_names.PARTS_OF_PEOPLE`.
  """
  if "config" not in network.about:
    return None
  trained, asked = config_rules.complete(network.about["config"]), run.flat
  here = digest_of(run.tables, run.config.evaluation.gallery)
  same = may_be_same(network.about.get("test_set"), here)
  if trained.get("data.name") != asked["data.name"] or not same:
    return None
  if people == TRAINING_PEOPLE:
    return True
  divided = [name for name in _DIVIDED_BY if name in asked]
  if people == TEST_PEOPLE:
    divided = [name for name in divided if name.startswith("data.split")]
  return any(trained.get(name) != asked[name] for name in divided)
