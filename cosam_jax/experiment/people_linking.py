"""Links tracklets of several cameras to people: `--mode=link`."""

import dataclasses
import functools
import pathlib
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.evaluation.average_linkage import Merge, numbered
from cosam_jax.evaluation.candidates import unit_rows
from cosam_jax.evaluation.clustering_numbers import agreement
from cosam_jax.evaluation.corrections import (
  CORRECTIONS_FILE,
  Applied,
  Corrections,
  applied,
  read_corrections,
)
from cosam_jax.evaluation.forbidden_pairs import Forbidden, Whereabouts
from cosam_jax.evaluation.link_calibration import KindOfLink, LinkCalibration
from cosam_jax.evaluation.linking import MOST_BYTES, Links, link
from cosam_jax.evaluation.linking_space import PLAIN, LinkDistances
from cosam_jax.evaluation.stitching import stitched
from cosam_jax.experiment.link_inputs import Tracklets, whereabouts
from cosam_jax.experiment.link_rates import links_for
from cosam_jax.reports.people_files import (
  MOST_SHEETS,
  PEOPLE_PAGE,
  RECORD,
  Member,
  Person,
  people_folder_of,
  save_sheets,
  summary_lines,
  write_people,
)
from cosam_jax.reports.people_page import write_people_page
from cosam_jax.reports.results import write_json
from cosam_jax.runtime.text_numbers import counted

LAW = (
  "Linking people across cameras is biometric processing of people, which laws restrict: read "
  "docs/responsible_use.md first."
)
"""The line that the mode prints."""


@dataclasses.dataclass(frozen=True)
class LinkSettings:
  """How to link.

  Attributes:
    threshold: the largest mean distance at which groups are joined; None: the calibration's.
    calibration: its file; None: see `link_rates.links_for`.
    gap: the longest gap within a track in seconds (or frames, for sources without times); 0: pieces
      are not stitched.
    most_bytes: the memory that tables of pairs may take.
    starts, travel: see `link_inputs.whereabouts`.
    corrections: a file; None: those in the output folder, if an earlier call kept some.
  """

  threshold: float | None = None
  calibration: pathlib.Path | None = None
  gap: float = 2.0
  most_bytes: int = MOST_BYTES
  starts: Mapping[str, float] | None = None
  travel: Mapping[tuple[str, str], float] | None = None
  corrections: pathlib.Path | None = None


def link_people(
  found: Tracklets,
  directory: pathlib.Path,
  settings: LinkSettings,
  *,
  workdir: pathlib.Path | None = None,
) -> list[Person]:
  """Finds people, writes them, and prints what is known about them.

  Args:
    found: the tracklets.
    directory: the output folder.
    settings: how to link.
    workdir: of the network, where its calibration may lie.

  Raises:
    InputError: there is neither a calibration nor a threshold, files cannot be used, or a user's
      files are in the way of the output.
  """
  output = people_folder_of(directory)
  output.check(*(side.path for side in found.sides))
  rates = links_for(found, given=settings.calibration, workdir=workdir)
  if rates is None and settings.threshold is None:
    raise InputError(
      f"there is no calibration of links for the network of {found.sides[0].path}, so nobody knows "
      "which distance is one person: make one with --mode=calibrate, name it with --calibration, "
      "or give a --threshold of your own"
    )
  calibration = None if rates is None else rates[0]
  seen = whereabouts(found, settings.starts, settings.travel)
  corrections = _corrections(settings.corrections, directory)
  placed = _placed(found, calibration)
  kind = PLAIN if calibration is None else calibration.kind_for(len(placed))
  known = None if calibration is None else calibration.kinds[kind]
  cut = settings.threshold if known is None or settings.threshold is not None else known.cut
  assert cut is not None
  pieces, joins = np.arange(len(placed)), list[tuple[int, int, float]]()
  if settings.gap > 0:
    stitch = cut if calibration is None else calibration.stitch["cut"]
    pieces, joins = stitched(placed, seen, stitch, settings.gap)
  start = applied(corrections, found.names, pieces)
  links = link(
    LinkDistances(placed, kind),
    cut,
    forbidden=Forbidden(seen, start.apart),
    groups=start.groups,
    most_bytes=settings.most_bytes,
  )
  people = _people(found, links, start, pieces, known)
  about = _about(found, people, links, len(joins), known)
  about |= {
    "inputs": [str(side.path) for side in found.sides],
    "distance": kind,
    "threshold": cut,
    "calibration": None if rates is None else str(rates[1]),
    "calibrated_on": None if calibration is None else _calibrated_on(calibration),
    "expected": None if known is None else {**known.numbers, "intervals": known.intervals},
    "corrections": {"same": len(corrections.same), "apart": len(corrections.apart)},
  }
  about["notes"] = _notes(found, seen, start, about, settings)
  ordered = sorted(people, key=_order)
  with output.replacing({"inputs": about["inputs"]}) as folder:
    write_people(folder, people)
    sheets = save_sheets(folder, ordered)
    write_people_page(folder, ordered, about, corrections)
    if corrections != Corrections():
      (folder / CORRECTIONS_FILE).write_text(corrections.text(), encoding="utf-8")
    write_json(folder / RECORD, about)
  for line in [*summary_lines(about), *about["notes"]]:
    print(line)
  if not sheets:
    print("no sheets: no input has pictures; --mode=embed --input writes them")
  elif sheets == MOST_SHEETS:
    print(f"sheets of the {sheets:,} least certain people are drawn")
  print(f"{directory / PEOPLE_PAGE} is the page to look through; people.csv has every tracklet")
  print(LAW)
  return people


