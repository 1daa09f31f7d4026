"""Running tracks: vectors of the whole tracklets at any time, bounded memory, one program."""

import concurrent.futures
import dataclasses
import itertools
import logging as std_logging
import sys

import numpy as np
import pytest
import saved_run as saved

import cosam_jax
from cosam_jax.data.boxes import crop
from cosam_jax.data.frame_quality import frame_quality
from cosam_jax.errors import InputError

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture(scope="module", params=["tp", pytest.param("ta", marks=pytest.mark.slow), "rnn"])
def embedder(request, tiny_synthetic, tmp_path_factory, hasty_compilation):
  del hasty_compilation
  place = tmp_path_factory.mktemp("live") / "run"
  run = saved.write(place, tiny_synthetic, model__temporal=request.param, clips__num_frames=3)
  return cosam_jax.Embedder.from_checkpoint(run, batch_clips=4)


def drawn(count, seed, sizes=((64, 32), (90, 41), (300, 170))):
  rng = np.random.default_rng(seed)
  return [rng.integers(0, 256, (*sizes[i % len(sizes)], 3), np.uint8) for i in range(count)]


def close(found, wanted):
  """Equal to rounding, which grows with the largest numbers."""
  np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6 * np.abs(wanted).max())


def test_at_any_time_it_is_the_vector_of_the_tracklet_so_far(embedder):
  frames = drawn(8, 0)
  with embedder.stream(batch_clips=4) as live:
    for count, frame in enumerate(frames, 1):
      live.add("a", frame)
      vector = live.vector("a")
      assert vector.dtype == np.float32
      close(vector, embedder.embed(frames[:count]))
      np.testing.assert_array_equal(live.vector("a"), vector)
      assert live.frames("a") == count


def test_many_tracks_share_batches_and_do_not_mix(embedder):
  """Of other lengths, interleaved, and asked for only at the end."""
  lengths = {7: 9, "x": 1, (2, 3): 5, 1: 3, 5: 4}
  tracklets = {track: drawn(n, i) for i, (track, n) in enumerate(lengths.items())}
  wanted = dict(zip(tracklets, embedder.embed_many(list(tracklets.values()))))
  for batch_clips, ask in itertools.product((1, 2, 16), (False, True)):
    live = embedder.stream(batch_clips=batch_clips)
    for number in range(9):
      now = [track for track, n in lengths.items() if number < n]
      live.add_many(now, [tracklets[track][number] for track in now])
      if ask:
        live.vectors(now[:2])
    found = live.vectors()
    assert set(found) == set(wanted)
    for track, vector in wanted.items():
      close(found[track], vector)
    assert set(live.vectors(["x", 7])) == {"x", 7}


def counting(embedder, **options):
  """A stream whose program is watched: the shapes that it was called with."""
  shapes = []
  live = embedder.stream(**options)
  forward = live._forward

  def watched(clips, valid):
    shapes.append((clips.shape, int(valid.any(axis=1).sum())))
    return forward(clips, valid)

  live._forward = watched
  return live, shapes


def test_one_program_serves_any_number_of_tracks(embedder):
  live, shapes = counting(embedder, batch_clips=4)
  for number in range(7):
    live.add_many(range(number + 1), drawn(number + 1, number))
    live.vectors()
  assert {shape for shape, _ in shapes} == {(4, 3, 64, 32, 3)}
  before = len(shapes)
  live.vectors()
  live.vector(3)
  assert len(shapes) == before, "no new frame, but the network was asked"


def test_whole_clips_wait_for_a_full_batch(embedder):
  live, shapes = counting(embedder, batch_clips=2)
  for track in ("a", "b"):
    for frame in drawn(3, 5):
      assert shapes == []
      live.add(track, frame)
  assert [count for _, count in shapes] == [2]
  live.vectors()
  assert len(shapes) == 1, "no frame waits"


def test_memory_does_not_grow_with_time(embedder):
  """Crops that are larger than the network's pixels are kept as these."""
  live, _ = counting(embedder, batch_clips=2, most_tracks=3)
  huge = np.zeros((400, 300, 3), np.uint8)
  for number in range(30):
    live.add(number % 3, huge)
    live.add(number % 3, huge[:20, :10])
    kept = [frame for state in live._tracks.values() for frame in state._waiting]
    assert len(kept) <= 3 * 2
    assert len(live._ready) < 2
    assert max((frame.nbytes for frame in kept), default=0) <= 12 * 64 * 32


