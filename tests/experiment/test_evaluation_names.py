"""Names of the folders of other evaluations."""

import hashlib
import json

from cosam_jax.experiment import evaluation_names


def test_a_folder_keeps_the_name_that_it_had_before_mirror_images():
  card = {"dataset": "mars", "split": None, "protocol": "official", "distance": "cosine",
          "num_frames": 4, "checkpoint": "step 3", "checkpoint_hash": "ab"}  # fmt: skip
  records = [{"card": card}]
  named = evaluation_names.name_of(evaluation_names.subject_of(records, {}))
  for flip, same in ((False, True), (True, False)):
    others = [{"card": card | {"flip": flip}}]
    again = evaluation_names.name_of(evaluation_names.subject_of(others, {}))
    assert (again == named) == same
  facts = {"dataset": "mars", "split": None, "protocol": "official", "distance": "cosine",
           "num_frames": 4, "weights": "step 3", "hash": "ab", "others": [None, None],
           "test set": [None, None, None, None]}  # fmt: skip
  digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
  assert named == f"mars_official_step_3_{digest}"
