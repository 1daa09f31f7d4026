"""Checks a data set before hours are spent on it, and gives advice for each finding."""

import collections
import concurrent.futures
import dataclasses
import functools
import io
import itertools
import os
import re
import sys
from collections.abc import Iterator, Mapping

import numpy as np
import PIL.Image
import tqdm

from cosam_jax.data import expected
from cosam_jax.data.diagnosis import ERROR, NOTE, WARNING, Diagnosis, Finding
from cosam_jax.data.holdout import seen_by_several_cameras
from cosam_jax.data.listing import missing_frames, used_frames
from cosam_jax.data.repeated_pictures import picture_digest, repeated_pictures
from cosam_jax.data.sets.registry import PARTS, data_set_of
from cosam_jax.data.tracklets import FrameStore, JoinedFrames, Tables, TrackletTable
from cosam_jax.data.transforms import MAX_SCANS, undecodable_reason
from cosam_jax.data.upright import exif_orientation

_SHOWN = 5
_SCAN = b"\xff\xda"  # Where a scan of a JPEG begins.


def diagnose(
  tables: Tables, *, num_frames: int = 4, sample: int | None = None, progress: bool | None = None
) -> Diagnosis:
  """Checks counts, frames and protocol of a data set.

  Args:
    tables: as a reader returned them; read with `check_files=False` to have missing frames listed
      here instead of refused there.
    num_frames: frames of a clip; tracklets that are shorter, so that they repeat frames, are noted.
    sample: frames to decode, spread evenly over the data set; None decodes all, 0 none.
    progress: whether to show a bar while decoding; by default only on a terminal.

  Returns:
    A Diagnosis; `.errors` is empty when a run can start.
  """
  splits = {split: getattr(tables, split) for split in PARTS}
  counts = [
    f"{split}: {expected.counts(table)}, {table.total_frames:,} frames, cameras {_cameras(table)}"
    for split, table in splits.items()
  ]
  findings = [
    Finding(WARNING, warning, f"ignore it if that is meant, else {_way_out(tables, warning)}")
    for warning in tables.warnings
  ]
  findings += _protocol(tables, num_frames)
  listed = "correct the manifest" if tables.manifest else "unpack the data set again"
  decoded, frame_findings = _frames(splits, sample, progress, f"{listed}, or correct data_dir")
  counts.append(f"frames decoded: {decoded:,}")
  findings += frame_findings
  order = (ERROR, WARNING, NOTE)
  findings.sort(key=lambda finding: order.index(finding.severity))
  return Diagnosis(tables.name, tuple(counts), tuple(findings))


def _way_out(tables: Tables, warning: str) -> str:
  """The advice on a reader's warning for those who did not expect it."""
  counted = expected.check_counts(dataclasses.replace(tables, warnings=())).warnings
  if tables.manifest and warning in counted and data_set_of(tables.name).expected:
    return "give --dataset=folder, which compares no counts, or correct the manifest"
  if tables.manifest:
    return "correct the manifest"
  return "correct the folders" if data_set_of(tables.name).own else "unpack the data set again"


def _protocol(tables: Tables, num_frames: int) -> Iterator[Finding]:
  """Findings from the tables alone, on which training and evaluation would fail."""
  train, query, gallery = tables.train, tables.query, tables.gallery
  for split, table in (("train", train), ("query", query), ("gallery", gallery)):
    if not len(table):
      advice = f"add tracklets to {split}"
      if split == "query" and tables.manifest:
        # Its rows may have no query at all: queries are drawn of the people who are tested.
        advice = "give those who are tested tracklets of two cameras, or rows with the split query"
      yield Finding(ERROR, f"{split} has no tracklets", advice)
    short = np.flatnonzero(table.lengths < num_frames)
    if len(short):
      yield Finding(
        NOTE,
        f"{len(short):,} of {len(table):,} {split} tracklets have fewer than {num_frames} frames",
        "their clips repeat frames; choose a smaller num_frames if they are many",
        _examples(f"{table.names[i]} ({table.lengths[i]} frames)" for i in short),
      )
  identities, tracklets = np.unique(train.identities, return_counts=True)
  single = identities[tracklets == 1]
  if len(single):
    yield Finding(
      WARNING,
      f"{len(single):,} of {len(identities):,} training identities have a single tracklet",
      "all their clips in a batch come from it, so their positives are easy; add tracklets if you "
      "can",
      _examples(f"identity {train.numbering.identity(identity)}" for identity in single),
    )
  one_camera = np.setdiff1d(identities, seen_by_several_cameras(train))
  if len(one_camera):
    yield Finding(
      NOTE,
      f"{len(one_camera):,} of {len(identities):,} training identities are seen by one camera",
      "they teach nothing across cameras, and cannot be held out for validation",
      _examples(f"identity {train.numbering.identity(identity)}" for identity in one_camera),
    )
  pairs = set(zip(gallery.identities.tolist(), gallery.cameras.tolist()))
  seen_by = collections.defaultdict(set)
  for identity, camera in pairs:
    seen_by[identity].add(camera)
  asked = zip(query.identities.tolist(), query.cameras.tolist())
  lonely = [i for i, (who, camera) in enumerate(asked) if not seen_by[who] - {camera}]
  if lonely:
    every = len(lonely) == len(query)
    yield Finding(
      ERROR if every else WARNING,
      f"{len(lonely):,} of {len(query):,} queries have no match in the gallery from another camera",
      "no query can be scored: add gallery tracklets from other cameras"
      if every
      else "they are skipped and not counted; MARS itself has some",
      _examples(str(query.names[i]) for i in lonely),
    )