def test_tracks_beyond_the_limit_are_let_go_and_said(embedder, caplog):
  frames = drawn(4, 1)
  live = embedder.stream(batch_clips=8, most_tracks=2)
  with caplog.at_level(std_logging.WARNING):
    for frame in frames[:3]:
      live.add("old", frame)  # A whole clip, which waits for its batch.
    live.add("a", frames[0])
    live.add("old", frames[3])
    for track in ("b", "c"):  # `a` is the one whose last frame is the longest ago, then `old`.
      live.add(track, frames[1])
  assert live.tracks == ["b", "c"]
  assert live.let_go == 2
  assert [record.getMessage().count("is let go to make room") for record in caplog.records] == [1]
  with pytest.raises(InputError, match=r"'old' is not known.*one of 2 that were let go"):
    live.vector("old")
  live.add("old", frames[2])  # A new track of that name has nothing of the old one.
  close(live.vector("old"), embedder.embed(frames[2:3]))


def test_a_forgotten_track_begins_anew(embedder):
  frames = drawn(4, 2)
  live = embedder.stream(batch_clips=8)
  for frame in frames[:3]:
    live.add(1, frame)
  live.forget(1)
  assert live.tracks == []
  assert live.frames(1) == 0
  live.add(1, frames[3])
  close(live.vector(1), embedder.embed(frames[3:]))
  with pytest.raises(InputError, match="track 2 is not known: it has had no frame"):
    live.forget(2)
  live.close()
  assert live.vectors() == {}


def test_weights_count_by_clip_and_zero_leaves_a_frame_out(embedder):
  frames, weights = drawn(8, 3), [1.0, 0.0, 0.5, 0.25, 0.0, 2.0, 1.0, 0.5]
  kept = [i for i, weight in enumerate(weights) if weight]
  clips = [kept[:3], kept[3:]]
  assert [len(clip) for clip in clips] == [3, 3]
  vectors = [embedder.embed([frames[i] for i in clip]).astype(np.float64) for clip in clips]
  means = [np.mean([weights[i] for i in clip]) for clip in clips]
  live = embedder.stream()
  live.add_many(["a"] * 8, frames, weights=weights)
  close(live.vector("a"), np.average(vectors, axis=0, weights=means))
  # The last clip repeats its frames, and so do their weights.
  live.add("a", frames[0], weight=3.0)
  live.add("a", frames[1], weight=1.0)
  more = embedder.embed(frames[:2]).astype(np.float64)
  wanted = np.average([*vectors, more], axis=0, weights=[*means, (3 + 1 + 3) / 3])
  close(live.vector("a"), wanted)
  live.add("b", frames[0], weight=0)
  assert set(live.vectors()) == {"a"}
  with pytest.raises(InputError, match="'b' is not known: it has had no frame of a weight above 0"):
    live.vector("b")


def test_boxes_are_cut_out_and_their_quality_counts(embedder):
  picture = np.random.default_rng(4).integers(0, 256, (120, 200, 3), np.uint8)
  corners = np.array([[10, 5, 50, 85], [-10, 40, 30, 110.5], [150.2, 20, 220, 90]])
  sizes = [np.array([x, y, x2 - x, y2 - y]) for x, y, x2, y2 in corners]
  crops = [crop(picture, size) for size in sizes]
  plain = embedder.stream()
  plain.add_boxes(picture, ["a", "b", "c"], corners)
  for track, image in zip("abc", crops):
    close(plain.vector(track), embedder.embed([image]))
  weighing = embedder.stream(quality=True)
  weights = [frame_quality(c, (64, 32), s, (120, 200)) for c, s in zip(crops, sizes)]
  assert len({round(weight, 3) for weight in weights}) == 3
  for row in (0, 1):  # Two clips of one frame each, of other qualities.
    for _ in range(3):
      weighing.add_boxes(picture, ["t"], corners[row : row + 1])
  wanted = np.average(
    [embedder.embed([c] * 3).astype(np.float64) for c in crops[:2]], axis=0, weights=weights[:2]
  )
  close(weighing.vector("t"), wanted)
  loose = embedder.stream(margin=0.2)
  loose.add_boxes(picture, ["a"], corners[:1])
  close(loose.vector("a"), embedder.embed([crop(picture, sizes[0], 0.2)]))
  plain.add_boxes(picture, [], np.zeros((0, 4)))


