"""Pictures of chosen tracklets and of a folder; the correlation of a point; refusals."""

import functools
import json

import jax.numpy as jnp
import numpy as np
import pytest
import videos
from PIL import Image
from pixels import places

from cosam_jax.data.packing import read_image
from cosam_jax.data.resizing import pixels_for_network
from cosam_jax.data.taken_frames import Taking
from cosam_jax.errors import InputError
from cosam_jax.evaluation.protocol import evaluation_of
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.mask_gallery import draw, point_correlation
from cosam_jax.experiment.network import load_network
from cosam_jax.experiment.parts import read_tables
from cosam_jax.models.cosam import ncc_cost_volume
from cosam_jax.reports.mask_motion import channels_picture
from cosam_jax.reports.mask_pictures import colour_range, overlay

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


def first_tracklet(network):
  """The images, masks, gates and descriptors of each clip of the first test tracklet."""
  model = network.model
  config = config_rules.unflatten(network.flat)
  table = evaluation_of(read_tables(config), config.evaluation.gallery).table
  frames = table.frame_ids(0).tolist()
  prepare, clips = functools.partial(pixels_for_network, size=model.image_size), []
  for start in range(0, len(frames), 2):
    chosen = [frames[start], frames[min(start + 1, len(frames) - 1)]]
    images = [read_image(table.frames.path_to_read(frame)) for frame in chosen]
    outputs, seen = model.apply(
      network.variables, np.stack([prepare(image) for image in images])[None], train=False,
      mutable=["intermediates"], capture_intermediates=True,
    )  # fmt: skip
    masks = outputs.masks[5]
    grid = masks.spatial.shape[2:]
    normed = seen["intermediates"]["cosam5"]["reduce_norm"]["__call__"][0]
    descriptors = np.maximum(np.asarray(normed, np.float64), 0).reshape(2, *grid, -1)
    clips.append((images, np.asarray(masks.spatial[0]), np.asarray(masks.channel[0]), descriptors))
  return clips


def correlations(descriptors, frame, cell, size):
  """NCC of one position with every position, one pair at a time."""
  one = descriptors[frame][cell]
  values = np.zeros(descriptors.shape[:3])
  for place in np.ndindex(values.shape):
    pairs = zip(one, descriptors[place], strict=True)
    means = one.mean(), descriptors[place].mean()
    products = sum((a - means[0]) * (b - means[1]) for a, b in pairs)
    values[place] = products / (one.std(ddof=1) * descriptors[place].std(ddof=1)) / size
  return values


def test_a_test_tracklet_by_number_with_a_point(network, tmp_path, capsys):
  """Every file agrees with the network's outputs for the tracklet's clips, in their order."""
  draw(network, tmp_path, tracklets=["0"], point=["2", "0.6", "0.25"])
  assert f"{tmp_path}/correlation.png and correlation.json\n" in capsys.readouterr().out
  clips = first_tracklet(network)
  with Image.open(next(tmp_path.glob("*.webp"))) as animation:
    distinct = {image.tobytes() for images, *_ in clips for image in images}
    assert animation.n_frames == len(distinct)

  gates = np.mean([gate for *_, gate, _ in clips], axis=0)
  (strongest,) = json.loads((tmp_path / "channels.json").read_text()).values()
  order = sorted(range(len(gates)), key=lambda channel: -gates[channel])[: len(strongest)]
  assert len(strongest) == 10
  assert [entry["gate"] for entry in strongest] == pytest.approx(gates[order].tolist(), abs=1e-5)
  assert [gates[entry["channel"]] for entry in strongest] == pytest.approx(gates[order], abs=1e-5)
  with Image.open(tmp_path / "channels.png") as picture:
    np.testing.assert_array_equal(picture, channels_picture({"5": strongest}))

  (images, masks, _, descriptors), *_ = clips
  content = json.loads((tmp_path / "correlation.json").read_text())
  assert (content["frames"], content["point_frame"]) == ([1, 2], 2)
  cell = int(0.6 * masks.shape[1]), int(0.25 * masks.shape[2])
  wanted = correlations(descriptors, 1, cell, descriptors.shape[-1])
  found = np.array(content["ncc"]["5"])
  np.testing.assert_allclose(found, wanted, atol=1e-4)
  assert np.ptp(wanted) > 0.01  # So that a wrong place would show.
  with Image.open(tmp_path / "correlation.png") as picture:
    tile = overlay(images[0], found[0], (112, 224), (found[0].min(), found[0].max()))
    assert len(places(picture, tile)) == 1

  drawn = strips_of(tmp_path)
  strips = sorted(tmp_path.glob("*_clip*.png"))
  assert len(strips) == len(clips)
  with Image.open(tmp_path / "overview.png") as overview:
    rows = []
    for file, (images, masks, *_) in zip(strips, clips, strict=True):
      kept = drawn[f"{file.stem}/cosam5"]
      np.testing.assert_allclose(kept, masks, atol=1e-5)
      with Image.open(file) as strip:
        for picture, size in ((strip, (112, 224)), (overview, (64, 128))):
          tiles = [overlay(images[i], kept[i], size, colour_range(kept)) for i in range(2)]
          first, second = (places(picture, tile) for tile in tiles)
          assert first[0][0] < second[-1][0]
          assert first[0][1] == second[-1][1]
      rows.append(first[0][1])
  assert rows == sorted(set(rows))


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


