"""Links tracklets of several cameras to people: `--mode=link`."""

import dataclasses
import functools
import pathlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.evaluation.average_linkage import Merge, numbered
from cosam_jax.evaluation.calibrated_network import network_misfit
from cosam_jax.evaluation.candidates import unit_rows
from cosam_jax.evaluation.corrections import (
  CORRECTIONS_FILE,
  Applied,
  Corrections,
  applied,
  check_kept,
  read_corrections,
)
from cosam_jax.evaluation.forbidden_pairs import Forbidden
from cosam_jax.evaluation.link_calibration import KindOfLink, LinkCalibration
from cosam_jax.evaluation.link_files import LINKING_FILE
from cosam_jax.evaluation.linking import MOST_BYTES, Links, link
from cosam_jax.evaluation.linking_space import PLAIN_KIND, LinkDistances
from cosam_jax.evaluation.stitching import stitched
from cosam_jax.evaluation.vector_spread import check_directions, said_if_same
from cosam_jax.experiment.link_inputs import Tracklets, check_inputs
from cosam_jax.experiment.link_notes import facts_of_links, notes_on_links
from cosam_jax.experiment.link_rates import given_links, links_for, other_network
from cosam_jax.experiment.link_times import check_names, whereabouts
from cosam_jax.experiment.own_videos import Given
from cosam_jax.experiment.search_sides import Networks
from cosam_jax.experiment.stored_calibrations import near
from cosam_jax.reports.people_files import (
  MOST_SHEETS,
  PEOPLE_PAGE,
  PEOPLE_RECORD,
  Member,
  Person,
  people_folder_of,
  save_sheets,
  summary_lines,
  write_people,
)
from cosam_jax.reports.people_page import write_people_page
from cosam_jax.reports.results import write_json
from cosam_jax.runtime.quiet import warn

LAW = (
  "Linking people across cameras is biometric processing of people, which laws restrict: read "
  "docs/responsible_use.md first."
)
"""The line that the mode prints before it begins."""


@dataclasses.dataclass(frozen=True)
class LinkSettings:
  """How to link.

  Attributes:
    threshold: the largest mean distance at which groups are joined; None: the calibration's.
    least_chance: joins only groups whose link has at least this chance of being right, by the
      calibration; None: the calibration's cut alone decides.
    calibration: its file; None: see `link_rates.links_for`.
    gap: the longest gap within a track in seconds (or frames, for sources without times); 0: pieces
      are not stitched.
    most_bytes: the memory that tables of pairs may take.
    starts, travel: see `link_times.whereabouts`.
    corrections: a file; None: those in the output folder, if an earlier call kept some.
  """

  threshold: float | None = None
  least_chance: float | None = None
  calibration: pathlib.Path | None = None
  gap: float = 2.0
  most_bytes: int = MOST_BYTES
  starts: Mapping[str, float] | None = None
  travel: Mapping[tuple[str, str], float] | None = None
  corrections: pathlib.Path | None = None


