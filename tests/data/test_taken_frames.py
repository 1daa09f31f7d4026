"""The frames taken of a tracklet, against a slow loop; other frames of a table are not read."""

import numpy as np
import pytest
from PIL import Image

from cosam_jax.commands.flag_rows import OWN
from cosam_jax.data.own_tracklets import read_tracklets
from cosam_jax.data.packing import Frame
from cosam_jax.data.taken_frames import MOST, Taking
from cosam_jax.errors import InputError


def slowly(length, stride, most):
  """The definition, in words: every stride-th, then the middles of `most` equal parts."""
  strided = [i for i in range(length) if i % stride == 0]
  if most is None or len(strided) <= most:
    return strided
  return [strided[int((part + 0.5) * len(strided) / most)] for part in range(most)]


@pytest.mark.parametrize("stride", [1, 2, 5, 100])
@pytest.mark.parametrize("most", [None, 1, 3, 8])
def test_positions_are_those_of_a_slow_loop(stride, most):
  taking = Taking(stride, most)
  for length in (1, 2, 7, 24, 101):
    wanted = slowly(length, stride, most)
    assert taking.positions(length).tolist() == wanted
    assert taking.lengths(np.array([length])).tolist() == [len(wanted)]


def test_taken_frames_pass_and_the_last_of_them_is_the_last():
  image = np.zeros((1, 1, 3), np.uint8)
  # Two tracklets that take turns, of 7 and 3 frames.
  order = [0, 1, 0, 1, 0, 1, 0, 0, 0, 0]
  frames = [Frame(track, image, False, number) for number, track in enumerate(order)]
  found = list(Taking(3).of_frames(frames, np.array([7, 3])))
  assert [(f.tracklet, f.number, f.last) for f in found] == [
    (0, 0, False), (1, 1, True), (0, 6, False), (0, 9, True),
  ]  # fmt: skip


def test_a_table_keeps_the_taken_frames_alone(tmp_path):
  for name, length in {"a": 5, "b": 2}.items():
    (tmp_path / name).mkdir()
    for i in range(length):
      Image.new("RGB", (4, 8), (i, 0, 0)).save(tmp_path / name / f"{i}.png")
  # Frames that are not taken may be anything: nobody looks.
  (tmp_path / "a" / "1.png").write_text("no image")
  table = Taking(2, 2).of_table(read_tracklets(tmp_path))
  kept = [[table.frames.relative(i) for i in table.frame_ids(row)] for row in range(2)]
  assert kept == [["a/0.png", "a/4.png"], ["b/0.png"]]
  assert table.lengths.tolist() == [2, 1]
  assert len(table.frames) == 3


@pytest.mark.parametrize(
  ("taking", "sentence"),
  [
    (Taking(), "every frame"),
    (Taking(2), "every 2nd frame"),
    (Taking(13, 8), "every 13th frame, at most 8 of them, evenly spread"),
    (Taking(1, 1000), "at most 1,000 of the frames, evenly spread"),
  ],
)
def test_what_is_taken_is_said(taking, sentence):
  assert taking.sentence() == sentence


def test_none_cannot_be_taken():
  for stride, most in ((0, None), (1, 0)):
    with pytest.raises(InputError, match="must be at least 1"):
      Taking(stride, most)


def test_larger_numbers_than_any_tracklet_are_refused():
  for wrong in ((MOST + 1, None), (1, 10**21), (10**5000, None)):
    with pytest.raises(InputError, match=f"must be at least 1 and at most {MOST}"):
      Taking(*wrong)
  assert (OWN["frame_stride"].most, OWN["most_frames"].most) == (MOST, MOST)
  assert Taking(MOST, MOST).lengths(np.array([1, 7])).tolist() == [1, 1]