def _calibrated_on(calibration: LinkCalibration) -> str:
  part = f" ({calibration.data['people'].replace('_', ' ')})" if calibration.data["people"] else ""
  return f"{calibration.data['identities']:,} people of {calibration.data['dataset']}{part}"


def _placed(found: Tracklets, calibration: LinkCalibration | None) -> np.ndarray:
  if calibration is None:
    return unit_rows(found.vectors).astype(np.float32)
  return calibration.space.placed(found.vectors, found.cameras)


def _corrections(given: pathlib.Path | None, directory: pathlib.Path) -> Corrections:
  kept = directory / CORRECTIONS_FILE
  if given is not None:
    return read_corrections(given)
  if kept.is_file():
    print(f"the corrections in {kept} are applied again")
    return read_corrections(kept)
  return Corrections()


def _people(
  found: Tracklets, links: Links, start: Applied, pieces: np.ndarray, known: KindOfLink | None
) -> list[Person]:
  """The people, those with most tracklets first."""
  members: dict[int, list[int]] = defaultdict(list)
  for row, group in enumerate(links.groups.tolist()):
    members[group].append(row)
  merges: dict[int, list[Merge]] = defaultdict(list)
  for merge in links.merges:
    merges[int(links.groups[merge.first])].append(merge)
  tracks = numbered(pieces)
  people = []
  order = sorted(members, key=lambda group: (-len(members[group]), group))
  for number, group in enumerate(order, 1):
    rows, own = members[group], merges[group]
    weakest = max(own, key=lambda merge: merge.height, default=None)
    sides = _sides(rows, own, start.groups)
    people.append(
      Person(
        number,
        [
          Member(found.names[row], found.seen[row], functools.partial(found.picture, row), side)
          for row, side in zip(rows, sides, strict=True)
        ],
        chance=None if weakest is None or known is None else known.chance(weakest.height),
        height=None if weakest is None else weakest.height,
        said=weakest is None and len({*tracks[rows].tolist()}) > 1,
      )
    )
  return people


def _sides(rows: list[int], merges: list[Merge], groups: np.ndarray) -> list[int]:
  """For each tracklet of a person, the side of the last merge that it is on."""
  if not merges:
    return [0] * len(rows)
  last = max(merges, key=lambda merge: merge.height)
  parent = {row: row for row in rows}

  def head(row: int) -> int:
    while parent[row] != row:
      row = parent[row]
    return row

  first_of: dict[int, int] = {}
  for row in rows:
    parent[row] = first_of.setdefault(int(groups[row]), row)
  for merge in merges:
    if merge is not last:
      parent[head(merge.second)] = head(merge.first)
  return [int(head(row) == head(last.second)) for row in rows]


def _order(person: Person) -> tuple[float, float, int]:
  """Least certain first; then by height if no chance is known, and those without links last."""
  chance = 2.0 if person.chance is None else person.chance
  return chance, -(person.height or 0.0), person.number


def _about(
  found: Tracklets, people: list[Person], links: Links, joins: int, known: KindOfLink | None
) -> dict[str, Any]:
  count = len(found.names)
  about: dict[str, Any] = {
    "tracklets": count,
    "people": len(people),
    "links": count - len(people),
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


def _notes(
  found: Tracklets,
  seen: Whereabouts,
  start: Applied,
  about: Mapping[str, Any],
  settings: LinkSettings,
) -> list[str]:
  notes = []
  if (expected := about["expected"]) is not None:
    low, high = expected["intervals"]["pairwise_precision"]
    notes.append(
      f"on people who were new to it, {100 * (1 - expected['pairwise_precision']):.0f}% (95% "
      f"interval {100 * (1 - high):.0f} to {100 * (1 - low):.0f}) of the pairs that were put "
      f"together were two people, and B-cubed F was {expected['bcubed_f']:.3f}"
    )
  else:
    notes.append("no calibration: nobody knows how many of these links are wrong")
  if settings.threshold is not None and about["expected"] is not None:
    notes.append(
      "the threshold is the caller's, so only the expected number of wrong links holds, and not "
      "what was measured at the calibration's"
    )
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
    notes.append(
      f"{counted(len(start.unknown), 'name')} of the corrections, such as {start.unknown[0]!r}, "
      "are no tracklet's here"
    )
  if (one := about.get("agreement")) is not None:
    notes.append(
      f"the true people are known: B-cubed precision {one['bcubed_precision']:.3f}, recall "
      f"{one['bcubed_recall']:.3f}, F {one['bcubed_f']:.3f}, pairwise F {one['pairwise_f']:.3f}, "
      f"{one['found']:,} people found for {one['people']:,}"
    )
  return notes
