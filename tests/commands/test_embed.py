"""`--mode=embed`: the test set into the workdir; somebody's folder into a folder of its own."""

import shutil

import calls
import numpy as np
import pytest
import tiny
from PIL import Image

import cosam_jax
from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import read_embeddings

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture
def run(saved_run, tmp_path):
  return shutil.copytree(saved_run, tmp_path / "run")


@pytest.fixture
def people(tmp_path):
  """Two people's folders; the camera stands in the folder's name."""
  for i, name in enumerate(("cam1_anna", "cam2_bert")):
    (tmp_path / "people" / name).mkdir(parents=True)
    for frame in range(3):
      noise = np.random.default_rng(3 * i + frame).integers(0, 255, (64, 32, 3), np.uint8)
      Image.fromarray(noise).save(tmp_path / "people" / name / f"{frame}.png")
  return tmp_path / "people"


def test_the_test_set_is_embedded_into_the_workdir(run, tiny_synthetic):
  calls.run("embed", tiny.config(tiny_synthetic), run)
  found = read_embeddings(run / "embeddings.npz")
  tables = load_dataset("synthetic", tiny_synthetic)
  assert found.names[found.query_rows].tolist() == tables.query.names.tolist()
  assert found.names[found.reference_rows].tolist() == tables.gallery.names.tolist()
  assert (found.origin.dataset, found.origin.checkpoint) == ("synthetic", "step 3")


def test_an_input_has_a_folder_of_its_own_and_the_flags_decide_its_frames(run, people):
  pattern = "cam([0-9])"
  calls.run("embed", None, run, input=str(people), frame_stride=2, camera_from=pattern)
  found = read_embeddings(run / "own" / "people" / "embeddings.npz")
  assert not (run / "embeddings.npz").exists()
  assert found.camera_names.tolist() == ["1", "2"]
  assert found.origin.frame_stride == 2
  embedder = cosam_jax.Embedder.from_checkpoint(run)
  for name, vector in zip(found.names, found.vectors, strict=True):
    frames = [np.asarray(Image.open(people / str(name) / f"{i}.png")) for i in (0, 2)]
    np.testing.assert_allclose(vector, embedder.embed(frames), rtol=1e-4, atol=1e-5)


def test_an_output_is_where_it_was_asked_for(run, people, tmp_path):
  calls.run("embed", None, run, input=str(people), output=str(tmp_path / "out"), camera="gate")
  found = read_embeddings(tmp_path / "out" / "embeddings.npz")
  assert found.camera_names.tolist() == ["gate", "gate"]
  assert not (run / "own").exists()
  with pytest.raises(InputError, match="does not exist"):
    calls.run("embed", None, run, input=str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
  ("people_kept", "frames_of_each", "stride", "lines"),
  [
    (2, (3, 2), 1, ["2 tracklets of 2 to 3 frames, "]),
    (2, (2, 2), 1, ["2 tracklets of 2 frames, "]),
    (1, (1,), 1, ["1 tracklet of 1 frame, ", "1 of them is shorter than a clip of 2 frames"]),
    (1, (3,), 2, ["1 tracklet of 3 frames, ", ": 2 of 3 frames, 2 of a tracklet"]),
  ],
)
def test_numbers_of_one_and_of_several_are_words_that_fit(
  run, people, capsys, people_kept, frames_of_each, stride, lines
):
  for person, frames in zip(sorted(people.iterdir()), (*frames_of_each, 0), strict=False):
    for frame in range(frames, 3):
      (person / f"{frame}.png").unlink()
    if not frames:
      person.rmdir()
  assert len(list(people.iterdir())) == people_kept
  given = {} if stride == 1 else {"frame_stride": stride}
  calls.run("embed", None, run, input=str(people), **given)
  printed = capsys.readouterr().out
  for line in lines:
    assert printed.count(line) == 1, printed
