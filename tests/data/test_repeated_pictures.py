"""The same picture at two places, against a loop over every pair of places."""

import dataclasses
import itertools
import pathlib

import numpy as np
import PIL.Image
import pytest

from cosam_jax.data.identities import Numbering
from cosam_jax.data.repeated_pictures import (
  DIGEST_BYTES,
  NOBODY,
  picture_digest,
  repeated_pictures,
)
from cosam_jax.data.tracklets import FilePaths, JoinedFrames, TrackletTable

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 4, 3), np.uint8)


def test_a_digest_is_of_the_pixels_and_nothing_else(tmp_path):
  image = PIL.Image.fromarray(PIXELS)
  found = picture_digest(image)
  assert len(found) == DIGEST_BYTES
  for name in ("a.png", "a.bmp", "a.tif"):
    image.save(tmp_path / name)
    with PIL.Image.open(tmp_path / name) as read:
      assert picture_digest(read) == found
  assert picture_digest(image.convert("RGBA")) == found
  grey = image.convert("L")
  assert picture_digest(grey) == picture_digest(grey.convert("RGB")) != found
  one = PIXELS.copy()
  one[5, 3, 2] ^= 1
  assert picture_digest(PIL.Image.fromarray(one)) != found
  # As many pixels in the same order, and another shape.
  assert picture_digest(PIL.Image.fromarray(PIXELS.reshape(4, 6, 3))) != found


def test_pictures_of_one_colour_are_nobodys():
  for colour in ((0, 0, 0), (9, 8, 7)):
    assert picture_digest(PIL.Image.new("RGB", (4, 6), colour)) == NOBODY
  almost = PIL.Image.new("RGB", (4, 6))
  almost.putpixel((3, 5), (0, 0, 1))
  assert picture_digest(almost) != NOBODY


@dataclasses.dataclass
class Drawn:
  """Three tables over two stores, and what each of their frames shows: 0 is a picture of nobody."""

  splits: dict
  store: JoinedFrames
  shown: np.ndarray


def drawn(seed, pictures) -> Drawn:
  """Query and gallery share a store; some frames are of no tracklet."""
  draw = np.random.default_rng(seed)
  sizes = 9, 16
  stores = [
    FilePaths(
      pathlib.Path(f"/{name}"), np.array([b"f"]), np.zeros(size, np.int32),
      np.array([f"{i}.jpg".encode() for i in range(size)]),
    )
    for name, size in zip("ab", sizes, strict=True)
  ]  # fmt: skip

  def table(store, starts, lengths, people, name):
    count = len(starts)
    return TrackletTable(
      store, starts, lengths, draw.choice(people, count), draw.integers(1, 3, count),
      [f"{name}{i}" for i in range(count)], Numbering(None, {3: "anna"}),
    )  # fmt: skip

  splits = {
    "train": table(stores[0], [0, 3, 4], [3, 1, 4], [1, 2], "t"),
    "query": table(stores[1], [12, 0], [2, 2], [3, 4], "q"),
    "gallery": table(stores[1], [2, 5, 8, 11], [3, 3, 2, 1], [2, 3, 4], "g"),
  }
  return Drawn(splits, JoinedFrames(tuple(stores)), draw.integers(0, pictures, sum(sizes)))


def slowly(case: Drawn, decoded) -> dict[str, int]:
  """The number of pictures of each kind, by looking at each pair of places."""
  places = []
  for split, table in case.splits.items():
    offset = 9 * (split != "train")
    for row in range(len(table)):
      for frame in table.frame_ids(row):
        if offset + frame in decoded:
          who, where = int(table.identities[row]), int(table.cameras[row])
          places.append((int(case.shown[offset + frame]), split, who, where))
  kinds = {"two people": set(), "query and gallery": set()}
  for one, other in itertools.permutations(places, 2):
    if one[0] != other[0] or one[0] == 0:
      continue
    if one[2] != other[2]:
      kinds["two people"].add(one[0])
    elif (one[1], other[1]) == ("query", "gallery") and one[3] != other[3]:
      kinds["query and gallery"].add(one[0])
  kinds["query and gallery"] -= kinds["two people"]
  return {kind: len(found) for kind, found in kinds.items() if found}


def digests(case: Drawn, frames) -> bytes:
  return b"".join(int(case.shown[frame]).to_bytes(DIGEST_BYTES, "little") for frame in frames)


@pytest.mark.parametrize("pictures", [3, 8, 20, 60])
@pytest.mark.parametrize("share", [1.0, 0.6])
def test_counts_agree_with_a_loop_over_pairs(pictures, share):
  kinds = set()
  for seed in range(25):
    case = drawn(seed, pictures)
    taken = np.random.default_rng(seed).random(len(case.store)) < share
    frames = np.flatnonzero(taken)
    found = repeated_pictures(case.splits, case.store, frames, digests(case, frames))
    wanted = slowly(case, set(frames.tolist()))
    assert {kind: count for kind, (count, _) in found.items()} == wanted, seed
    assert all(0 < len(examples) <= 5 for _, examples in found.values())
    kinds |= set(wanted)
  assert "two people" in kinds
  assert pictures < 20 or "query and gallery" in kinds, "the draws must show both kinds"


def test_examples_name_frames_tables_and_people():
  case = drawn(0, 1)
  case.splits["query"] = dataclasses.replace(
    case.splits["query"], identities=np.array([3, 3]), cameras=np.array([1, 1])
  )
  case.splits["gallery"] = dataclasses.replace(
    case.splits["gallery"], identities=np.array([3, 4, 3, 3]), cameras=np.array([2, 2, 2, 1])
  )
  everything = np.arange(len(case.store))
  case.shown[:] = 100 + everything  # All are different, but for these:
  case.shown[9 + 12] = case.shown[9 + 2] = 7  # A query's, and of another camera in the gallery.
  case.shown[9 + 13] = case.shown[9 + 11] = 8  # The same, under the query's own camera.
  case.shown[0] = case.shown[9 + 6] = 9
  case.shown[1] = case.shown[2] = 10  # Twice in one tracklet.
  found = repeated_pictures(case.splits, case.store, everything, digests(case, everything))
  who = case.splits["train"].identities[0]
  assert found == {
    "query and gallery": (
      1, ["/b/f/12.jpg (query, identity anna) and /b/f/2.jpg (gallery, identity anna)"]
    ),
    "two people": (1, [f"/a/f/0.jpg (train, identity {who}) and /b/f/6.jpg (gallery, identity 4)"]),
  }  # fmt: skip
  none = np.zeros(0, np.int64)
  assert repeated_pictures(case.splits, case.store, none, b"") == {}
