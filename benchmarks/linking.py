"""How well tracklets of people are linked, by a cut that was chosen on other people.

  python benchmarks/linking.py --calibration=people/training/embeddings.npz --test=embeddings.npz

The rows of the table: average linkage of cosine distances between the vectors as they are, with the
cut that links the calibration's people best; the same in the fitted space of
`cosam_jax.evaluation.linking_space`; and with distances that look at neighbours. The cuts come from
halves of the calibration's people. The test people are linked once by each. --stitching also cuts
every test tracklet that has two clips in two, and joins the pieces again.
"""

import argparse
import dataclasses
import json
import pathlib
import resource
import sys
import time

import numpy as np

AS_THEY_ARE, CENTRED, IN_SPACE = "as they are", "centred by camera", "in the space"
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def known(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Vectors, people and cameras of the tracklets whose person is known."""
  from cosam_jax.evaluation.embeddings import read_embeddings

  found = read_embeddings(path)
  rows = [row for row in range(len(found.vectors)) if found.seen(row).known]
  return found.vectors[rows], found.identities[rows], found.cameras[rows]


def halves(vectors, people, cameras, way: str, most: int | None = None):
  """Yields (placed vectors, people) of halves of the people: as they are, centred, in the space.

  With `most`, only so many people of a half are linked.
  """
  from cosam_jax.evaluation.candidates import unit_rows
  from cosam_jax.evaluation.linking_space import Space, fit_space

  for seed in range(2):
    order = np.random.default_rng(seed).permutation(np.unique(people))
    for half in (order[: len(order) // 2], order[len(order) // 2 :]):
      rows = np.isin(people, half)
      fitted = ~rows
      if most is not None:
        rows = np.isin(people, np.random.default_rng(seed).permutation(half)[:most])
      if way == AS_THEY_ARE:
        placed = unit_rows(vectors[rows]).astype(np.float32)
      else:
        space = fit_space(vectors[fitted], people[fitted], cameras[fitted])
        if way == CENTRED:
          space = Space(space.centre, np.eye(len(space.centre), dtype=np.float32))
        placed = space.placed(vectors[rows], cameras[rows])
      yield placed, people[rows]


def best_cut(
  vectors, people, cameras, way: str, kind: str, most: int | None = None
) -> tuple[float, float]:
  """The cut with the largest mean B-cubed F over halves of the people, and that F."""
  from cosam_jax.evaluation.link_curve import link_curve
  from cosam_jax.evaluation.linking_space import LinkDistances

  curves = [
    link_curve(LinkDistances(placed, kind).among(np.arange(len(who))), who)
    for placed, who in halves(vectors, people, cameras, way, most)
  ]
  cuts = np.quantile(np.concatenate([curve.heights for curve in curves]), np.linspace(0, 1, 400))
  means = np.mean([curve.f_at(cuts) for curve in curves], axis=0)
  return float(cuts[np.argmax(means)]), float(means.max())


def stitching(path: pathlib.Path, calibration, crowd: float, gap: float = 2.0) -> str:
  """Cuts tracklets of two clips in two, and joins the pieces.

  Times are drawn: a piece lasts 4 seconds, a second is lost between the two, and `crowd` pieces of
  others begin in the same camera within the gap, on average.
  """
  from cosam_jax.evaluation.clustering_numbers import agreement
  from cosam_jax.evaluation.embeddings import read_embeddings
  from cosam_jax.evaluation.forbidden_pairs import Whereabouts
  from cosam_jax.evaluation.stitching import stitched

  found = read_embeddings(path)
  known_rows = np.array([found.seen(row).known for row in range(len(found.vectors))])
  two = np.flatnonzero((np.bincount(found.clip_owners) == 2) & known_rows)
  clips = np.flatnonzero(np.isin(found.clip_owners, two))
  owners = found.clip_owners[clips]
  cameras = found.cameras[owners]
  rng, starts = np.random.default_rng(0), np.zeros(len(found.vectors))
  for camera in np.unique(cameras):
    rows = two[found.cameras[two] == camera]
    starts[rows] = rng.uniform(0, 2 * len(rows) * gap / crowd, len(rows))
  second = np.append(False, owners[1:] == owners[:-1])
  begins = starts[owners] + 5.0 * second
  seen = Whereabouts(cameras, np.zeros(len(clips), int), begins, begins + 4.0)
  placed = calibration.space.placed(found.clip_vectors[clips], cameras)
  groups, joins = stitched(placed, seen, calibration.stitch["cut"], gap)
  right = sum(owners[first] == owners[then] for first, then, _ in joins)
  numbers = agreement(owners, groups)
  return (
    f"{crowd:g} others: {len(two):,} tracklets cut, {len(joins):,} joins, of which "
    f"{right / max(len(joins), 1):.3f} right, {right / len(two):.3f} of the cuts mended; B-cubed F "
    f"{numbers.bcubed_f:.3f}"
  )


def chances(placed: np.ndarray, people: np.ndarray, calibration, kind: str) -> list[str]:
  """How many links of each stated chance were right."""
  from cosam_jax.evaluation.link_curve import link_curve
  from cosam_jax.evaluation.linking_space import LinkDistances

  known_kind = calibration.kinds[kind]
  curve = link_curve(LinkDistances(placed, kind).among(np.arange(len(people))), people)
  made = curve.heights <= known_kind.cut
  stated = np.array([known_kind.chance(height) for height in curve.heights[made]])
  right = curve.right[made]
  lines = [f"{(1 - stated).sum():.0f} of {made.sum():,} expected wrong, {(~right).sum()} were"]
  for low, high in ((0.97, 1), (0.9, 0.97), (0.7, 0.9), (0.5, 0.7), (0, 0.5)):
    some = (stated >= low) & (stated < high)
    if some.any():
      lines.append(
        f"  {low} to {high}: {some.sum()} links, stated {stated[some].mean():.3f}, "
        f"right {right[some].mean():.3f}"
      )
  return lines


def drawn(count: int) -> str:
  """Links tracklets of drawn people within 200 MiB of tables."""
  from cosam_jax.evaluation.clustering_numbers import agreement
  from cosam_jax.evaluation.linking import link
  from cosam_jax.evaluation.linking_space import LinkDistances

  rng, people = np.random.default_rng(0), np.arange(count) // 10
  vectors = rng.standard_normal((count // 10 + 1, 64))[people]
  vectors += 0.6 * rng.standard_normal((count, 64))
  vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
  start = time.perf_counter()
  found = link(LinkDistances(vectors.astype(np.float32)), 0.5, most_bytes=200 << 20)
  seconds = time.perf_counter() - start
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
  return (
    f"{count:,} drawn tracklets: {seconds:.0f} s, the process took {peak:.0f} MiB at most, "
    f"B-cubed F {agreement(people, found.groups).bcubed_f:.4f}"
  )


def main() -> None:
  """Prints the table, and with --json writes it."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--calibration", type=pathlib.Path)
  parser.add_argument("--test", type=pathlib.Path)
  parser.add_argument("--resamples", type=int, default=10_000)
  parser.add_argument("--stitching", action="store_true")
  parser.add_argument(
    "--ways", action="store_true", help="compare ways on the calibration's people"
  )
  parser.add_argument("--json", type=pathlib.Path)
  parser.add_argument("--drawn", type=int, help="link so many drawn tracklets instead")
  options = parser.parse_args()
  if options.drawn:
    print(drawn(options.drawn))
    return
  if not options.calibration or not options.test:
    parser.error("give --calibration and --test, or --drawn")

  from cosam_jax.evaluation.candidates import unit_rows
  from cosam_jax.evaluation.clustering_numbers import agreement, agreement_intervals
  from cosam_jax.evaluation.link_calibration import calibrate_links
  from cosam_jax.evaluation.linking import link
  from cosam_jax.evaluation.linking_space import LinkDistances

  first, test = known(options.calibration), known(options.test)
  if set(first[1].tolist()) & set(test[1].tolist()):
    print("note: some numbers of people occur in both files; they must be different people")
  start = time.perf_counter()
  calibration = calibrate_links(*first, network={}, data={}, resamples=100)
  print(f"calibrated in {time.perf_counter() - start:.0f} s on {len(first[1]):,} tracklets")
  placed = calibration.space.placed(test[0], test[2])
  ways = [("as they are, cosine", unit_rows(test[0]).astype(np.float32), "plain",
           best_cut(*first, AS_THEY_ARE, "plain")[0])]  # fmt: skip
  ways += [
    (f"in the space, {kind}", placed, kind, found.cut) for kind, found in calibration.kinds.items()
  ]
  records = []
  for name, vectors, kind, cut in ways:
    start = time.perf_counter()
    groups = link(LinkDistances(vectors, kind), cut).groups
    seconds = time.perf_counter() - start
    found = agreement(test[1], groups)
    intervals = agreement_intervals(test[1], groups, resamples=options.resamples)
    records.append(
      {"way": name, "cut": cut, "seconds": seconds, **dataclasses.asdict(found)}
      | {"intervals": intervals}
    )
    print(f"\n{name}, cut {cut:.4f}, {seconds:.1f} s")
    for number, (low, high) in intervals.items():
      print(f"  {number:<20} {getattr(found, number):.3f} ({low:.3f} to {high:.3f})")
    print(f"  adjusted_rand        {found.adjusted_rand:.3f}")
    print(f"  {found.found} people found for {found.people}")
  for kind in calibration.kinds:
    print(
      f"\nlinks by stated chance, {kind}:", *chances(placed, test[1], calibration, kind), sep="\n"
    )
  for kind, one in calibration.kinds.items():
    print(
      f"\nchosen on the calibration's people, {kind}: B-cubed F {one.numbers['bcubed_f']:.3f}, "
      f"pairwise F {one.numbers['pairwise_f']:.3f}, {one.numbers['found']} found for "
      f"{one.numbers['people']}"
    )
  if options.ways:
    print("\nB-cubed F on halves of the calibration's people, average linkage, best cut:")
    for way in (AS_THEY_ARE, CENTRED, IN_SPACE):
      for kind in ("plain", "neighbours"):
        cut, best = best_cut(*first, way, kind)
        print(f"  {way}, {kind}: {best:.3f} at {cut:.3f}")
    for most in (20, 40, 80):
      for kind in ("plain", "neighbours"):
        cut, best = best_cut(*first, IN_SPACE, kind, most)
        print(f"  {most} people, {IN_SPACE}, {kind}: {best:.3f} at {cut:.3f}")
  if options.stitching:
    print(f"\nstitching within a cosine distance of {calibration.stitch['cut']:.4f}, times drawn")
    for crowd in (1, 5, 20):
      print(stitching(options.test, calibration, crowd))
  if options.json:
    options.json.write_text(json.dumps(records, indent=1) + "\n")


if __name__ == "__main__":
  main()
