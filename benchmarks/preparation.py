"""Preparation at full scale: frames packed a second, and memory, with a kill in between.

  python benchmarks/preparation.py --info=../shared/data/mars_info --directory=/tmp/preparation

Draws a different small JPEG for each frame that the official MARS index uses (of the training
tracklets only the part --fraction), prepares the set in a process that is killed at a random
moment, starts it again, and reads frames of the prepared set at random. Existing frames are kept
from one call to the next. Prints a line for each of these steps.
"""

import argparse
import io
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import PIL.Image
import scipy.io
import tqdm

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PREPARE = """
import sys
from cosam_jax.data import builders
builders.prepare("mars", sys.argv[1], sys.argv[2])
"""
PICTURES = 256


def take_index(info: pathlib.Path, target: pathlib.Path, fraction: float) -> None:
  """Copies the index, with only the first part of the training tracklets."""
  target.mkdir(parents=True, exist_ok=True)
  for name in ("train_name.txt", "test_name.txt", "query_IDX.mat"):
    shutil.copy(info / name, target / name)
  for part, key in (("train", "track_train_info"), ("test", "track_test_info")):
    rows = scipy.io.loadmat(info / f"tracks_{part}_info.mat")[key]
    if fraction < 1 and part == "train":
      rows = rows[: max(8, int(len(rows) * fraction))]
    scipy.io.savemat(target / f"tracks_{part}_info.mat", {key: rows})


def draw_frames(root: pathlib.Path) -> tuple[int, int]:
  """Writes a picture of 128 x 256 for each frame that the tables use; returns count and bytes."""
  from cosam_jax.data import load_dataset

  rng = np.random.default_rng(0)
  bodies = []
  for _ in range(PICTURES):
    coarse = rng.integers(0, 256, (16, 8, 3), dtype=np.uint8)
    stream = io.BytesIO()
    smooth = PIL.Image.fromarray(coarse).resize((128, 256), PIL.Image.Resampling.BICUBIC)
    smooth.save(stream, "JPEG")
    bodies.append(stream.getvalue())
  tables = load_dataset("mars", root, check_files=False)
  count = size = 0
  for table in (tables.train, tables.query, tables.gallery):
    for row in tqdm.trange(len(table), unit="tracklet", desc="draw", leave=False):
      for frame in table.frame_ids(row).tolist():
        path = table.frames.name(frame)
        # A comment with the frame's name makes each file different.
        note = os.path.basename(path).encode()
        body = bodies[count % PICTURES]
        data = body[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + body[2:]
        count, size = count + 1, size + len(data)
        if not os.path.exists(path):
          os.makedirs(os.path.dirname(path), exist_ok=True)
          with open(path, "wb") as file:
            file.write(data)
  return count, size


class Watched:
  """A process that prepares; its memory is measured four times a second."""

  def __init__(self, source: pathlib.Path, target: pathlib.Path):
    self._began = time.monotonic()
    self.process = subprocess.Popen(
      [sys.executable, "-c", PREPARE, source, target], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    self.memory: list[tuple[float, float]] = []  # Seconds since the start, MiB.

  def running(self) -> bool:
    """Measures once; returns whether the process still runs."""
    time.sleep(0.25)
    if self.process.poll() is not None:
      return False
    pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
    self.memory.append((self.seconds, pages * os.sysconf("SC_PAGE_SIZE") / 2**20))
    return True

  @property
  def seconds(self) -> float:
    """Seconds since the start."""
    return time.monotonic() - self._began

  def flatness(self) -> dict[str, float]:
    """Mean MiB over the second and over the last quarter of the time of packing, and the most."""
    values = np.array([mib for _, mib in self.memory])
    quarter = len(values) // 4
    return {
      "mib_second_quarter": round(float(values[quarter : 2 * quarter].mean())),
      "mib_last_quarter": round(float(values[-quarter:].mean())),
      "mib_most": round(float(values.max())),
    }


def shard_times(target: pathlib.Path) -> dict[str, float]:
  """Name of each shard of an unfinished set -> the time when it was written."""
  return {
    path.name: path.stat().st_mtime
    for path in target.glob("mars/shards.*/*")
    if path.suffix != ".partial"
  }


def report(what: str, **figures: object) -> None:
  """Prints a line of figures."""
  print(json.dumps({"what": what, **figures}), flush=True)


def main() -> None:
  """Runs all steps."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--info", type=pathlib.Path, default=ROOT.parent / "shared/data/mars_info")
  parser.add_argument("--directory", type=pathlib.Path, default=pathlib.Path("/tmp/preparation"))
  parser.add_argument("--fraction", type=float, default=1.0, help="of the training tracklets")
  parser.add_argument("--kill_after", type=float, help="shards; default: drawn, 1/5 to 4/5 of all")
  parser.add_argument("--reads", type=int, default=20_000)
  options = parser.parse_args()
  source, target = options.directory / "mars", options.directory / "prepared"
  shutil.rmtree(target, ignore_errors=True)
  take_index(options.info, source / "info", options.fraction)
  began = time.monotonic()
  count, size = draw_frames(source)
  report("frames", frames=count, mib=size >> 20, seconds=round(time.monotonic() - began))

  from cosam_jax.data import builders, load_dataset, shards

  all_shards = -(-count // shards.FRAMES)
  wanted = options.kill_after or random.uniform(0.2, 0.8) * all_shards
  first = Watched(source, target)
  while first.running() and len(shard_times(target)) < wanted:
    pass
  time.sleep(random.uniform(0, 1))
  first.process.send_signal(signal.SIGKILL)
  first.process.wait()
  before = shard_times(target)
  report("killed", seconds=round(first.seconds), finished_shards=len(before), of=all_shards)

  second = Watched(source, target)
  packing_from = None
  while second.running():
    if packing_from is None and len(shard_times(target)) > len(before):
      packing_from = second.seconds
      kept = {name: when for name, when in shard_times(target).items() if name in before}
      assert kept == before, "a finished shard was written again"
  assert second.process.returncode == 0
  left = count - len(before) * shards.FRAMES
  report("restarted", seconds=round(second.seconds), packed_frames=left,
         seconds_until_first_new_shard=round(packing_from or 0),
         frames_per_second=round((left - shards.FRAMES) / (second.seconds - (packing_from or 0))),
         **second.flatness())  # fmt: skip
  packed_at = {
    path.stat().st_ino: path.stat().st_mtime for path in target.glob("mars/*/*.array_record*")
  }
  report("kept", shards=sum(when in before.values() for when in packed_at.values()))

  tables = builders.load_prepared("mars", target)
  rng = random.Random(0)
  store = tables.train.frames
  numbers = [rng.randrange(len(store)) for _ in range(options.reads)]
  began = time.monotonic()
  for number in numbers:
    store.read(number)
  rate = options.reads / (time.monotonic() - began)
  direct = load_dataset("mars", source, check_files=False).train
  rows = np.repeat(np.arange(len(direct)), direct.lengths)
  first_of = np.cumsum(direct.lengths) - direct.lengths
  for number in numbers[:2000]:
    row = rows[number]
    frame = int(direct.frame_ids(row)[number - first_of[row]])
    assert direct.frames.read(frame) == store.read(number)
  report("read at random", reads=options.reads, per_second=round(rate), compared_with_files=2000)


if __name__ == "__main__":
  main()
