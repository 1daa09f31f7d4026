"""What is said about people that were linked: numbers, the expected error, and caveats."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from cosam_jax.evaluation.clustering_numbers import agreement
from cosam_jax.evaluation.corrections import Applied
from cosam_jax.evaluation.forbidden_pairs import Whereabouts
from cosam_jax.evaluation.link_calibration import KindOfLink
from cosam_jax.evaluation.linking import Links
from cosam_jax.experiment.link_inputs import Tracklets
from cosam_jax.runtime.text_numbers import counted


def facts_of_links(
  found: Tracklets, links: Links, joins: int, known: KindOfLink | None
) -> dict[str, Any]:
  """Numbers of people and links, how many are expected to be wrong, and agreement if it is known.

  Args:
    found: the tracklets.
    links: what was found.
    joins: pieces of tracks that were joined before.
    known: what the calibration says; None if there is none.
  """
  count, people = len(found.names), len(np.unique(links.groups))
  about: dict[str, Any] = {
    "tracklets": count,
    "people": people,
    "links": count - people,
    "links_by_distance": len(links.merges),
    "stitched": joins,
    "divided": links.divided,
    "expected_false_links": None,
  }
  if known is not None:
    about["expected_false_links"] = float(
      sum(1 - known.chance(merge.height) for merge in links.merges)
    )
  if found.people is not None:
    about["agreement"] = dataclasses.asdict(agreement(found.people, links.groups))
  return about


def notes_on_links(
  found: Tracklets,
  seen: Whereabouts,
  start: Applied,
  about: Mapping[str, Any],
  *,
  chosen: bool,
) -> list[str]:
  """Sentences on what the outcome relies on.

  Args:
    found, seen: the tracklets, where and when.
    start: the corrections, by row.
    about: content of `people.json`.
    chosen: whether the calibration chose the cut.
  """
  notes = []
  expected = about["expected"]
  if expected is not None and chosen:
    low, high = expected["intervals"]["pairwise_precision"]
    notes.append(
      "on the calibration's people, for whom the cut was chosen, "
      f"{100 * (1 - expected['pairwise_precision']):.0f}% (95% interval {100 * (1 - high):.0f} to "
      f"{100 * (1 - low):.0f}) of the pairs that were put "
      f"together were two people, and B-cubed F was {expected['bcubed_f']:.3f}"
    )
  elif expected is None:
    notes.append("no calibration: nobody knows how many of these links are wrong")
  unknown = int((seen.cameras < 0).sum())
  if unknown:
    notes.append(f"the cameras of {counted(unknown, 'tracklet')} are not known")
  timed = int((seen.clocks >= 0).sum())
  if timed < len(found.names):
    notes.append(
      f"times are known of {timed:,} of {len(found.names):,} tracklets; nothing keeps the others "
      "from being one person who is twice in one place at one time"
    )
  if start.unknown:
    verb = "is" if len(start.unknown) == 1 else "are"
    notes.append(
      f"{counted(len(start.unknown), 'name')} of the corrections, such as {start.unknown[0]!r}, "
      f"{verb} no tracklet's here: what is said of them is not applied"
    )
  if (one := about.get("agreement")) is not None:
    notes.append(
      f"the true people are known: B-cubed precision {one['bcubed_precision']:.3f}, recall "
      f"{one['bcubed_recall']:.3f}, F {one['bcubed_f']:.3f}, pairwise F {one['pairwise_f']:.3f}, "
      f"{one['found']:,} people found for {one['people']:,}"
    )
  return notes
