"""Speed of live tracks: frames and vectors of tracks a second, with drawn weights and frames.

  python benchmarks/stream.py --backbone=osnet_x0_25 --cosam=none --tracks=16

In each step every track gets a frame. With --ask=1 all vectors are asked for after every step, as a
tracker needs them; with --ask=8, after every eighth. Weights do not change the speed. The first
steps, in which programs are compiled, do not count.
"""

import argparse
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cosam_jax.runtime import host_memory  # noqa: E402

if __name__ == "__main__":
  host_memory.settle()  # Before anything starts threads, as in `cosam_jax.main`.

import jax  # noqa: E402
import numpy as np  # noqa: E402

from cosam_jax.experiment.embedder import Embedder  # noqa: E402
from cosam_jax.experiment.network import Network  # noqa: E402
from cosam_jax.models import ReidNet  # noqa: E402
from cosam_jax.training.state import init_variables  # noqa: E402


def main() -> None:
  """Prints one line of figures."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--backbone", default="osnet_x0_25")
  parser.add_argument("--cosam", default="none", help="stages, such as 4,5, or none")
  parser.add_argument("--tracks", type=int, default=16)
  parser.add_argument("--steps", type=int, default=32, help="frames of each track in a turn")
  parser.add_argument("--turns", type=int, default=3)
  parser.add_argument("--ask", type=int, default=1, help="steps between asking for all vectors")
  parser.add_argument("--batch_clips", type=int, default=8)
  parser.add_argument("--crop", type=int, nargs=2, default=(250, 100), metavar=("H", "W"))
  parser.add_argument("--quality", action="store_true", help="weights frames by quality")
  options = parser.parse_args()
  stages = () if options.cosam == "none" else tuple(map(int, options.cosam.split(",")))
  model = ReidNet(
    backbone=options.backbone, cosam_stages=stages, temporal="tp", num_frames=4,
    image_size=(256, 128), num_classes=1,
  )  # fmt: skip
  embedder = Embedder(Network(model, init_variables(model, 0), {}, "drawn"))
  rng = np.random.default_rng(0)
  crops = rng.integers(0, 256, (64, *options.crop, 3), np.uint8)
  tracks = list(range(options.tracks))

  def turn(steps: int) -> int:
    """Passes frames through a new stream; returns the number of vectors that were asked for."""
    asked = 0
    live = embedder.stream(
      batch_clips=options.batch_clips, most_tracks=options.tracks, quality=options.quality
    )
    for step in range(1, steps + 1):
      live.add_many(tracks, [crops[(step * 7 + track) % 64] for track in tracks])
      if step % options.ask == 0:
        asked += len(live.vectors())
    return asked

  turn(4 * options.ask)
  seconds = []
  for _ in range(options.turns):
    began = time.perf_counter()
    asked = turn(options.steps)
    seconds.append(time.perf_counter() - began)
  median = statistics.median(seconds)
  print(
    f"{options.backbone}, cosam {options.cosam}, {options.tracks} tracks, vectors after every "
    f"{options.ask}: {options.tracks * options.steps / median:,.1f} frames/s, "
    f"{asked / median:,.1f} vectors of tracks/s (median of {options.turns} turns of "
    f"{options.steps} frames a track; {min(seconds):.2f} to {max(seconds):.2f} s), jax "
    f"{jax.__version__} on {jax.devices()[0].device_kind}"
  )


if __name__ == "__main__":
  main()