def test_a_crops_own_quality_counts_without_a_box(embedder):
  frames = [*drawn(3, 6, sizes=((64, 32),)), *drawn(3, 7, sizes=((20, 10),))]
  live = embedder.stream(quality=True)
  for frame in frames:
    live.add(0, frame)
  weights = [frame_quality(frame, (64, 32)) for frame in frames]
  vectors = [embedder.embed(part).astype(np.float64) for part in (frames[:3], frames[3:])]
  means = [np.mean(weights[:3]), np.mean(weights[3:])]
  close(live.vector(0), np.average(vectors, axis=0, weights=means))


FRAME = np.zeros((8, 4, 3), np.uint8)


@pytest.mark.parametrize(
  ("add", "words"),
  [
    (lambda live: live.add(1, FRAME.astype(float)), r"track 1 is float64\[8, 4, 3\]: a frame is"),
    (lambda live: live.add(1, FRAME[..., 0]), r"uint8\[8, 4\]"),
    (lambda live: live.add(1, FRAME, weight=-1), "weight -1: give 0, or a number from 1e-6 to 1e6"),
    (lambda live: live.add(1, FRAME, weight=float("nan")), "weight nan"),
    (lambda live: live.add_many([1, 2], [FRAME]), "2 tracks, 1 frames: give one of each"),
    (lambda live: live.add_many([1, 2], [FRAME, FRAME[0]]), r"track 2 is uint8\[4, 3\]"),
    (lambda live: live.add_boxes(FRAME[..., 0], [1], np.eye(4)[:1]), "the picture is uint8"),
    (lambda live: live.add_boxes(FRAME, [1], [[0, 0, np.nan, 1]]), "NaN, infinity or more than"),
    (lambda live: live.add_boxes(FRAME, [1], [[0, 0, 1e300, 1]]), "more than 1e9"),
    (lambda live: live.add_boxes(FRAME, [1, 2], [[0, 0, 4, 4]]), "2 tracks, 1 boxes"),
    (lambda live: live.add_boxes(FRAME, [1], [[4, 4, 2, 8]]), "has no area: give the corners"),
    (lambda live: live.add_boxes(FRAME, [1], [[4, 4, 0, 8]], sized=True), "give x, y, width"),
    (lambda live: live.add_boxes(FRAME, [1], np.ones((1, 5))), r"boxes are \[1, 5\]: give four"),
    (lambda live: live.add_many([1, [2]], [FRAME] * 2), r"\[2\] cannot name a track"),
    (lambda live: live.add(float("nan"), FRAME), "nan cannot name a track"),
    (lambda live: live.add_many([1, 2], [FRAME] * 2, weights=[1, None]), "track 2 has the weight"),
    (lambda live: live.add(1, FRAME, weight=1e-320), "has the weight 1e-320"),
    (lambda live: live.add(1, FRAME, weight=1e308), r"has the weight 1e\+308"),
    (lambda live: live.vectors([3]), "track 3 is not known"),
    (
      lambda live: live.add_boxes(FRAME, [79, 79], [[0, 0, 2, 4], [2, 0, 4, 4]]),
      r"track 79 has two boxes in one picture, \[0.0, 0.0, 2.0, 4.0\] and \[2.0, 0.0, 4.",
    ),
    (lambda live: live.add_boxes(FRAME, [7, 7.0], [[0, 0, 2, 4], [90, 0, 94, 4]]), "7.0 has two"),
    (lambda live: live.add_boxes(FRAME, [1], "abc"), "boxes: 'abc' is no array, so give numbers"),
    (lambda live: live.add_boxes(FRAME, [1, 2], [[0, 0, 2, 4], [1]]), "boxes: a list is no array"),
    (lambda live: live.add_boxes(FRAME, 1, [[0, 0, 2, 4]]), "tracks is 1: give a list of tracks"),
    (lambda live: live.add_boxes(FRAME, [1], np.ma.ones((1, 4))), "boxes is a masked array: give"),
    (lambda live: live.add_boxes(None, [1], [[0, 0, 2, 4]]), r"the picture is object\[\]: it must"),
    (lambda live: live.add_boxes(FRAME, [[1]], [[0, 0, 2, 4]]), r"\[1\] cannot name a track"),
    (lambda live: live.add_many({1, 2}, [FRAME] * 2), "tracks is a set: give a list of tracks"),
    (lambda live: live.add_many([1], None), "frames is None: give a list of frames"),
    (lambda live: live.add_many([1], [FRAME], weights=1), "weights is 1: give a list of weights"),
    (lambda live: live.add(1, None), r"a frame of track 1 is object\[\]: a frame is"),
    (lambda live: live.add(1, np.ma.array(FRAME)), "a frame of track 1 is a masked array: give"),
    (lambda live: live.vectors(79), "tracks is 79: give a list of tracks"),
    (lambda live: live.vectors("79"), "tracks is '79': give a list of tracks"),
    (lambda live: live.vector([3]), r"\[3\] cannot name a track"),
    (lambda live: live.frames([3]), r"\[3\] cannot name a track"),
  ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_added(embedder, add, words):
  live = embedder.stream()
  with pytest.raises(InputError, match=words):
    add(live)
  assert live.tracks == []


def test_numbers_out_of_range_are_refused(embedder):
  for options, words in (
    ({"most_tracks": 0}, "most_tracks is 0"),
    ({"batch_clips": 0}, "batch_clips is 0"),
    ({"batch_clips": 2.5}, "batch_clips is 2.5: it must be a whole number of at least 1, at most"),
    ({"batch_clips": "8"}, "batch_clips is '8': it must be a whole number"),
    ({"batch_clips": 10**9}, "batch_clips is 1000000000: .* at most 4096"),
    ({"most_tracks": True}, "most_tracks is True: it must be a whole number of at least 1"),
    ({"margin": -0.5}, "margin is -0.5: it must be 0 or more"),
    ({"margin": "x"}, "margin is 'x': it must be 0 or more"),
    ({"margin": float("nan")}, "margin is nan"),
  ):
    with pytest.raises(InputError, match=words):
      embedder.stream(**options)


def test_tracks_and_frames_may_come_from_generators(embedder):
  frames, live = drawn(2, 8), embedder.stream(batch_clips=np.int64(4), margin=np.float32(0))
  assert live.add_many((n for n in "ab"), iter(frames)) == ["a", "b"]
  picture = np.concatenate([np.full((40, 40, 3), 90, np.uint8), np.zeros((40, 40, 3), np.uint8)])
  assert live.add_boxes(picture, (n for n in "cd"), [[0, 0, 9, 20], [3, 50, 9, 80]]) == ["c", "d"]
  assert set(live.vectors(track for track in "abcd")) == set("abcd")
  assert set(live.vectors({"a": 0}.keys())) == {"a"}


def test_threads_share_a_stream_and_each_track_keeps_its_vector(embedder):
  """One for each camera; they take turns often, so that a stream without a lock would fail."""
  cameras, per_camera, count = 6, 3, 7
  tracklets = {
    (camera, track): drawn(count, 10 * camera + track, sizes=((30, 20),))
    for camera in range(cameras)
    for track in range(per_camera)
  }
  wanted = dict(zip(tracklets, embedder.embed_many(list(tracklets.values()))))
  # The embedder's own size of a batch: another program rounds otherwise, and of a saturated LSTM a
  # number may then differ by a hundredth, in one thread too.
  live = embedder.stream(batch_clips=4)

  def film(camera):
    tracks = [(camera, track) for track in range(per_camera)]
    for number in range(count):
      live.add_many(tracks, [tracklets[track][number] for track in tracks])
      assert set(live.vectors(tracks[: number % 3])) == set(tracks[: number % 3])
      live.add(("gone", camera), tracklets[tracks[0]][0])
      live.vectors()
      live.forget(("gone", camera))
    return live.vectors(tracks)

  before = sys.getswitchinterval()
  sys.setswitchinterval(1e-6)
  try:
    with concurrent.futures.ThreadPoolExecutor(cameras) as pool:
      found = [one for part in pool.map(film, range(cameras)) for one in part.items()]
  finally:
    sys.setswitchinterval(before)
  assert len(found) == cameras * per_camera
  for track, vector in found:
    assert live.frames(track) == count
    close(vector, wanted[track])


def test_frames_are_resized_as_the_network_was_trained(embedder):
  trained_so = {**embedder.network.flat, "clips.resize": "bicubic", "evaluation.flip": True}
  network = dataclasses.replace(embedder.network, flat=trained_so)
  cubic = cosam_jax.Embedder(network, batch_clips=4)
  frames = drawn(4, 9)
  live = cubic.stream()
  live.add_many([1] * 4, frames)
  close(live.vector(1), cubic.embed(frames))
  assert np.abs(live.vector(1) - embedder.embed(frames)).max() > 1e-4
