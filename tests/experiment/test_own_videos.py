"""Own videos and folders, embedded and searched as the command does, against slow loops."""

import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest
import videos as drawn
from absl import flags as absl_flags
from PIL import Image

import cosam_jax
from cosam_jax import main
from cosam_jax.commands import config_flags
from cosam_jax.commands import flags as command_flags
from cosam_jax.commands.search import Networks, search
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import read_embeddings
from cosam_jax.experiment.network import load_network
from cosam_jax.experiment.own_videos import embed_input, embed_own

pytestmark = pytest.mark.usefixtures("hasty_compilation")
SIZE = (150, 200)


@pytest.fixture(scope="module")
def people(folder):
  return [[np.asarray(Image.open(path)) for path in sorted(p.iterdir())] for p in folder.iterdir()]


@pytest.fixture(scope="module")
def scene(people, tmp_path_factory):
  """A video in which two drawn people walk, with their boxes; person 4 leaves the picture."""
  pytest.importorskip("av")
  place = tmp_path_factory.mktemp("scene")
  frames, lines = [], []
  for number in range(1, 6):
    canvas = np.random.default_rng(number).integers(0, 256, (*SIZE, 3), np.uint8)
    for track, (x, y, length) in {4: (180, 3 * number, 5), 11: (10 * number, 40, 3)}.items():
      if number <= length:
        image = people[track % 2][number % 3]
        height, width = image.shape[:2]
        visible = image[: SIZE[0] - y, : SIZE[1] - x]
        canvas[y : y + visible.shape[0], x : x + visible.shape[1]] = visible
        lines.append(f"{number},{track},{x},{y},{width},{height},1,-1,-1,-1")
    frames.append(canvas)
  (place / "boxes.txt").write_text("\n".join(lines))
  return drawn.write(place / "scene.mkv", frames), place / "boxes.txt", frames


def cut(image, box):
  """Pillow's crop of a larger canvas in the mean colour."""
  x, y, w, h = box
  canvas = Image.new("RGB", (SIZE[1] + 400, SIZE[0] + 400), (124, 116, 104))
  canvas.paste(Image.fromarray(image), (200, 200))
  return np.asarray(canvas.crop((x + 200, y + 200, x + w + 200, y + h + 200)))


