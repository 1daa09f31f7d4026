"""Readers say by themselves what they pass over, once, whoever calls them and however often."""

import io
import sys

import layouts
import numpy as np
import pytest
import tqdm
import videos as drawn
from PIL import Image

from cosam_jax.data.own_tracklets import read_tracklets
from cosam_jax.data.telling import Telling
from cosam_jax.data.tracked_people import stream_of
from cosam_jax.data.videos import open_footage
from cosam_jax.runtime import quiet


def test_a_sentence_is_said_once_and_kept(capsys):
  telling = Telling()
  for _ in range(2):
    telling.tell("boxes a.txt: 3 tracks")
    telling.warn("it ends early", "two\nlines")
    telling.leave_out("2 masks")
  assert telling.told == ["boxes a.txt: 3 tracks", "it ends early", "two\nlines"]
  assert telling.left_out == ["2 masks"]
  assert capsys.readouterr().out == (
    "boxes a.txt: 3 tracks\nit ends early\ntwo\\nlines\nleft out: 2 masks\n"
  )


def test_quiet_shows_losses_alone():
  shown = io.StringIO()
  with quiet.only_warnings(shown):
    telling = Telling()
    telling.tell("boxes a.txt: 3 tracks")
    telling.warn("it ends early")
    telling.leave_out("2 masks")
  assert shown.getvalue() == "it ends early\nleft out: 2 masks\n"


def test_a_bar_is_not_torn(monkeypatch):
  terminal = io.StringIO()
  monkeypatch.setattr(sys, "stdout", terminal)
  with tqdm.tqdm(total=2, file=terminal, disable=False):
    Telling().warn("it ends early")
  assert "\rit ends early\n" in terminal.getvalue()


def folder(root):
  """A tracklet of two frames with three masks and three files that are not read."""
  for i in (1, 2):
    layouts.image(root / "anna" / f"000{i}.jpg")
    layouts.image(root / "anna" / f"000{i}_mask.png")
  for i in (1, 2, 3):
    (root / "anna" / f"x{i}.heic").touch()
  return root


def test_a_folder_says_what_is_left_out(tmp_path, capsys):
  read_tracklets(folder(tmp_path))
  out = capsys.readouterr().out
  masks, others = out.splitlines()
  assert masks.startswith("2 masks are left out: ")
  assert others.startswith("3 files of formats that are not read (.heic) are left out: ")


def test_a_folder_of_a_videos_frames_does_too(tmp_path, capsys):
  """Its own description and the file of boxes are read, so they are not left out."""
  place = folder(tmp_path) / "anna"
  (place / "seqinfo.ini").write_text("[Sequence]\nseqLength=2\n")
  (place / "gt.txt").write_text("1,1,0,0,8,8\n2,1,0,0,8,8\n")
  assert open_footage(place, beside=[place / "gt.txt"]).count == 2
  out = capsys.readouterr().out
  assert "2 masks" in out
  assert "3 files of formats that are not read (.heic)" in out
  (tmp_path / "seqinfo.ini").write_text("[Sequence]\nimDir=anna\nseqLength=2\n")
  open_footage(tmp_path)
  assert f"the frames of {tmp_path} are the 2 images in anna" in capsys.readouterr().out


def test_the_end_of_a_video_is_known_before_it_is_looked_at(tmp_path, capsys):
  pytest.importorskip("av")
  video = drawn.write_cut(tmp_path / "cut.mp4")
  there = sum(1 for _ in open_footage(video).pictures())
  said = f"video {video} ends early: {there} frames were decoded of the 40 that its container names"
  assert capsys.readouterr().out == f"{said}\n"
  assert 15 < there < 30
  stream = stream_of(video)
  assert capsys.readouterr().out == f"{said}\n"
  assert stream.lengths.tolist() == [there]
  assert sum(1 for _ in stream.frames()) == there
  assert capsys.readouterr().out == ""
  # A track that goes on after the end has the frames that there are.
  tracks = {track: there + (track == 3) for track in range(1, 4)}
  lines = [f"{n},{track},5,5,20,40" for track, last in tracks.items() for n in range(1, last + 1)]
  (tmp_path / "b.txt").write_text("\n".join(lines))
  stream = stream_of(video, tmp_path / "b.txt")
  out = capsys.readouterr().out
  for sentence in (said, f" name frame {there + 1}: 1 boxes",
                   f"boxes {tmp_path / 'b.txt'}: "):  # fmt: skip
    assert out.count(sentence) == 1
  assert stream.lengths.tolist() == [there] * 3


def test_frames_are_the_same_however_often_they_are_read(tmp_path):
  for i in range(3):
    Image.fromarray(np.full((8, 8, 3), 50 * i, np.uint8)).save(tmp_path / f"{i}.png")
  footage = open_footage(tmp_path)
  for _ in range(2):
    assert [int(p.image[0, 0, 0]) for p in footage.pictures()] == [0, 50, 100]
