"""A tracker's text file over a video, live: the vectors of `--mode=embed --boxes`."""

import itertools

import numpy as np
import pytest

from cosam_jax.data.telling import Telling
from cosam_jax.errors import InputError
from cosam_jax.experiment.adapters.mot_files import add_mot
from cosam_jax.experiment.own_videos import embed_own


def test_the_sample_video_has_the_vectors_of_its_tracks(sample, embedder, tmp_path):
  video = sample / "one-by-one-person-detection.mp4"
  lines = (sample / "boxes.txt").read_text().splitlines()
  people = [line for line in lines if line.split(",")[1] in ("1", "2")]
  file = tmp_path / "boxes.txt"
  file.write_text("\n".join(people))
  wanted = embed_own(embedder, video, boxes=file)
  vectors, moments = {}, []
  with embedder.stream() as live:
    for moment in add_mot(live, video, file, telling=Telling()):
      moments.append(moment)
      for track in moment.ended:
        vectors[track] = live.vector(track)
        live.forget(track)
    assert live.tracks == []
  assert [moment.number for moment in moments] == [int(line.split(",")[0]) for line in people]
  assert all(a.seconds < b.seconds for a, b in itertools.pairwise(moments))
  assert list(map(str, vectors)) == list(wanted.names) == ["1", "2"]
  for vector, whole in zip(vectors.values(), wanted.vectors):
    np.testing.assert_allclose(vector, whole, rtol=1e-5, atol=1e-6 * np.abs(whole).max())


def test_a_track_with_two_boxes_in_a_picture_is_refused(sample, embedder, tmp_path):
  (tmp_path / "a.txt").write_text("1,5,10,5,20,40,1,-1,-1,-1\n1,5,90,5,20,40,1,-1,-1,-1\n")
  video = sample / "one-by-one-person-detection.mp4"
  with pytest.raises(InputError, match="5"):
    list(add_mot(embedder.stream(), video, tmp_path / "a.txt"))


def test_each_picture_says_which_tracks_end(embedder, tmp_path):
  import videos

  rng = np.random.default_rng(0)
  video = videos.write(tmp_path / "a.mkv", [rng.integers(0, 256, (60, 80, 3), np.uint8)] * 4)
  (tmp_path / "a.txt").write_text(
    "\n".join(f"{i},{t},10,5,20,40,1,-1,-1,-1" for i in range(1, 5) for t in (3, 8))
  )
  live = embedder.stream()
  found = list(add_mot(live, video, tmp_path / "a.txt"))
  assert [moment.tracks for moment in found] == [[3, 8]] * 4
  assert [moment.ended for moment in found] == [[], [], [], [3, 8]]
  assert live.frames(8) == 4
  with pytest.raises(InputError, match="nowhere"):
    next(add_mot(live, video, tmp_path / "nowhere.txt"))
