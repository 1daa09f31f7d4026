"""Masks of chosen frames: no input's pictures take the place of another's."""

import json
import shutil

import calls
import numpy as np
import pytest
import tiny
from PIL import Image

from cosam_jax.commands import masks
from cosam_jax.errors import InputError
from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.experiment.network import load_network
from cosam_jax.experiment.page_report import check_outputs
from cosam_jax.experiment.run import Run

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture
def run(saved_run, tmp_path):
  return shutil.copytree(saved_run, tmp_path / "run")


@pytest.fixture
def cameras(tmp_path):
  """Two folders of the same name, each with one person."""
  for i, name in enumerate(("camA", "camB")):
    (tmp_path / name / "img1" / "p").mkdir(parents=True)
    noise = np.random.default_rng(i).integers(0, 255, (64, 32, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / name / "img1" / "p" / "0.jpg")
  return tmp_path


def files(folder):
  return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def draw(run, **flags):
  calls.run("masks", None, run, **{name: value and str(value) for name, value in flags.items()})


def test_two_inputs_have_folders_of_their_own(run, cameras, capsys):
  chosen = run / "masks_chosen"
  draw(run, input=cameras / "camA" / "img1")
  first = files(run)
  assert chosen / "img1" / "p.webp" in first
  draw(run, input=cameras / "camB" / "img1")
  assert {path: data for path, data in files(run).items() if path in first} == first
  assert (chosen / "camB_img1" / "p.webp").is_file()
  assert f"img1 holds the masks of {cameras}/camA/img1, so these" in capsys.readouterr().out
  with pytest.raises(InputError, match=r"holds the masks of .*camA/img1, and now .*camB/img1"):
    draw(run, input=cameras / "camB" / "img1", output=chosen / "img1")
  assert {path: data for path, data in files(run).items() if path in first} == first


@pytest.fixture
def without_network(monkeypatch):
  """Draws one picture without looking at anything."""

  def only_write(network, directory, *, source, **_):
    with masks.own_outputs.masks_folder(directory).replacing(source) as partial:
      (partial / "overview.png").write_text(json.dumps(source))

  monkeypatch.setattr(masks, "draw", only_write)


@pytest.mark.slow
@pytest.mark.usefixtures("without_network")
def test_another_choice_of_one_input_is_said_to_replace_the_first(
  run, cameras, tiny_synthetic, capsys
):
  weights = f"weights step 3 ({weights_hash(load_network(run).variables)})"

  def told(**flags):
    calls.run("masks", None, run, **flags)
    return [line for line in capsys.readouterr().out.splitlines() if "replace" in line]

  assert told(tracklets=["0", "1"]) == told(tracklets=["0", "1"]) == []
  assert told(tracklets=["2"], point=["1", "0.5", "0.5"]) == [
    f"they replace those of tracklets 0, 1, {weights}"
  ]
  assert told(tracklets=["2"]) == [
    f"they replace those of tracklets 2, point 1, 0.5, 0.5, {weights}"
  ]
  # The test set has the name of its folder; an input of the same name has another.
  assert [path.name for path in (run / "masks_chosen").iterdir()] == [tiny_synthetic.name]
  named = shutil.copytree(cameras / "camA" / "img1", cameras / "camA" / tiny_synthetic.name)
  calls.run("masks", None, run, input=str(named))
  assert f"camA_{tiny_synthetic.name}" in {p.name for p in (run / "masks_chosen").iterdir()}
  # Other frames of an input are another source.
  calls.run("masks", None, run, input=str(named), frame_stride=2)
  assert len(list((run / "masks_chosen").iterdir())) == 3


@pytest.mark.usefixtures("without_network")
def test_masks_of_the_run_and_chosen_ones_do_not_replace_each_other(run, cameras, tiny_synthetic):
  test_set = Run(tiny.config(tiny_synthetic), run)
  place = run / "masks"
  draw(run, input=cameras / "camA" / "img1", output=place)
  before = files(place)
  with pytest.raises(InputError, match=r"masks holds the masks of .*camA/img1.* run's test set"):
    check_outputs(test_set)
  assert files(place) == before
  shutil.rmtree(place)
  with masks.own_outputs.masks_folder(place).replacing({"dataset": "synthetic"}) as partial:
    (partial / "overview.png").write_text("the run's")
  for flags in ({"tracklets": ["0"]}, {"input": str(cameras / "camA" / "img1")}):
    with pytest.raises(InputError, match="holds the masks of the test set of synthetic, and now"):
      calls.run("masks", None, run, output=str(place), **flags)
  assert (place / "overview.png").read_text() == "the run's"