def _frames(
  splits: Mapping[str, TrackletTable], sample: int | None, progress: bool | None, absent: str
) -> tuple[int, list[Finding]]:
  """The number of decoded frames, and the findings; `absent` is the advice on missing ones."""
  store, used = _all_frames(list(splits.values()))
  missing = missing_frames(store, used)
  used[missing] = False
  chosen = np.flatnonzero(used)
  if sample is not None and sample < len(chosen):
    chosen = chosen[np.linspace(0, len(chosen) - 1, max(sample, 0)).astype(np.int64)]
  unreadable: list[str] = []
  seen, digests = [], bytearray()
  by_size: dict[tuple[int, int], list[int]] = collections.defaultdict(list)
  for frame, result in zip(chosen.tolist(), _decode_all(store, chosen, progress)):
    if isinstance(result, str):
      unreadable.append(f"{store.name(frame)}: {result}")
    else:
      by_size[result[0]].append(frame)
      seen.append(frame)
      digests += result[1]
  repeated = repeated_pictures(splits, store, np.array(seen, np.int64), bytes(digests))
  findings = _repeated(repeated, len(splits["query"]))
  if len(missing):
    findings.append(
      Finding(
        ERROR,
        f"{len(missing):,} of {len(missing) + int(used.sum()):,} frames are missing",
        absent,
        _examples(store.name(int(frame)) for frame in missing[:_SHOWN]),
      )
    )
  if unreadable:
    findings.append(
      Finding(
        ERROR,
        f"{len(unreadable):,} of {len(chosen):,} decoded frames cannot be read",
        "copy these files again or remove them, or have them skipped by the config",
        tuple(unreadable[:_SHOWN]),
      )
    )
  sizes = sorted(by_size, key=lambda size: -len(by_size[size]))
  if len(sizes) > 1:
    odd = sum(len(by_size[size]) for size in sizes[1:])
    findings.append(
      Finding(
        WARNING if odd * 10 < len(chosen) else NOTE,
        f"{odd:,} of {len(chosen):,} decoded frames are not {sizes[0][0]} wide and {sizes[0][1]} "
        f"high like most; there are {len(sizes)} sizes",
        "all are resized to the config's image_size; look at these if one size was expected",
        _examples(
          f"{size[0]}x{size[1]}: {len(by_size[size]):,}, first {store.name(by_size[size][0])}"
          for size in sizes[1:]
        ),
      )
    )
  return len(chosen), findings


def _all_frames(tables: list[TrackletTable]) -> tuple[JoinedFrames, np.ndarray]:
  """One store of all the tables' frames, and bool[f]: which of them a tracklet uses."""
  stores = tuple({id(table.frames): table.frames for table in tables}.values())
  used = [np.zeros(len(store), bool) for store in stores]
  for table in tables:
    used[[table.frames is store for store in stores].index(True)] |= used_frames(table)
  return JoinedFrames(stores), np.concatenate(used)


def _decode_all(
  store: FrameStore, frames: np.ndarray, progress: bool | None
) -> Iterator[tuple[tuple[int, int], bytes] | str]:
  """Size (width, height) and digest of each frame in turn, or the reason why it cannot be read."""
  shown = sys.stderr.isatty() if progress is None else progress
  decode = functools.partial(_decode, store)
  with (
    concurrent.futures.ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool,
    tqdm.tqdm(total=len(frames), desc="decoding", unit="frame", disable=not shown) as bar,
  ):
    # In pieces, so that a million frames do not become a million waiting tasks.
    for first in range(0, len(frames), 1024):
      for result in pool.map(decode, frames[first : first + 1024].tolist()):
        bar.update()
        yield result


def _repeated(found: Mapping[str, tuple[int, list[str]]], queries: int) -> list[Finding]:
  """Findings about the same picture in two places."""
  findings = []
  if "two people" in found:
    count, examples = found["two people"]
    findings.append(
      Finding(
        WARNING,
        f"{count:,} pictures stand under two identities",
        "one of the two is wrong, or both are one person: correct or remove them",
        tuple(examples),
      )
    )
  if "query and gallery" in found:
    count, examples = found["query and gallery"]
    findings.append(
      Finding(
        ERROR if 2 * count > queries else WARNING,
        f"{count:,} pictures are both in the query and, under another camera, in the gallery",
        "such a query finds its own picture, which measures nothing: take them out of one of both",
        tuple(examples),
      )
    )
  return findings


def _decode(store: FrameStore, frame: int) -> tuple[tuple[int, int], bytes] | str:
  try:
    data = store.read(frame)
    known = data.startswith((b"\xff\xd8", b"\x89PNG")) and data.count(_SCAN) <= MAX_SCANS
    if not known and (reason := undecodable_reason(data)):
      return reason
    with PIL.Image.open(io.BytesIO(data)) as image:
      image.verify()
    with PIL.Image.open(io.BytesIO(data)) as image:  # verify closes; only load decodes all of it.
      image.load()
      width, height = image.size
      size = (width, height) if exif_orientation(data) < 5 else (height, width)
      return size, picture_digest(image)
  except Exception as error:  # PIL raises OSError, SyntaxError, ValueError, struct.error, ...
    # The address of the BytesIO in PIL's message is of no use to a person.
    reason = re.sub(r" <_io\.BytesIO object at [^>]*>", "", str(error)).replace("\n", " ")
    return f"{type(error).__name__}: {reason}"


def _cameras(table: TrackletTable) -> str:
  names = [str(table.numbering.camera(camera)) for camera in np.unique(table.cameras)]
  return ", ".join(names) or "none"


def _examples(names: Iterator[str]) -> tuple[str, ...]:
  return tuple(itertools.islice(names, _SHOWN))
