"""The looks of an invented person: build, skin, hair, clothes and things carried.

An identity of the synthetic set is a `Look` and nothing else; the rest of a picture does not depend
on it. Clothes, bags, passers-by and the objects of the background share one short palette, so a
colour alone does not tell people apart.
"""

import dataclasses

import numpy as np

RGB = tuple[int, int, int]

PALETTE: dict[str, RGB] = {
  "black": (34, 34, 38),
  "grey": (118, 120, 124),
  "white": (226, 226, 222),
  "navy": (34, 46, 92),
  "blue": (48, 96, 186),
  "denim": (92, 124, 164),
  "teal": (28, 128, 128),
  "green": (56, 132, 66),
  "olive": (102, 104, 56),
  "yellow": (224, 190, 62),
  "orange": (222, 118, 44),
  "red": (190, 40, 44),
  "purple": (112, 54, 134),
  "pink": (220, 136, 164),
  "brown": (106, 72, 50),
  "beige": (198, 176, 138),
}
_UPPERS = ("black", "grey", "white", "navy", "blue", "green", "yellow", "red", "purple", "pink")
_LOWERS = ("black", "grey", "white", "navy", "denim", "olive", "beige", "brown", "red")
_SHOES = ("black", "white", "brown", "red", "blue")
_SKINS: tuple[RGB, ...] = (
  (240, 202, 176),
  (222, 178, 146),
  (198, 148, 112),
  (150, 102, 72),
  (104, 70, 52),
)
_HAIRS: tuple[RGB, ...] = (
  (28, 24, 24),
  (62, 42, 30),
  (112, 76, 44),
  (196, 158, 92),
  (168, 164, 160),
)

PATTERNS = ("plain", "hoops", "pinstripes", "plaid", "block", "jacket", "print")
LOWER_KINDS = ("trousers", "shorts", "skirt")
BAGS = ("none", "backpack", "shoulder bag", "handbag")
HAIR_STYLES = ("short", "long", "ponytail", "bald")
HATS = ("none", "cap", "beanie")


@dataclasses.dataclass(frozen=True)
class Look:
  """One invented person. Lengths are factors around 1; colours of cloth are `PALETTE` names."""

  stature: float
  """Height over the height that the camera expects, 0.9 to 1.05."""
  shoulders: float
  """Width of the shoulders, 0.85 to 1.2."""
  girth: float
  """Thickness of trunk and limbs, 0.8 to 1.35."""
  legs: float
  """Share of the legs in the height, 0.94 to 1.05."""
  skin: RGB
  hair: str
  hair_colour: RGB
  hat: str
  hat_colour: str
  upper: str
  accent: str
  """Second colour of the upper garment, seen unless the pattern is plain."""
  pattern: str
  long_sleeves: bool
  coat: bool
  """The upper garment reaches the middle of the thighs."""
  lower_kind: str
  lower: str
  shoes: str
  bag: str
  bag_colour: str


def random_look(rng: np.random.Generator) -> Look:
  """Draws one person from `rng`; the same state of `rng` gives the same person."""

  def pick(choices, weights=None):
    p = None if weights is None else np.asarray(weights) / np.sum(weights)
    return choices[int(rng.choice(len(choices), p=p))]

  def shade(colour: RGB) -> RGB:
    red, green, blue = (int(np.clip(c + rng.integers(-8, 9), 0, 255)) for c in colour)
    return red, green, blue

  upper = pick(_UPPERS)
  return Look(
    stature=float(rng.uniform(0.9, 1.05)),
    shoulders=float(rng.uniform(0.85, 1.2)),
    girth=float(rng.uniform(0.8, 1.35)),
    legs=float(rng.uniform(0.94, 1.05)),
    skin=shade(pick(_SKINS)),
    hair=pick(HAIR_STYLES, (5, 4, 2, 1)),
    hair_colour=shade(pick(_HAIRS, (4, 3, 2, 1, 1))),
    hat=pick(HATS, (6, 1, 1)),
    hat_colour=pick(_UPPERS),
    upper=upper,
    accent=pick([c for c in _UPPERS if c != upper]),
    pattern=pick(PATTERNS, (4, 2, 1, 1, 2, 2, 1)),
    long_sleeves=bool(rng.random() < 0.5),
    coat=bool(rng.random() < 0.15),
    lower_kind=pick(LOWER_KINDS, (5, 3, 2)),
    lower=pick(_LOWERS),
    shoes=pick(_SHOES),
    bag=pick(BAGS, (3, 2, 2, 1)),
    bag_colour=pick(_UPPERS),
  )


def difference(first: Look, second: Look) -> int:
  """Counts the things that a person at a distance would name as different, 0 to 9."""
  fields = ("upper", "pattern", "long_sleeves", "coat", "lower_kind", "lower", "bag", "hair", "hat")
  return sum(getattr(first, field) != getattr(second, field) for field in fields)


def distinct_looks(count: int, rng: np.random.Generator, at_least: int = 3) -> list[Look]:
  """Draws `count` people, any two of whom differ in `at_least` nameable things.

  There may not be enough such people for a large crowd; after 200 rejected draws the next one is
  taken in any case.
  """
  crowd: list[Look] = []
  while len(crowd) < count:
    for _ in range(200):
      look = random_look(rng)
      if all(difference(look, other) >= at_least for other in crowd):
        break
    crowd.append(look)
  return crowd