def test_what_an_earlier_call_drew_makes_room_and_nothing_else_does(network, tmp_path, capsys):
  (tmp_path / "mine.webp").write_text("")
  draw(network, tmp_path, tracklets=["0"], point=["1", "0.5", "0.5"])
  first = {path.name for path in tmp_path.iterdir()}
  with pytest.raises(InputError):
    draw(network, tmp_path, tracklets=["nobody"])
  assert {path.name for path in tmp_path.iterdir()} == first
  capsys.readouterr()
  draw(network, tmp_path, tracklets=["1"])
  assert "correlation" not in capsys.readouterr().out
  second = {path.name for path in tmp_path.iterdir()}
  animations = [{name for name in names if name.endswith(".webp")} for names in (first, second)]
  assert [len(names) for names in animations] == [2, 2]
  assert animations[0] & animations[1] == {"mine.webp"}
  assert "correlation.png" in first - second
  assert not list(tmp_path.parent.glob("*.partial"))


def strips_of(directory):
  with np.load(directory / "masks.npz") as file:
    return {name: file[name] for name in file.files}


def test_people_in_a_video_have_the_masks_of_their_crops(network, tmp_path):
  """Boxes over a video give the same masks as a folder of the same crops and frames."""
  pytest.importorskip("av")
  frames = np.random.default_rng(0).integers(0, 256, (9, 96, 128, 3), np.uint8)
  spots = {3: (10, range(2, 9)), 7: (60, range(4))}
  lines = []
  for track, (x, seen) in spots.items():
    (tmp_path / "crops" / str(track)).mkdir(parents=True)
    for i in seen:
      lines.append(f"{i + 1},{track},{x},10,32,64")
      crop = Image.fromarray(frames[i, 10:74, x : x + 32])
      crop.save(tmp_path / "crops" / str(track) / f"{i}.png")
  (tmp_path / "gate.txt").write_text("\n".join(lines))
  video = videos.write(tmp_path / "gate.mkv", frames)
  crops = str(tmp_path / "crops")
  boxes = {"folder": str(video), "boxes": str(tmp_path / "gate.txt")}
  for name, chosen in {
    "all": {"tracklets": ["7", "3"], "point": ["2", "40", "10"]},
    "some": {},
    "few": {"tracklets": ["3"], "taking": Taking(2, 3)},
  }.items():
    draw(network, tmp_path / f"{name}_v", **boxes, **chosen)
    draw(network, tmp_path / f"{name}_f", folder=crops, **chosen)
    found, wanted = (strips_of(tmp_path / f"{name}_{side}") for side in "vf")
    assert found.keys() == wanted.keys()
    for key, values in wanted.items():
      np.testing.assert_allclose(found[key], values, atol=1e-5, err_msg=key)
  assert (tmp_path / "all_v" / "7.webp").is_file()
  content = json.loads((tmp_path / "all_v" / "correlation.json").read_text())
  assert (content["tracklet"], content["point_frame"]) == ("7", 2)
  # Three of track 3's seven frames are taken, so there are two clips of two.
  assert len([key for key in strips_of(tmp_path / "few_v") if key.endswith("frames")]) == 2
  with pytest.raises(InputError, match="names '0', which is not an id of the boxes: give some"):
    draw(network, tmp_path / "no", **boxes, tracklets=["0"])
  assert not (tmp_path / "no").exists()


def test_a_video_of_one_person_has_masks(network, tmp_path):
  pytest.importorskip("av")
  frames = np.random.default_rng(1).integers(0, 256, (5, 64, 32, 3), np.uint8)
  draw(network, tmp_path / "out", folder=str(videos.write(tmp_path / "walk.mkv", frames)))
  assert (tmp_path / "out" / "walk.webp").is_file()


@pytest.mark.parametrize(
  ("asked", "sentence"),
  [
    ({"tracklets": ["nobody"]}, "names 'nobody', which does not exist"),
    ({"point": ["1", "0.5"]}, "give frame,y,x"),
    ({"point": ["99", "0.5", "0.5"]}, "a frame from 1 to"),
    ({"point": ["1", "1000", "3"]}, "y and x inside it"),
  ],
)
def test_what_cannot_be_drawn(network, tmp_path, asked, sentence):
  with pytest.raises(InputError, match=sentence):
    draw(network, tmp_path, **asked)
