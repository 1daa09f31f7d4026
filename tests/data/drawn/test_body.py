"""One figure: as tall as it is said to be, clothed where clothes are, and walking."""

import dataclasses
import math

import numpy as np
import pytest

from cosam_jax.data.drawn.body import draw_figure
from cosam_jax.data.drawn.canvas import Pose
from cosam_jax.data.drawn.looks import Look

SIZE = (160, 120)
FEET, HEIGHT = (60.0, 150.0), 130.0
PERSON = Look(
  stature=1.0, shoulders=1.0, girth=1.0, legs=1.0, skin=(200, 150, 120), hair="short",
  hair_colour=(40, 30, 20), hat="none", hat_colour="grey", upper="red", accent="white",
  pattern="plain", long_sleeves=True, coat=False, lower_kind="trousers", lower="navy",
  shoes="black", bag="none", bag_colour="green",
)  # fmt: skip
YAWS = (0.0, 0.8, math.pi / 2, 2.5, math.pi, -1.2)


def look(**fields) -> Look:
  return dataclasses.replace(PERSON, **fields)


def drawn(who=PERSON, yaw=0.0, phase=0.3, light=0.0, height=HEIGHT, stride=0.4):
  return draw_figure(who, Pose(yaw, phase, stride, FEET, height, light), SIZE)


def heights(mask):
  """The lowest and the highest row of a mask, in heights of the person above the ground."""
  rows = np.flatnonzero(mask.any(1))
  return (FEET[1] - rows[-1]) / HEIGHT, (FEET[1] - rows[0]) / HEIGHT


def changed(one, other, **pose):
  """Where two looks differ in the same pose."""
  return np.abs(drawn(one, **pose)[0] - drawn(other, **pose)[0]).max(-1) > 20


@pytest.mark.parametrize("yaw", YAWS)
def test_the_layers_are_a_colour_and_the_share_that_it_covers(yaw):
  colour, alpha = drawn(yaw=yaw)
  assert (colour.dtype, colour.shape) == (np.float32, (*SIZE, 3))
  assert (alpha.dtype, alpha.shape) == (np.float32, SIZE)
  assert (alpha.min(), alpha.max()) == (0, 1)
  assert (colour[alpha == 0] == 0).all()
  assert (colour <= 255 * 1.3 * alpha[..., None]).all(), "the light adds a fifth"
  assert 0.05 < alpha.mean() < 0.3


@pytest.mark.parametrize("yaw", YAWS)
@pytest.mark.parametrize("stature", [0.9, 1.05])
def test_a_person_reaches_from_the_feet_to_the_height(yaw, stature):
  low, high = heights(drawn(look(stature=stature), yaw=yaw)[1] > 0.5)
  assert abs(low) < 0.06
  assert abs(high - stature) < 0.04
  half = drawn(look(stature=stature), yaw=yaw, height=HEIGHT / 2)[1]
  assert abs(heights(half > 0.5)[1] - stature / 2) < 0.03


# field -> another value, and the heights between which it can be seen.
PLACES = {
  "shoes": ("white", -0.06, 0.25), "lower": ("yellow", -0.03, 0.66), "upper": ("yellow", 0.35, 0.9),
  "hair_colour": ((230, 220, 90), 0.85, 1.03), "skin": ((90, 60, 40), 0.35, 1.0),
}  # fmt: skip


@pytest.mark.parametrize("yaw", YAWS)
@pytest.mark.parametrize("field", PLACES)
def test_clothes_are_where_people_wear_them(field, yaw):
  value, lowest, highest = PLACES[field]
  where = changed(PERSON, look(**{field: value}), yaw=yaw)
  low, high = heights(where)
  assert lowest < low < high < highest
  assert where.sum() > (40 if field in ("upper", "lower") else 5)


def test_a_hat_is_on_the_head_and_a_coat_reaches_the_thighs():
  for yaw in YAWS:
    low, high = heights(changed(PERSON, look(hat="beanie", hat_colour="pink"), yaw=yaw))
    assert 0.88 < low < high < 1.08
    low, _ = heights(changed(PERSON, look(coat=True), yaw=yaw))
    assert 0.25 < low < 0.45
    bare = changed(look(lower_kind="shorts"), look(lower_kind="shorts", skin=(9, 9, 9)), yaw=yaw)
    assert heights(bare)[0] < 0.15, "legs show below shorts"
    covered = changed(PERSON, look(skin=(9, 9, 9)), yaw=yaw)
    assert heights(covered)[0] > 0.35, "and not below trousers"