def check_before_reading(
  inputs: Sequence[pathlib.Path],
  given: Sequence[Given],
  networks: Networks,
  directory: pathlib.Path,
  settings: LinkSettings,
) -> None:
  """Refuses what can be refused before frames are embedded, which takes long.

  Args:
    inputs, given, networks: as for `link_inputs.open_tracklets`.
    directory: the output folder.
    settings: how to link.

  Raises:
    InputError: inputs or files of the settings cannot be used, settings contradict each other,
      there is neither a calibration nor a threshold, or a user's files are in the way of the
      output.
  """
  check_inputs(inputs, given)
  cameras = {said.camera for said in given}
  if None not in cameras:  # Otherwise inputs tell some.
    recordings = [str(path.absolute()) for path in inputs]
    check_names({*filter(None, cameras)}, recordings, settings.starts or {}, settings.travel or {})
  people_folder_of(directory).check(*inputs)
  if settings.threshold is not None and settings.least_chance is not None:
    raise InputError("--threshold and --least_chance both say what is joined: give one of them")
  # A missing network is refused first.
  network = networks.facts if any(path.suffix != ".npz" for path in inputs) else None
  if settings.calibration is not None:
    one, path = given_links(settings.calibration)
    if network is not None and (why := network_misfit(one.network, network)) is not None:
      raise other_network(path, inputs[0], why)
  elif settings.threshold is None and not any(near(LINKING_FILE, inputs, networks.place)):
    raise _no_calibration(inputs[0])
  _corrections(settings.corrections, directory)


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
    InputError: there is neither a calibration nor a threshold, a vector is of zeros, files cannot
      be used, or a user's files are in the way of the output.
  """
  output = people_folder_of(directory)
  output.check(*(side.path for side in found.sides))
  check_directions(found.vectors, found.names)
  rates = links_for(found, given=settings.calibration, workdir=workdir)
  if rates is None and settings.threshold is None:
    raise _no_calibration(found.sides[0].path)
  calibration = None if rates is None else rates[0]
  seen = whereabouts(found, settings.starts, settings.travel)
  corrections = _corrections(settings.corrections, directory)
  if corrections != Corrections() and settings.corrections is None:
    print(f"the corrections in {directory / CORRECTIONS_FILE} are applied again")
  placed = _placed(found, calibration)
  kind = PLAIN_KIND if calibration is None else calibration.kind_for(len(placed))
  known = None if calibration is None else calibration.kinds[kind]
  cut = _cut(settings, known)
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
  about = facts_of_links(found, links, len(joins), known)
  about |= {
    "inputs": [str(side.path) for side in found.sides],
    "distance": kind,
    "threshold": cut,
    "calibration": None if rates is None else str(rates[1]),
    "calibrated_on": None if calibration is None else _calibrated_on(calibration),
    "expected": None if known is None else {**known.numbers, "intervals": known.intervals},
    "corrections": {"same": len(corrections.same), "apart": len(corrections.apart)},
  }
  about["notes"] = notes_on_links(
    found, seen, start, about, chosen=(settings.threshold, settings.least_chance) == (None, None)
  )
  ordered = sorted(people, key=_order)
  with output.replacing({"inputs": about["inputs"]}) as folder:
    write_people(folder, people)
    sheets = save_sheets(folder, ordered)
    write_people_page(folder, ordered, about, corrections)
    if corrections != Corrections():
      (folder / CORRECTIONS_FILE).write_text(corrections.text(), encoding="utf-8")
    write_json(folder / PEOPLE_RECORD, about)
  for line in [*summary_lines(about), *about["notes"]]:
    print(line)
  if same := said_if_same(found.vectors):
    warn(same)
  if not sheets:
    print("no sheets: no input has pictures; --mode=embed --input writes them")
  elif sheets == MOST_SHEETS:
    print(f"sheets of the {sheets:,} least certain people are drawn")
  print(f"{directory / PEOPLE_PAGE} is the page to look through; people.csv has every tracklet")
  return people


def _no_calibration(path: pathlib.Path) -> InputError:
  return InputError(
    f"there is no calibration of links for the network of {path}, so nobody knows which distance "
    "is one person: make one with --mode=calibrate, name it with --calibration, or give a "
    "--threshold of your own"
  )


def _cut(settings: LinkSettings, known: KindOfLink | None) -> float:
  if settings.threshold is not None:
    return settings.threshold
  assert known is not None
  return known.cut if settings.least_chance is None else known.cut_for(settings.least_chance)


def _calibrated_on(calibration: LinkCalibration) -> str:
  part = f" ({calibration.data['people'].replace('_', ' ')})" if calibration.data["people"] else ""
  return f"{calibration.data['identities']:,} people of {calibration.data['dataset']}{part}"


def _placed(found: Tracklets, calibration: LinkCalibration | None) -> np.ndarray:
  if calibration is None:
    return unit_rows(found.vectors).astype(np.float32)
  return calibration.space.placed(found.vectors, found.cameras)


def _corrections(given: pathlib.Path | None, directory: pathlib.Path) -> Corrections:
  file = directory / CORRECTIONS_FILE
  kept = read_corrections(file) if file.is_file() else Corrections()
  if given is None:
    return kept
  new = read_corrections(given)
  check_kept(new, kept, file)
  return new


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
