"""The gain of a prepared data set over its directory: times training batches from both, in turn.

  python benchmarks/packed.py --config=configs/mars.py --data_dir=../shared/data/mars8 \
    --directory=/tmp/packed --config.clips.image_size='(256,128)'

Prepares the set in --directory if it does not exist yet. Then reads batches of the directory and of
the prepared set in turns; they are the same bit for bit. Cold turns begin with an empty page cache,
which only root can empty; without that right they are left out, and a line says so.
"""

import pathlib
import statistics
import sys
import time

from absl import app, flags
from ml_collections import config_flags

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cosam_jax.commands import config_flags as command_config  # noqa: E402
from cosam_jax.experiment import config as config_rules  # noqa: E402
from cosam_jax.experiment import configurations  # noqa: E402

_CONFIG = config_flags.DEFINE_config_file("config", None, "The experiment's file.")
_DIRECTORY = flags.DEFINE_string("directory", "/tmp/packed", "Where the prepared set lies.")
_TURNS = flags.DEFINE_integer("turns", 5, "Turns of each.", lower_bound=2)
_BATCHES = flags.DEFINE_integer("batches", 60, "Batches in a turn.", lower_bound=2)
command_config.define_overrides()
flags.mark_flag_as_required("config")
DROP_CACHES = pathlib.Path("/proc/sys/vm/drop_caches")


def main(arguments: list[str]) -> None:
  """Prints a line for cold turns and one for warm turns."""
  del arguments
  from cosam_jax.commands.prepare import prepare

  values = {name: flags.FLAGS[name].value for name in command_config.CONFIG_FLAGS}
  config = command_config.apply_ablation_flags(_CONFIG.value, values)
  config.data.prepared_dir = _DIRECTORY.value
  prepare(config)  # Ends at once if the set exists.
  for cold in (True, False):
    kind = "cold" if cold else "warm"
    if cold and not _emptied():
      print("cold: left out, since only root can empty the page cache")
      continue
    rates: dict[str, list[float]] = {"directory": [], "prepared": []}
    for _ in range(_TURNS.value):
      for source, found in rates.items():
        found.append(_rate(config, source, cold))
    ratios = [b / a for a, b in zip(*rates.values(), strict=True)]
    medians = {source: statistics.median(found) for source, found in rates.items()}
    print(
      f"{kind}: {medians['directory']:.0f} images/s from the directory, {medians['prepared']:.0f} "
      f"prepared; ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
      flush=True,
    )


def _rate(config, source: str, cold: bool) -> float:
  """Images a second in a turn, which begins with opening the data set's frames."""
  from cosam_jax.data.pipeline import training_batches
  from cosam_jax.experiment.parts import pixels, read_tables, training_plan

  config.data.source = source
  resolved = config_rules.resolve(config)
  plan = training_plan(resolved, read_tables(resolved).train)
  if cold:
    _emptied()
  began = time.perf_counter()
  batches = iter(
    training_batches(
      plan,
      **pixels(resolved),
      last_step=_BATCHES.value,
    )
  )
  count = sum(plan.batch_clips * plan.num_frames for _ in batches)
  return count / (time.perf_counter() - began)


def _emptied() -> bool:
  """Empties the page cache; returns whether that was allowed."""
  try:
    DROP_CACHES.write_text("3")
  except OSError:
    return False
  return True


if __name__ == "__main__":
  app.run(main, flags_parser=lambda given: flags.FLAGS(configurations.with_path(given)))