def test_tracks_of_a_video_are_their_crops(scene, network, tmp_path):
  video, boxes, frames = scene
  embed_input(network, video, tmp_path, boxes=str(boxes))
  saved = read_embeddings(tmp_path / "embeddings.npz")
  assert saved.names.tolist() == ["4", "11"]
  assert saved.lengths.tolist() == [5, 3]
  crops = {"4": [], "11": []}
  for line in boxes.read_text().splitlines():
    number, track, *box = map(int, line.split(",")[:6])
    crops[str(track)].append(cut(frames[number - 1], box))
  embedder = cosam_jax.Embedder(network)
  for name, vector in zip(saved.names, saved.vectors, strict=True):
    wanted = embedder.embed(crops[name])
    np.testing.assert_allclose(vector, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())
  own = embed_own(embedder, video, boxes=boxes)
  assert own.first_frames.tolist() == [1, 1]
  assert own.last_frames.tolist() == [5, 3]
  np.testing.assert_allclose(own.times, [[0, 0.4], [0, 0.2]], atol=1e-6)
  for row, name in enumerate(saved.names):
    with Image.open(tmp_path / "pictures" / f"{row:05d}.jpg") as picture:
      middle = crops[name][len(crops[name]) // 2]
      small = np.asarray(picture.resize(middle.shape[1::-1]), float)
      assert np.abs(small - middle).mean() < 12


def test_a_video_without_boxes_is_one_tracklet(people, network, tmp_path):
  pytest.importorskip("av")
  video = drawn.write(tmp_path / "walk.mkv", people[0])
  embed_input(network, video, tmp_path / "out")
  saved = read_embeddings(tmp_path / "out" / "embeddings.npz")
  wanted = cosam_jax.Embedder(network).embed(people[0])
  assert saved.names.tolist() == ["walk"]
  np.testing.assert_allclose(saved.vectors[0], wanted, rtol=1e-4, atol=1e-5)


def command(*arguments):
  """Runs the command in this process; returns its exit status."""
  command_flags.define()
  config_flags.define()
  flags = absl_flags.FLAGS
  names = ("config", *config_flags.CONFIG_FLAGS, *command_flags.ROWS)
  before = {name: flags[name].value for name in names}
  try:
    flags(["cosam-jax", *map(str, arguments)])
    return main.main(["cosam-jax"])
  finally:
    for name, value in before.items():
      flags[name].value = value
      flags[name].present = 0


@pytest.mark.slow
def test_boxes_through_the_command_are_told_and_can_be_said(scene, saved_run, tmp_path, capsys):
  _, boxes, frames = scene
  place = tmp_path / "MOT17-02" / "img1"
  place.mkdir(parents=True)
  exif = Image.Exif()
  exif[0x0112] = 6
  for i, image in enumerate(frames):  # Stored lying, numbered from 7.
    lying = Image.fromarray(np.rot90(image))
    lying.save(place / f"{i + 7:06d}.png", exif=exif.tobytes())
  rows = [line.split(",")[:6] for line in boxes.read_text().splitlines()]
  people = "".join(f"{int(f) + 6},{','.join(rest)},1,0,0.9\n" for f, *rest in rows)
  odd = "frame,id,x,y,w,h\n11,,1,1,9,9,1,0,0.5\n9,99,0,0,100000,100000,1,0,0.5\n"
  (tmp_path / "b.txt").write_text(people + odd + "7,5,9,9,30,30,1,2,0.5\n")
  out = tmp_path / "out"
  arguments = ("--mode=embed", f"--workdir={saved_run}", f"--input={place.parent}")
  boxes_flag = f"--boxes={tmp_path / 'b.txt'}"
  assert command(*arguments, boxes_flag, f"--output={out}") == 0
  printed = capsys.readouterr().out
  for words in (
    "as BoxMOT's, 3 tracks, class 0",
    "left out: 1 boxes of class 2",
    "left out: line 9, which has 6 columns, and the file has 9",
    "left out: line 10, which has no number of a track",
    "left out: 1 boxes more than 2 times as wide or high",
    "are the 5 images in img1",
    "numbered 7 to 11, the boxes' frames 7 to 11",
  ):
    assert words in printed
  saved = read_embeddings(out / "embeddings.npz")
  assert saved.names.tolist() == ["4", "11"]
  assert any("class 2" in said for said in saved.origin.warnings)
  network = load_network(saved_run)
  wanted = embed_own(cosam_jax.Embedder(network), scene[0], boxes=boxes).vectors
  np.testing.assert_allclose(saved.vectors, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())
  # The refusal names the flag that reads them; with it they are read.
  corners = [
    ",".join(map(str, (int(f) + 6, t, *map(int, (x, y)), int(x) + int(w), int(y) + int(h))))
    for f, t, x, y, w, h in rows
  ]
  (tmp_path / "b.txt").write_text("\n".join(corners))
  again = (*arguments, boxes_flag, f"--output={tmp_path / 'again'}")
  assert command(*again) == 2
  assert "--boxes_coordinates" in capsys.readouterr().err
  assert command(*again, "--boxes_coordinates=corners", "--boxes_picture=200x150") == 0
  saved = read_embeddings(tmp_path / "again" / "embeddings.npz")
  np.testing.assert_allclose(saved.vectors, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


def test_boxes_after_the_end_of_a_video(scene, network, tmp_path):
  video, boxes, _ = scene
  text = boxes.read_text()
  many = "".join(f"{n},4,20,20,30,60,1,-1,-1,-1\n" for n in range(6, 9))
  (tmp_path / "b.txt").write_text(f"{text}\n{many}")
  with pytest.raises(
    InputError, match=r"there are 5 frames, but the boxes of .*\.txt name frame 8"
  ):
    embed_input(network, video, tmp_path / "a", boxes=str(tmp_path / "b.txt"))
  # One bad box among many is reported, and the others are embedded.
  few = "".join(f"{n},{t},20,20,30,60,1,-1,-1,-1\n" for n in range(1, 6) for t in range(20, 23))
  (tmp_path / "b.txt").write_text(f"{text}\n{few}6,4,20,20,30,60,1,-1,-1,-1\n")
  own = embed_own(cosam_jax.Embedder(network), video, boxes=tmp_path / "b.txt")
  assert own.lengths.tolist() == [5, 3, 5, 5, 5]
  assert own.last_frames.tolist() == [5, 3, 5, 5, 5]
  said = (
    f"there are 5 frames, but the boxes of {tmp_path / 'b.txt'} name frame 6: 1 boxes are left out"
  )
  assert said in own.told
  assert own.picture(0).shape[0] == 256


@pytest.mark.slow
def test_folders_are_embedded_and_ranked(folder, saved_run, tmp_path, capsys):
  run = f"--workdir={saved_run}"
  out = tmp_path / "own"
  assert command("--mode=embed", run, f"--input={folder}", f"--output={out}") == 0
  saved = read_embeddings(out / "embeddings.npz")
  assert saved.names.tolist() == sorted(path.name for path in folder.iterdir())
  capsys.readouterr()
  file = f"{out}/embeddings.npz"
  found = tmp_path / "found"
  arguments = ("--mode=search", f"--query={file}", f"--gallery={file}", "--top=2")
  assert command(*arguments, f"--output={found}") == 0
  assert max(map(len, capsys.readouterr().out.splitlines()[:-2])) <= 80
  record = json.loads((found / "search.json").read_text())
  vectors = saved.vectors.astype(np.float64)
  for i, query in enumerate(record["queries"]):
    distances = [float(((vectors[i] - other) ** 2).sum()) for other in vectors]
    order = [j for j in sorted(range(len(vectors)), key=distances.__getitem__) if j != i][:2]
    assert [hit["row"] for hit in query["results"]] == order
    assert [hit["name"] for hit in query["results"]] == [saved.names[j] for j in order]
    np.testing.assert_allclose(
      [h["distance"] for h in query["results"]], np.array(distances)[order]
    )
    with Image.open(found / query["sheet"]) as sheet:
      assert sheet.width > 400
  # The folder itself is embedded first and finds the same; one query is named.
  again = tmp_path / "again"
  asked = ("--mode=search", run, f"--query={folder}", f"--gallery={file}", "--query_names=t1")
  assert command(*asked, f"--output={again}") == 0
  (query,) = json.loads((again / "search.json").read_text())["queries"]
  assert query["name"] == query["results"][0]["name"] == "t1"


def test_vectors_alone_are_searched(tmp_path):
  rng = np.random.default_rng(0)
  gallery = rng.standard_normal((300, 8)).astype(np.float32)
  np.save(tmp_path / "g.npy", gallery)
  np.save(tmp_path / "q.npy", gallery[[7, 200]] + 0.01)
  results = search(Networks(), tmp_path / "q.npy", tmp_path / "g.npy", top=3)
  assert [result.hits[0].name for result in results] == ["row 7", "row 200"]
  assert not (tmp_path / "search" / "sheets").exists()


def test_sides_that_do_not_fit_are_refused(folder, network, saved_run, tmp_path):
  embed_input(network, folder, tmp_path / "a")
  other = jax.tree.map(lambda leaf: leaf * 1.01, network.variables)
  embed_input(dataclasses.replace(network, variables=other), folder / "t0", tmp_path / "b")
  a, b = tmp_path / "a" / "embeddings.npz", tmp_path / "b" / "embeddings.npz"
  with pytest.raises(InputError, match="embedded by different weights"):
    search(Networks(), a, b)
  with pytest.raises(InputError, match="has 'nobody', which"):
    search(Networks(), a, a, names=["nobody"])
  with pytest.raises(InputError, match="--workdir is missing"):
    search(Networks(), folder, a)
  with pytest.raises(InputError, match="does not exist: give embeddings"):
    search(Networks(None, saved_run), tmp_path / "none", a)


@pytest.mark.parametrize(
  ("arguments", "words"),
  [
    (("--mode=search", "--query=a.npz"), "--gallery is missing"),
    (
      ("--mode=train", "--input=a"),
      "--input is for --mode=embed and --mode=masks and --mode=link and --mode=export",
    ),
    (("--mode=embed", "--boxes=a"), "--boxes is about --input"),
    (("--mode=embed", "--input=a", "--box_margin=0.1"), "--box_margin is about --boxes"),
    (("--mode=embed", "--input=a", "--boxes_format=kitti"), "--boxes_format is about --boxes"),
    (("--mode=embed", "--input=a"), "--workdir is missing"),
    (("--mode=search", "--query=a", "--gallery=b", "--temporal=ta"), "--temporal changes a config"),
  ],
)
def test_flags_that_do_not_fit_are_one_sentence(arguments, words, capsys):
  assert command(*arguments) == 2
  (line,) = capsys.readouterr().err.splitlines()
  assert words in line


def test_a_search_replaces_its_own_files_alone(tmp_path, capsys):
  rng = np.random.default_rng(0)
  for name in ("q", "g"):
    np.save(tmp_path / f"{name}.npy", rng.standard_normal((3, 4)).astype(np.float32))
  out = tmp_path / "found"
  (out / "sheets").mkdir(parents=True)
  (out / "sheets" / "000.png").write_bytes(b"mine")
  with pytest.raises(InputError, match=r"sheets/000\.png would be replaced"):
    search(Networks(), tmp_path / "q.npy", tmp_path / "g.npy", out)
  shutil.rmtree(out / "sheets")
  search(Networks(), tmp_path / "q.npy", tmp_path / "g.npy", out)
  (out / "sheets").mkdir()
  (out / "sheets" / "000.png").write_bytes(b"mine")
  with pytest.raises(InputError, match=r"sheets/000\.png would be replaced"):
    search(Networks(), tmp_path / "g.npy", tmp_path / "q.npy", out)
  (out / "sheets" / "000.png").rename(out / "sheets" / "mine.png")
  search(Networks(), tmp_path / "g.npy", tmp_path / "q.npy", out)
  assert f"replaces that of {tmp_path / 'q.npy'} in" in capsys.readouterr().out
  assert (out / "sheets" / "mine.png").read_bytes() == b"mine"
  (out / "search_files.json").unlink()  # As an earlier version left it.
  shutil.rmtree(out / "sheets")
  search(Networks(), tmp_path / "q.npy", tmp_path / "g.npy", out)
