"""The P x K plan and the packing of evaluation clips, with slow loops as oracles."""

import collections
import hashlib

import numpy as np
import pytest

from cosam_jax.data import load_dataset
from cosam_jax.data.batches import BatchPlan, EvaluationPlan
from cosam_jax.data.clips import SELECTIONS, dense_clips, even_positions, train_clip
from cosam_jax.data.samplers import every_tracklet
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.errors import InputError


class Numbers:
  """A store whose frames are never read."""

  def __init__(self, count):
    self.count = count

  def __len__(self):
    return self.count

  def name(self, frame):
    return f"frame {frame}"

  def read(self, frame):
    raise AssertionError("an index function read a frame")


def make_table(lengths, identities, gap=3):
  """Tracklets with unused frames between them, so that starts are not sums of lengths."""
  lengths = np.asarray(lengths)
  starts = np.cumsum(lengths + gap) - lengths
  return TrackletTable(
    frames=Numbers(int(starts[-1] + lengths[-1])),
    starts=starts,
    lengths=lengths,
    identities=np.asarray(identities),
    cameras=np.ones(len(lengths), int),
    names=[f"t{i}" for i in range(len(lengths))],
  )


@pytest.fixture
def table():
  rng = np.random.default_rng(0)
  identities = np.repeat(np.arange(11) * 7 + 2, [1, 2, 3, 4, 5, 6, 7, 8, 4, 4, 9])
  rng.shuffle(identities)
  return make_table(rng.integers(1, 30, len(identities)), identities)


def test_an_epoch_has_every_identity_at_most_once_and_drops_the_remainder(table):
  plan = BatchPlan(table, identities_per_batch=4, instances=4)
  assert plan.steps_per_epoch == 2  # 11 // 4
  orders = []
  for epoch in range(6):
    seen = [plan.batch(epoch * 2 + step).labels[::4] for step in range(2)]
    labels = np.concatenate(seen)
    assert len(set(labels.tolist())) == 8
    orders.append(tuple(labels.tolist()))
  assert len(set(orders)) == 6
  assert {label for order in orders for label in order} == set(range(11))


def test_k_tracklets_of_one_identity_next_to_each_other(table):
  plan = BatchPlan(table, identities_per_batch=5, instances=4, num_frames=3)
  ids = np.unique(table.identities)
  sizes = collections.Counter(table.identities.tolist())
  for step in range(20):
    batch = plan.batch(step)
    assert batch.frames.shape == (20, 3)
    for p in range(5):
      rows = batch.tracklets[4 * p : 4 * p + 4]
      identity = ids[batch.labels[4 * p]]
      assert (batch.labels[4 * p : 4 * p + 4] == batch.labels[4 * p]).all()
      assert (table.identities[rows] == identity).all()
      if sizes[identity] >= 4:
        assert len(set(rows.tolist())) == 4
    for row, frames in zip(batch.tracklets, batch.frames):
      assert set(frames.tolist()) <= set(table.frame_ids(row).tolist())


def test_a_batch_is_a_function_of_seed_and_step(table):
  plan, again = (BatchPlan(table, identities_per_batch=3, instances=2, seed=5) for _ in range(2))
  in_order = [plan.batch(step) for step in range(7)]
  for step in (6, 0, 3):
    alone = again.batch(step)
    np.testing.assert_array_equal(alone.frames, in_order[step].frames)
    np.testing.assert_array_equal(alone.tracklets, in_order[step].tracklets)
  other = BatchPlan(table, identities_per_batch=3, instances=2, seed=6).batch(0)
  assert not np.array_equal(other.frames, in_order[0].frames)


def test_every_tracklet_of_an_identity_is_drawn(table):
  plan = BatchPlan(table, identities_per_batch=11, instances=2)
  drawn = {int(row) for step in range(200) for row in plan.batch(step).tracklets}
  assert drawn == set(range(len(table)))


def test_fewer_identities_than_p_is_an_error_with_both_numbers(table):
  with pytest.raises(InputError, match=r"identities_per_batch is 12.*only 11 identities"):
    BatchPlan(table, identities_per_batch=12)


def digest(plan, steps):
  """A digest of whole batches, which changes with any of their numbers."""
  found = hashlib.sha256()
  for step in steps:
    batch = plan.batch(step)
    for array in (batch.tracklets, batch.frames, batch.labels):
      found.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
  return found.hexdigest()[:16]


RECORDED = {
  ("sequential", "published"): "e19ee166d844d672",
  ("sequential", "all"): "2100dc56b88df34f",
  ("random", "published"): "c5903cd51058bb32",
  ("evenly", "published"): "b75c3ce73e4022cd",
}


@pytest.mark.parametrize(("selection", "start"), RECORDED)
def test_batches_are_those_of_the_first_version(table, selection, start):
  """Runs that go on after an update must draw what they would have drawn."""
  plan = BatchPlan(
    table, identities_per_batch=4, instances=3, num_frames=5,
    frame_selection=selection, sequential_start=start, seed=11,
  )  # fmt: skip
  assert digest(plan, [*range(12), 10**6]) == RECORDED[selection, start]


