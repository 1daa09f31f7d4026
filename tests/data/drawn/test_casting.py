"""The cast of a drawn set, by counting."""

import collections

import numpy as np

from cosam_jax.data.drawn.casting import cast, queries


def drawn(seed=0):
  sizes = {"train": 3, "test": 2, "cameras": 3, "tracklets_per_camera": 2}
  return cast(np.random.default_rng(seed), **sizes, distractors=4, junk=2)


def test_everybody_is_seen_by_every_camera_as_often_and_strangers_once():
  split = drawn()
  for name, people in (("train", [1, 2, 3]), ("test", [4, 5])):
    known = [one for one in split[name] if one.identity > 0]
    assert [one.identity for one in known] == np.repeat(people, 6).tolist()
    for person in people:
      theirs = [one for one in known if one.identity == person]
      assert [one.camera for one in theirs] == [1, 1, 2, 2, 3, 3]
      assert [one.number for one in theirs] == [1, 2, 3, 4, 5, 6]
      assert len({id(one.look) for one in theirs}) == 1
  strangers = [one for one in split["test"] if one.identity <= 0]
  assert strangers == split["test"][:6]
  assert [(one.identity, one.missed) for one in strangers] == [(-1, True)] * 2 + [(0, False)] * 4
  assert [one.number for one in strangers] == [1, 2, 1, 2, 3, 4]
  everybody = [one for part in split.values() for one in part]
  looks = [one.look for one in strangers] + [split["train"][6 * i].look for i in range(3)]
  assert len({repr(look) for look in looks}) == 9
  assert len({one.stem for one in everybody}) == len(everybody)
  assert strangers[0].stem == f"00-1C{strangers[0].camera}T0001"
  assert split["train"][7].stem == "0002C1T0002"


def test_a_query_of_each_person_and_camera():
  tracklets = drawn()["test"]
  rows = queries(tracklets, np.random.default_rng(1))
  assert rows == sorted(rows)
  chosen = [tracklets[row - 1] for row in rows]
  found = collections.Counter((one.identity, one.camera) for one in chosen)
  assert found == {(person, camera): 1 for person in (4, 5) for camera in (1, 2, 3)}
  assert rows != queries(tracklets, np.random.default_rng(2))
