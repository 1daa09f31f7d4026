"""Saved vectors are ranked as their run ranked them, or refused if nobody knows how that was."""

import json

import pytest
from evaluation_embeddings import RANKED, made

from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import Origin, write_embeddings
from cosam_jax.experiment.fields import SCHEMA
from cosam_jax.experiment.saved_rankings import evaluate_embeddings, show_sensitivity


def test_vectors_with_mirror_images_are_not_ranked_as_others(tmp_path):
  origin = Origin("mars", num_frames=2, config={**RANKED, "evaluation.flip": True}, flip=True)
  write_embeddings(tmp_path / "e.npz", made(origin=origin))
  results = evaluate_embeddings(tmp_path / "e.npz", None, tmp_path / "ranked")
  assert all(result.card.flip for result in results)
  record = json.loads((tmp_path / "ranked" / "results.json").read_text())
  assert record["results"][0]["card"]["flip"] is True
  with pytest.raises(InputError, match=r"flip is False, but .* with mirror images: .* embed again"):
    evaluate_embeddings(tmp_path / "e.npz", None, None, {"evaluation.flip": False})
  write_embeddings(tmp_path / "f.npz", made(origin=Origin("mars", config=RANKED)))
  with pytest.raises(InputError, match=r"flip is True, but .* without mirror images"):
    evaluate_embeddings(tmp_path / "f.npz", None, None, {"evaluation.flip": True})


@pytest.mark.parametrize(
  ("fields", "named"),
  [
    ({}, "evaluation.gallery"),
    ({**RANKED, "evaluation.gallery": 5}, "evaluation.gallery"),
    ({**RANKED, "evaluation.rerank_lambda": "nan"}, "evaluation.rerank_lambda"),
  ],
)
def test_embeddings_that_do_not_say_how_to_rank(tmp_path, fields, named):
  write_embeddings(tmp_path / "e.npz", made(origin=Origin("mars", num_frames=2, config=fields)))
  with pytest.raises(InputError, match=rf"does not say how to rank \(config.{named}\): give"):
    evaluate_embeddings(tmp_path / "e.npz", None, tmp_path / "ranked")
  assert not (tmp_path / "ranked").exists()


def test_embeddings_older_than_a_field_are_ranked_as_their_run_was(tmp_path):
  older = {"seed": 3, **RANKED}
  del older["evaluation.frames"]
  origin = Origin("mars", num_frames=2, config=older)
  write_embeddings(tmp_path / "e.npz", made(origin=origin))
  evaluate_embeddings(tmp_path / "e.npz", None, tmp_path / "ranked")
  show_sensitivity(tmp_path / "e.npz", tmp_path / "ranked", None)
  for name in ("results.json", "sensitivity.json"):
    config = json.loads((tmp_path / "ranked" / name).read_text())["run"]["config"]
    assert config["evaluation.frames"] == 0
    assert set(config) == set(SCHEMA)
