"""Every tracklet in every epoch: against slow loops, for identities with few and many tracklets."""

import collections
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosam_jax.data import load_dataset
from cosam_jax.data.batches import BatchPlan
from cosam_jax.data.samplers import every_tracklet, grouped, steps_of_every_tracklet


def identities_of(counts):
  """Rows of each identity's tracklets; rows of one identity are not next to each other."""
  labels = np.repeat(np.arange(len(counts)), counts)
  np.random.default_rng(1).shuffle(labels)
  return [np.flatnonzero(labels == label) for label in range(len(counts))]


def slow_steps(counts, p, k):
  """Counts batches up until no identity needs more of them, and all groups have room."""
  needed = []
  for count in counts:
    groups = 0
    while groups * k < count:
      groups += 1
    needed.append(groups)
  steps = 1
  while steps < max(needed) or steps * p < sum(needed):
    steps += 1
  return steps


def slow_epoch(tracklets, p, k, rng):
  """The same draw with plain lists: the queue is searched from its front, again for each place."""
  groups = [grouped(rows, k, rng).tolist() for rows in tracklets]
  labels = [label for label, own in enumerate(groups) for _ in own]
  queue = [labels[i] for i in rng.permutation(len(labels))]
  steps, batches = slow_steps([len(rows) for rows in tracklets], p, k), []
  for step in range(steps):
    batch = {}
    for label, own in enumerate(groups):
      if len(own) == steps - step:
        batch[label] = own.pop(0)
    while len(batch) < p and any(own and i not in batch for i, own in enumerate(groups)):
      # A group that came early has left its place, the first one of its identity, free.
      waiting = collections.Counter(queue)
      for label in queue:
        free = waiting[label] > len(groups[label])
        if free or label not in batch:
          queue.remove(label)
          if not free:
            batch[label] = groups[label].pop(0)
          break
    rows = [row for group in batch.values() for row in group]
    others = [label for label in range(len(groups)) if label not in batch]
    if len(batch) < p:
      for label in rng.choice(others, p - len(batch), replace=False):
        rows += rng.choice(tracklets[label], k, replace=len(tracklets[label]) < k).tolist()
    batches.append(rows)
  return batches


