"""Pictures of chosen tracklets and of a folder; the correlation of a point; refusals."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from cosam_jax.errors import InputError
from cosam_jax.mask_gallery import draw, point_correlation
from cosam_jax.models.cosam import ncc_cost_volume
from cosam_jax.saved_network import load_network

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture(scope="module")
def network(saved_run):
  return load_network(saved_run)


@pytest.mark.parametrize("ncc", ["unbiased", "population"])
def test_a_points_correlation_is_its_row_of_the_cost_volume(ncc):
  descriptors = np.random.default_rng(0).random((3, 4, 2, 8), np.float32)
  volume = np.asarray(ncc_cost_volume(jnp.asarray(descriptors[None]), ncc))[0]
  heat = point_correlation(descriptors, 1, (2, 1), ncc)
  for slot, other in enumerate((0, 2)):
    np.testing.assert_allclose(heat[other].ravel(), volume[1, 2 * 2 + 1, slot], atol=1e-5)


def test_a_test_tracklet_by_number_with_a_point(network, tmp_path):
  draw(network, tmp_path, tracklets=["0"], point=["3", "0.5", "0.25"])
  with Image.open(next(tmp_path.glob("*.webp"))) as animation:
    assert animation.n_frames >= 3
  (strongest,) = json.loads((tmp_path / "channels.json").read_text()).values()
  gates = [entry["gate"] for entry in strongest]
  assert gates == sorted(gates, reverse=True)
  assert 0 < gates[0] < 1
  content = json.loads((tmp_path / "correlation.json").read_text())
  assert content["point_frame"] in content["frames"]
  assert np.abs(content["ncc"]["5"]).max() <= 1.001
  for name in ("channels.png", "correlation.png", "overview.png"):
    assert np.asarray(Image.open(tmp_path / name)).std() > 5


def test_a_folder_of_frames(network, tmp_path):
  folder = tmp_path / "mine" / "anna"
  folder.mkdir(parents=True)
  for i in range(3):
    noise = np.random.default_rng(i).integers(0, 255, (64, 32, 3), np.uint8)
    Image.fromarray(noise).save(folder / f"{i}.jpg")
  draw(network, tmp_path / "out", folder=str(folder.parent), point=["2", "40", "10"])
  assert (tmp_path / "out" / "anna.webp").is_file()
  content = json.loads((tmp_path / "out" / "correlation.json").read_text())
  assert (content["y"], content["x"]) == pytest.approx((40.5 / 64, 10.5 / 32))


def test_what_an_earlier_call_drew_makes_room_and_nothing_else_does(network, tmp_path):
  (tmp_path / "mine.webp").write_text("")
  draw(network, tmp_path, tracklets=["0"], point=["1", "0.5", "0.5"])
  first = {path.name for path in tmp_path.iterdir()}
  with pytest.raises(InputError):
    draw(network, tmp_path, tracklets=["nobody"])
  assert {path.name for path in tmp_path.iterdir()} == first
  draw(network, tmp_path, tracklets=["1"])
  second = {path.name for path in tmp_path.iterdir()}
  animations = [{name for name in names if name.endswith(".webp")} for names in (first, second)]
  assert [len(names) for names in animations] == [2, 2]
  assert animations[0] & animations[1] == {"mine.webp"}
  assert "correlation.png" in first - second
  assert not list(tmp_path.parent.glob("*.partial"))


@pytest.mark.parametrize(
  ("asked", "sentence"),
  [
    ({"tracklets": ["nobody"]}, "names 'nobody', which is not there"),
    ({"point": ["1", "0.5"]}, "give frame,y,x"),
    ({"point": ["99", "0.5", "0.5"]}, "a frame from 1 to"),
    ({"point": ["1", "1000", "3"]}, "y and x inside it"),
  ],
)
def test_what_cannot_be_drawn(network, tmp_path, asked, sentence):
  with pytest.raises(InputError, match=sentence):
    draw(network, tmp_path, **asked)
