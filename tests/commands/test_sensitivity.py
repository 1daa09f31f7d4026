"""`--mode=sensitivity`: numbers of first frames as texts, and the file that is written beside."""

import json

import calls
import pytest
from evaluation_embeddings import RANKED, made

from cosam_jax.commands.sensitivity import first_frames
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import Origin, write_embeddings


@pytest.mark.parametrize(
  ("texts", "numbers"), [(None, None), (["4"], [4]), ([" 4", "16 "], [4, 16]), (["0"], [0])]
)
def test_numbers_of_frames(texts, numbers):
  assert first_frames(texts) == numbers


@pytest.mark.parametrize("texts", [[""], ["4", "all"], ["4", ""], ["4.0"], ["1e2"], ["0x4"]])
def test_other_texts_are_refused_whole(texts):
  with pytest.raises(InputError, match=f"--first_frames is {','.join(texts)!r}: it must be whole"):
    first_frames(texts)


def test_every_choice_is_written_beside_the_vectors(tmp_path, capsys):
  path = tmp_path / "e.npz"
  write_embeddings(path, made(origin=Origin("mars", num_frames=2, config=RANKED)))
  calls.run("sensitivity", None, None, embeddings=str(path), first_frames=["2"])
  content = json.loads((tmp_path / "sensitivity.json").read_text())
  cards = [one["card"] for one in content["results"]]
  choices = [(card["frames"], card["pooling"], card["distance"]) for card in cards]
  assert sorted(choices) == sorted(
    (frames, pooling, distance)
    for frames in ("all", "first 2")
    for pooling in ("mean", "normalised")
    for distance in ("sqeuclidean", "cosine")
  )
  assert "first 2" in capsys.readouterr().out