def assert_an_epoch(batches, tracklets, p, k):
  """Every tracklet comes; a batch has P identities, and K different tracklets of who has K."""
  owner = {int(row): label for label, rows in enumerate(tracklets) for row in rows}
  came, groups_of = collections.Counter(), collections.Counter()
  for batch in batches.tolist():
    assert len(batch) == p * k
    labels = []
    for i in range(p):
      group = batch[k * i : k * i + k]
      (label,) = {owner[row] for row in group}
      labels.append(label)
      if len(tracklets[label]) >= k:
        assert len(set(group)) == k
      came.update(group)
    assert len(set(labels)) == p
    groups_of.update(labels)
  assert set(came) == set(owner)
  for label, rows in enumerate(tracklets):
    assert groups_of[label] >= -(-len(rows) // k)


@settings(max_examples=150)
@given(
  st.lists(st.integers(1, 9), min_size=2, max_size=14),
  st.integers(1, 6),
  st.integers(1, 5),
  st.integers(0, 99),
)
def test_an_epoch_is_the_slow_loops(counts, p, k, seed):
  p = min(p, len(counts))
  tracklets = identities_of(counts)
  found = every_tracklet(tracklets, p, k, np.random.default_rng(seed))
  assert len(found) == steps_of_every_tracklet(counts, p, k) == slow_steps(counts, p, k)
  assert found.tolist() == slow_epoch(tracklets, p, k, np.random.default_rng(seed))
  assert_an_epoch(found, tracklets, p, k)


@pytest.mark.parametrize("counts", [[1, 1, 1], [40, 1, 1, 1], [40, 40, 1, 1, 1], [9] * 8, [3, 50]])
@pytest.mark.parametrize("p", [1, 2, 3])
def test_identities_with_most_of_the_tracklets_come_whole(counts, p):
  p = min(p, len(counts))
  tracklets = identities_of(counts)
  for seed in range(20):
    found = every_tracklet(tracklets, p, 4, np.random.default_rng(seed))
    assert len(found) == slow_steps(counts, p, 4)
    assert_an_epoch(found, tracklets, p, 4)


@settings(max_examples=200)
@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 99))
def test_groups_have_every_tracklet_and_repeat_as_few_as_possible(count, k, seed):
  rows = np.arange(count) * 7 + 3
  groups = grouped(rows, k, np.random.default_rng(seed))
  assert groups.shape == (-(-count // k), k)
  came = collections.Counter(groups.ravel().tolist())
  assert set(came) == set(rows.tolist())
  if count >= k:
    assert max(came.values()) <= 2
    assert all(len(set(group)) == k for group in groups.tolist())


def test_extra_draws_are_spread_evenly():
  """6 tracklets of an identity in groups of 4: two of them come twice, each equally often."""
  came = collections.Counter()
  for seed in range(3000):
    came.update(grouped(np.arange(6), 4, np.random.default_rng(seed)).ravel().tolist())
  wanted = 3000 * 8 / 6
  assert all(abs(came[row] - wanted) < 5 * np.sqrt(3000 * 2 / 9) for row in range(6))


def test_large_identities_are_not_kept_for_the_end():
  """An identity's batches are spread over the epoch: the mean of their places is in the middle."""
  counts = [24] * 3 + [4] * 42
  tracklets, middles, pairs = identities_of(counts), [], collections.Counter()
  large = {int(row): label for label in range(3) for row in tracklets[label]}
  for seed in range(40):
    found = every_tracklet(tracklets, 5, 4, np.random.default_rng(seed))
    places = [i for i, batch in enumerate(found.tolist()) for row in batch[::4] if row in large]
    middles.append(np.mean(places) / (len(found) - 1))
    for batch in found.tolist():
      together = {large[row] for row in batch if row in large}
      pairs.update(itertools.combinations(sorted(together), 2))
  assert abs(np.mean(middles) - 0.5) < 0.05
  assert len(pairs) == 3


def test_every_tracklet_of_mars_comes_and_what_the_other_draws_leave_out(shared):
  """Shares of MARS's training tracklets that an epoch leaves out; docs/batches.md states them."""
  table = load_dataset("mars", shared / "data" / "mars_info", check_files=False).train
  plan = BatchPlan(table, sampler="every_tracklet")
  counts = np.bincount(table.labels())
  assert plan.steps_per_epoch == slow_steps(counts, 8, 4)
  came = collections.Counter(
    row for step in range(plan.steps_per_epoch) for row in plan.batch(step).tracklets.tolist()
  )
  assert set(came) == set(range(len(table)))
  clips = sum(came.values())
  unfilled = int((counts[counts >= 4] % 4).sum()) / len(table)
  shorter = [short_of_people(counts, seed) / len(table) for seed in range(3)]
  print(
    f"{plan.steps_per_epoch} batches; {clips - len(table)} of {clips} clips are drawn again; "
    f"without filling, groups leave out {unfilled:.1%}; ending when people are few, "
    f"{np.mean(shorter):.1%}"
  )
  assert (plan.steps_per_epoch, clips - len(table), clips) == (289, 950, 9248)
  assert round(unfilled, 3) == 0.1
  assert 0.04 < np.mean(shorter) < 0.06
  assert BatchPlan(table).steps_per_epoch * 32 < 0.31 * len(table)


def short_of_people(counts, seed):
  """Tracklets that are left when fewer than 8 people have a whole group of 4, drawn at random."""
  rng = np.random.default_rng(seed)
  left = np.maximum(1, counts // 4)
  while (left > 0).sum() >= 8:
    left[rng.choice(np.flatnonzero(left), 8, replace=False)] -= 1
  return 4 * int(left.sum())
