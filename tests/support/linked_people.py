"""People as `--mode=link` finds them, with drawn pictures."""

import numpy as np

from cosam_jax.evaluation.sightings import Sighting
from cosam_jax.reports.people_files import Member, Person

ABOUT = {
  "tracklets": 8, "people": 4, "links": 4, "stitched": 1, "links_by_distance": 3,
  "expected_false_links": 0.75, "calibrated_on": "30 people of mars (held out)",
  "notes": ["a <note>"],
}  # fmt: skip


def picture(number):
  return np.random.default_rng(number).integers(0, 256, (64, 32, 3), np.uint8)


def member(name, camera=None, side=0, shown=True):
  seen = Sighting(camera, "/v/gate.mp4", (3, 9), (0.1, 4.2)) if camera else Sighting()
  return Member(name, seen, lambda: picture(len(name)) if shown else None, side)


def people():
  """The least certain first."""
  return [
    Person(2, [member("b1", "gate"), member("b2", "hall", 1)], 0.51, 0.7),
    Person(1, [member("a1", "gate"), member("a2", "hall"), member("a3", side=1)], 0.92, 0.4),
    Person(3, [member("c</script>", "yard"), member("c2", shown=False)], said=True),
    Person(4, [member("d", "gate")]),
  ]
