"""The cast of a synthetic set: which camera sees whom, in MARS's numbering and order."""

import dataclasses

import numpy as np

from cosam_jax.data.drawn.looks import Look, distinct_looks

DISTRACTOR, JUNK = 0, -1


@dataclasses.dataclass(frozen=True)
class Appearance:
  """One tracklet to be drawn: person, camera, and its number among the person's tracklets."""

  identity: int
  camera: int
  number: int  # Counts the tracklets of an identity over all its cameras, as MARS does.
  look: Look
  missed: bool = False

  @property
  def stem(self) -> str:
    """The part that all names of a tracklet's frames share, such as `0065C1T0002`."""
    return f"{folder_name(self.identity)}C{self.camera}T{self.number:04d}"


def folder_name(identity: int) -> str:
  """The folder of an identity; the names of its frames begin with the same text."""
  return "00-1" if identity == JUNK else f"{identity:04d}"


def cast(
  rng: np.random.Generator,
  *,
  train: int,
  test: int,
  cameras: int,
  tracklets_per_camera: int,
  distractors: int,
  junk: int,
) -> dict[str, list[Appearance]]:
  """Draws the people and lists their tracklets by split, `train` and `test`.

  People are numbered from 1, training first. As in MARS, the test split begins with junk and
  distractors; each of their tracklets shows another person.
  """
  people = train + test
  looks = distinct_looks(people + distractors + junk, rng)

  def strangers(identity: int, looks: list[Look]) -> list[Appearance]:
    seen_by = sorted(int(camera) for camera in rng.integers(1, cameras + 1, len(looks)))
    return [
      Appearance(identity, camera, number, look, missed=identity == JUNK)
      for number, (camera, look) in enumerate(zip(seen_by, looks), start=1)
    ]

  def known(identity: int) -> list[Appearance]:
    seen_by = np.repeat(np.arange(1, cameras + 1), tracklets_per_camera)
    look = looks[identity - 1]
    return [Appearance(identity, int(c), n, look) for n, c in enumerate(seen_by, start=1)]

  others = strangers(JUNK, looks[people + distractors :])
  others += strangers(DISTRACTOR, looks[people : people + distractors])
  return {
    "train": [appearance for k in range(train) for appearance in known(k + 1)],
    "test": others + [appearance for k in range(train, people) for appearance in known(k + 1)],
  }


def queries(tracklets: list[Appearance], rng: np.random.Generator) -> list[int]:
  """One tracklet of each person and camera, as 1-based rows in ascending order."""
  rows: dict[tuple[int, int], list[int]] = {}
  for row, tracklet in enumerate(tracklets, start=1):
    if tracklet.identity > 0:
      rows.setdefault((tracklet.identity, tracklet.camera), []).append(row)
  return [int(rng.choice(choices)) for choices in rows.values()]
