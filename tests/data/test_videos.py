"""Frames out of real video files, and folders of tracklets."""

import gc

import numpy as np
import pytest
import videos as drawn
from PIL import Image

from cosam_jax.data.own_tracklets import read_tracklets
from cosam_jax.data.videos import open_footage, pictures
from cosam_jax.errors import InputError

FRAMES = np.random.default_rng(0).integers(0, 256, (5, 32, 48, 3), np.uint8)


def test_every_frame_in_order(tmp_path):
  pytest.importorskip("av")
  path = drawn.write(tmp_path / "a.mkv", FRAMES)
  np.testing.assert_array_equal(np.stack([picture.image for picture in pictures(path)]), FRAMES)
  for i in (10, 9, 1, 2, 3):
    Image.fromarray(FRAMES[i % 5]).save(tmp_path / f"f{i}.png")
  found = np.stack([picture.image for picture in pictures(tmp_path)])
  np.testing.assert_array_equal(found, FRAMES[[1, 2, 3, 9 % 5, 10 % 5]])
  assert open_footage(tmp_path / "a.mkv").warnings == []
  (tmp_path / "a.mkv").unlink()
  assert open_footage(tmp_path).count == 5


def test_a_video_is_turned_as_players_turn_it(tmp_path):
  pytest.importorskip("av")
  path = drawn.write(tmp_path / "a.mov", FRAMES)
  content = path.read_bytes()
  at = content.index(b"tkhd") + 4 + 40  # The track's matrix, see ISO/IEC 14496-12, 8.3.2.
  one, minus = (1 << 16).to_bytes(4, "big"), (-1 << 16).to_bytes(4, "big", signed=True)
  zero = bytes(4)
  assert content[at : at + 4] == one
  clockwise = zero + one + zero + minus + zero + zero
  path.write_bytes(content[:at] + clockwise + content[at + 24 :])
  found = np.stack([picture.image for picture in pictures(path)])
  np.testing.assert_array_equal(found, np.rot90(FRAMES, -1, axes=(1, 2)))


def test_a_frame_that_was_read_leaves_memory_at_once(tmp_path):
  """Without Python's search for circles: a frame of a large video is 37 MB."""
  av = pytest.importorskip("av")
  path = drawn.write(tmp_path / "a.mkv", np.tile(FRAMES, (6, 1, 1, 1)))
  gc.collect()
  gc.disable()
  try:
    for number, _ in enumerate(pictures(path), 1):
      if number == 4 * len(FRAMES):
        alive = sum(type(o) is av.VideoFrame for o in gc.get_objects())
  finally:
    gc.enable()
  assert number == 6 * len(FRAMES)
  assert 1 <= alive < 15  # The decoder's threads hand over a few at a time.


def test_what_is_no_video_is_named(tmp_path):
  pytest.importorskip("av")
  (tmp_path / "a.mp4").write_bytes(b"nothing that anybody could play")
  with pytest.raises(InputError, match=r"a\.mp4 cannot be read as a video"):
    list(pictures(tmp_path / "a.mp4"))
  with pytest.raises(InputError, match="does not exist"):
    pictures(tmp_path / "b.mp4")


def test_every_folder_of_images_is_a_tracklet(tmp_path):
  for name in ("b/10", "b/9", "a", ".hidden"):
    folder = tmp_path / "top" / name
    folder.mkdir(parents=True)
    for i in (10, 9):
      Image.fromarray(FRAMES[0]).save(folder / f"f{i}.png")
  (tmp_path / "top" / "notes").mkdir()
  table = read_tracklets(tmp_path / "top")
  assert table.names.tolist() == ["a", "b/9", "b/10"]
  assert table.lengths.tolist() == [2, 2, 2]
  assert table.frames.name(0).endswith("a/f9.png")
  assert read_tracklets(tmp_path / "top" / "a").names.tolist() == ["a"]
  with pytest.raises(InputError, match="holds no images"):
    read_tracklets(tmp_path / "top" / "notes")
  (tmp_path / "one").mkdir()
  (tmp_path / "one" / "link").symlink_to(tmp_path / "top" / "b")
  with pytest.raises(InputError, match="leads out of"):
    read_tracklets(tmp_path / "one")
  assert read_tracklets(tmp_path / "one", follow_links=True).names.tolist() == ["link/9", "link/10"]


def test_a_video_that_ends_early_says_both_numbers(tmp_path):
  av = pytest.importorskip("av")
  frames = np.random.default_rng(1).integers(0, 256, (40, 32, 48, 3), np.uint8)
  for name, options in (("a.mkv", {}), ("a.mov", {"movflags": "faststart"})):
    path = drawn.write(tmp_path / name, frames, options)
    whole = open_footage(path)
    assert len(list(whole.pictures())) == 40
    assert whole.warnings == []
    with av.open(str(path)) as container:
      starts = [packet.pos for packet in container.demux(video=0)]
    path.write_bytes(path.read_bytes()[: starts[20]])
    footage = open_footage(path)
    assert len(list(footage.pictures())) == 20
    # Matroska names a length in seconds, and no number of frames.
    other = ", to 2.00 of the 4.00 s" if name == "a.mkv" else " of the 40"
    assert footage.warnings == [
      f"video {path} ends early: 20 frames were decoded{other} that its container names"
    ]


def test_a_frame_that_cannot_be_decoded_is_refused_by_its_number(tmp_path):
  av = pytest.importorskip("av")
  path = drawn.write(tmp_path / "a.mov", FRAMES)
  with av.open(str(path)) as container:
    third = list(container.demux(video=0))[2]
  content = bytearray(path.read_bytes())
  content[third.pos : third.pos + third.size] = bytes(third.size)
  path.write_bytes(content)
  with pytest.raises(InputError, match=r"^frame 3 of the 5 that its .*a\.mov cannot be decoded \("):
    list(pictures(path))


def test_a_sequence_folder_has_its_frames_in_the_one_that_it_names(tmp_path):
  root = tmp_path / "MOT17-02"
  for folder in ("gt", "frames"):
    (root / folder).mkdir(parents=True)
  for i in range(3):
    Image.fromarray(FRAMES[i]).save(root / "frames" / f"{i + 1:06d}.png")
  with pytest.raises(InputError, match=r"no images itself, its folder frames has 3: give"):
    open_footage(root)
  text = "[Sequence]\nname=MOT17-02\nimDir=frames\nseqLength=5\nimWidth=48\nimHeight=32\n"
  (root / "seqinfo.ini").write_text(text)
  footage = open_footage(root)
  assert (footage.count, footage.size) == (3, (48, 32))
  assert any("has 3 images, and its seqinfo.ini says 5" in said for said in footage.warnings)
  np.testing.assert_array_equal(next(footage.pictures()).image, FRAMES[0])
  (root / "seqinfo.ini").write_text("no section")
  (root / "frames").rename(root / "img1")
  assert open_footage(root).count == 3