def test_a_backpack_is_seen_from_behind_and_its_straps_from_the_front():
  packed, other = look(bag="backpack"), look(bag="backpack", bag_colour="pink")
  seen = {yaw: changed(packed, other, yaw=yaw).sum() for yaw in (0.0, math.pi)}
  assert seen[0.0] > 20
  assert seen[math.pi] > 3 * seen[0.0]


def test_a_bag_is_at_the_persons_left():
  """Seen from the front, the person's left is at the right of the picture."""
  for bag in ("handbag", "shoulder bag"):
    with_bag, other = look(bag=bag), look(bag=bag, bag_colour="pink")
    for yaw, side in ((0.0, 1), (math.pi, -1)):
      where = changed(with_bag, other, yaw=yaw)
      low = where[int(FEET[1] - 0.6 * HEIGHT) :]  # Without the strap.
      _, columns = np.nonzero(low)
      assert len(columns) > 10
      assert (columns.mean() - FEET[0]) * side > 5


def test_arms_swing_against_the_legs():
  """A bag in the left hand is behind a person whose left leg is ahead, and the other way round."""
  with_bag, other = look(bag="handbag"), look(bag="handbag", bag_colour="pink")
  for phase, side in ((math.pi / 2, 1), (1.5 * math.pi, -1)):  # The person walks to the left.
    _, columns = np.nonzero(changed(with_bag, other, yaw=-math.pi / 2, phase=phase))
    assert (columns.mean() - FEET[0]) * side > 5


def test_a_face_is_seen_from_the_front():
  long_hair = look(hair="long")
  seen = [
    changed(long_hair, look(hair="long", skin=(9, 9, 9)), yaw=yaw)[: int(FEET[1] - 0.88 * HEIGHT)]
    for yaw in (0.0, math.pi)
  ]
  assert seen[0].sum() > 40
  assert seen[1].sum() < seen[0].sum() / 8


@pytest.mark.parametrize("yaw", [0.4, 1.3, 2.6])
def test_the_mirrored_walk_is_the_mirrored_picture(yaw):
  """From the other side, with the other foot and the light from there; bags are not mirrored."""
  colour, alpha = drawn(yaw=yaw, light=0.5)
  mirrored, other = drawn(yaw=-yaw, phase=0.3 + math.pi, light=-0.5)
  mirrored, other = mirrored[:, ::-1], other[:, ::-1]
  one, two = alpha > 0.5, other > 0.5
  assert (one & two).sum() > 0.94 * (one | two).sum()
  assert np.abs(colour - mirrored)[one & two].mean() < 12


def test_two_steps_are_a_turn_of_the_phase():
  start = drawn(yaw=1.5, phase=0.3)
  again = drawn(yaw=1.5, phase=0.3 + 2 * math.pi)
  for one, other in zip(start, again, strict=True):
    np.testing.assert_allclose(one, other, atol=2)
  legs = slice(int(FEET[1] - 0.4 * HEIGHT), None)
  other = drawn(yaw=1.5, phase=0.3 + math.pi / 2)[1]
  assert np.abs(start[1] - other)[legs].mean() > 0.02
  spread = []
  for stride in (0.2, 0.45):
    columns = np.flatnonzero(
      (drawn(yaw=1.5, phase=math.pi / 2, stride=stride)[1][legs] > 0.5).any(0)
    )
    spread.append(columns[-1] - columns[0])
  assert spread[1] > 1.3 * spread[0]


def test_girth_and_shoulders_make_people_wider():
  kinds = {
    "thin": {"girth": 0.8}, "thick": {"girth": 1.35},
    "narrow": {"shoulders": 0.85}, "broad": {"shoulders": 1.2},
  }  # fmt: skip
  widths = {}
  for name, fields in kinds.items():
    seen = drawn(look(**fields))[1] > 0.5
    chest, waist = (int(FEET[1] - at * HEIGHT) for at in (0.8, 0.58))
    widths[name] = seen[chest].sum(), seen[waist].sum()
  assert widths["thick"][1] > 1.2 * widths["thin"][1]
  assert widths["broad"][0] > 1.15 * widths["narrow"][0]