def of_all_lengths():
  """Identities with 1 to 9 tracklets, whose lengths are all of 1 to 100."""
  counts = [*range(1, 10), *range(1, 10), 9, 1]
  lengths = np.random.default_rng(3).permutation(np.arange(1, 101))
  return make_table(lengths, np.repeat(np.arange(20) * 3, counts))


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize(("p", "k"), [(1, 1), (2, 4), (5, 3), (20, 2)])
def test_every_tracklet_comes_in_every_epoch(selection, p, k):
  """Against a slow loop: the rows of the epoch's draw, then one clip after the other."""
  table = of_all_lengths()
  plan, again = (
    BatchPlan(table, p, k, 4, selection, "all", seed=9, sampler="every_tracklet", stride=3)
    for _ in range(2)
  )
  tracklets = [np.flatnonzero(table.identities == identity) for identity in range(0, 60, 3)]
  steps = plan.steps_per_epoch
  for epoch in range(2):
    wanted = every_tracklet(tracklets, p, k, np.random.default_rng([9, 2, epoch]))
    assert len(wanted) == steps
    came = set()
    for position in range(steps):
      step = epoch * steps + position
      batch, rng = plan.batch(step), np.random.default_rng([9, 1, step])
      assert batch.tracklets.tolist() == wanted[position].tolist()
      assert batch.labels.tolist() == (table.identities[batch.tracklets] // 3).tolist()
      for row, frames in zip(batch.tracklets, batch.frames):
        clip = train_clip(int(table.lengths[row]), 4, selection, rng, "all", 3)
        assert frames.tolist() == table.frame_ids(row)[clip].tolist()
      came |= set(batch.tracklets.tolist())
    assert came == set(range(len(table)))
  # Any batch at any time, on any host.
  for step in (2 * steps - 1, 0, 10**6, 1):
    alone, other = again.batch(step), plan.batch(step)
    np.testing.assert_array_equal(alone.frames, other.frames)
    np.testing.assert_array_equal(alone.tracklets, other.tracklets)
  firsts = {plan.batch(epoch * steps).frames.tobytes() for epoch in range(4)}
  assert len(firsts) > 1


def test_an_unknown_sampler_is_refused(table):
  with pytest.raises(InputError, match=r"sampler is 'every_tracklets'.*mean 'every_tracklet'"):
    BatchPlan(table, sampler="every_tracklets")


@pytest.mark.parametrize("field", ["instances", "num_frames", "identities_per_batch", "stride"])
def test_numbers_below_one_are_refused(table, field):
  with pytest.raises(InputError, match=f"{field} is 0"):
    BatchPlan(table, **{field: 0})


@pytest.mark.parametrize("most", [None, 1, 4, 6])
def test_evaluation_packs_the_clips_of_consecutive_tracklets(table, most):
  plan = EvaluationPlan(table, num_frames=4, batch_clips=5, frames_per_tracklet=most)
  expected = []
  for row in range(len(table)):
    frames = table.frame_ids(row)
    if most is not None:
      frames = frames[even_positions(len(frames), most)]
    expected += [(row, frames[clip].tolist()) for clip in dense_clips(len(frames), 4)]
  batches = [plan.batch(number) for number in range(plan.num_batches)]
  found = [
    (int(row), frames.tolist())
    for batch in batches
    for row, frames in zip(batch.tracklets, batch.frames)
  ]
  assert plan.num_clips == len(expected)
  assert found[: len(expected)] == expected
  filling = found[len(expected) :]
  assert len(filling) < 5
  assert all(item == (-1, [-1] * 4) for item in filling)
  assert plan.padding == pytest.approx(len(filling) / len(found))


@pytest.mark.parametrize("lengths", [[1] * 7, [200, 1, 1, 1, 1], [1, 1, 1, 200], range(1, 30)])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_processes_share_tracklets_by_their_clips(lengths, count):
  plan = EvaluationPlan(make_table(lengths, range(len(lengths))), num_frames=4, batch_clips=5)
  shares = plan.shares(count)
  assert np.concatenate(shares).tolist() == list(range(len(lengths)))
  assert len(shares) == count
  assert all(len(share) for share in shares)
  clips = [sum(-(-lengths[row] // 4) for row in share) for share in shares]
  # No process has more than an even share plus the longest tracklet.
  assert max(clips) <= sum(clips) / count + -(-max(lengths) // 4)


def test_padding_on_the_real_lengths_of_mars_is_under_five_percent(shared):
  tables = load_dataset("mars", shared / "data" / "mars_info", check_files=False)
  for table in (tables.query, tables.gallery):
    plan = EvaluationPlan(table, num_frames=4, batch_clips=128)
    assert plan.num_clips == sum(-(-int(n) // 4) for n in table.lengths)
    print(f"{len(table)} tracklets, {plan.num_clips} clips, {plan.padding:.3%} padding")
    assert plan.padding < 0.05
    last = plan.batch(plan.num_batches - 1)
    assert (plan.batch(plan.num_batches - 2).tracklets >= 0).all()
    assert last.tracklets[0] >= 0
  plan = BatchPlan(tables.train)
  assert plan.steps_per_epoch == 78  # 625 // 8
  assert plan.batch(10**9).frames.shape == (32, 4)
