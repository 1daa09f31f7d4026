"""Numbers of saved vectors stand where they were asked for, unless other numbers stand there."""

import json
import shutil

from evaluation_embeddings import RANKED, made
from evaluation_folders import apart, files

from cosam_jax.evaluation.embeddings import Origin, write_embeddings
from cosam_jax.experiment.saved_rankings import evaluate_embeddings, show_sensitivity


def test_saved_vectors_ranked_otherwise_leave_the_run_as_it_is(run, tmp_path):
  before = files(run)
  path = run / "embeddings.npz"
  official = {"evaluation.gallery": "official"}
  evaluate_embeddings(path, None, None, official)
  evaluate_embeddings(path, None, run, official)
  assert files(run) == before
  (place,) = apart(run).values()
  assert place.name.startswith("synthetic_official_step_3_")
  # Beside vectors without a run, the first evaluation has the place and others get folders.
  alone = tmp_path / "alone"
  alone.mkdir()
  shutil.copy(path, alone)
  evaluate_embeddings(alone / "embeddings.npz", None, None)
  kept = (alone / "results.json").read_bytes()
  evaluate_embeddings(alone / "embeddings.npz", None, None, official)
  assert (alone / "results.json").read_bytes() == kept
  evaluate_embeddings(alone / "embeddings.npz", None, None)
  assert len(apart(alone)) == 1
  show_sensitivity(alone / "embeddings.npz", None, None)
  assert (alone / "sensitivity.json").is_file()


def test_numbers_of_other_vectors_go_beside(tmp_path):
  for name, digest in (("a", "12"), ("b", "34")):
    origin = Origin("mars", num_frames=2, config=RANKED, checkpoint=name, checkpoint_hash=digest)
    write_embeddings(tmp_path / f"{name}.npz", made(origin=origin))
    show_sensitivity(tmp_path / f"{name}.npz", tmp_path, None)
  assert sensitivity_hashes(tmp_path) == {"12"}
  (place,) = apart(tmp_path).values()
  assert place.name.startswith("mars_reference_b_")
  assert sensitivity_hashes(place) == {"34"}
  show_sensitivity(tmp_path / "a.npz", tmp_path, [2])  # Its own numbers are replaced.
  assert len(apart(tmp_path)) == 1


def sensitivity_hashes(folder):
  """The weights whose vectors the numbers in a folder are of."""
  content = json.loads((folder / "sensitivity.json").read_text())
  return {one["card"]["checkpoint_hash"] for one in content["results"]}
