"""Names of linked tracklets differ, and stay with their tracklet whatever the order of inputs."""

import pathlib

from cosam_jax.experiment.link_names import input_names, tracklet_names
from cosam_jax.experiment.own_videos import NOTHING_SAID, Given


def named(*paths, boxes=()):
  given = [Given(boxes=one) for one in boxes] or [NOTHING_SAID] * len(paths)
  return input_names([pathlib.Path(path) for path in paths], given)


def test_inputs_are_called_by_their_last_names_if_these_differ():
  assert named("/v/gate.mp4", "/v/hall", "/own/yard/embeddings.npz") == ["gate", "hall", "yard"]
  assert named("/") == ["/"]


def test_inputs_of_one_name_have_folders_above_or_what_else_differs():
  assert named("/one/gate.mp4", "/two/gate.mp4", "/two/hall.mp4") == [
    "one/gate", "two/gate", "hall",
  ]  # fmt: skip
  assert named("/a/own/gate/embeddings.npz", "/b/own/gate/embeddings.npz") == [
    "a/own/gate", "b/own/gate",
  ]  # fmt: skip
  assert named("/v/gate.npz", "/v/hall.npz") == ["v[gate]", "v[hall]"]
  assert named("/v/a.mp4", "/v/a.mp4", boxes=["/t/3.txt", "/t/8.txt"]) == ["a[3]", "a[8]"]
  assert named("/v/a.mp4", "/v/a.mkv", "/v/a") == ["a[mp4]", "a[mkv]", "a"]


def test_names_do_not_depend_on_the_order_of_inputs():
  paths = ["/one/gate.mp4", "/two/gate.mp4", "/v/gate.npz", "/v/hall.npz", "/x/one/gate.mp4"]
  wanted = dict(zip(paths, named(*paths), strict=True))
  assert len({*wanted.values()}) == len(paths)
  for turn in range(1, len(paths)):
    turned = [*paths[turn:], *paths[:turn]]
    assert dict(zip(turned, named(*turned), strict=True)) == wanted


def test_equal_names_of_one_input_get_numbers_that_nobody_has():
  given = [(0, "a"), (0, "a"), (0, "a (2)"), (0, "b")]
  found = tracklet_names([pathlib.Path("/v/gate")], [NOTHING_SAID], given)
  assert found == ("gate/a (1)", "gate/a (3)", "gate/a (2)", "gate/b")
