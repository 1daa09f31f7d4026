"""Sweeps whose runs are processes that only write results; another process can call these too."""

import json
import pathlib
import sys

import tiny

from cosam_jax.commands.sweep import runner
from cosam_jax.commands.sweep.plan import Job, configuration
from cosam_jax.reports.poster_rows import Row
from cosam_jax.reports.results import write_results

IMPORTS = f"import sys; sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})\n"
# These networks are in no table, but take only seconds.
JOBS = [Job(Row("resnet18", (), "tp", number), 0, None, {}) for number in (1, 2, 3)]
RECORD = {
  "label": "after training",
  "card": {"dataset": "synthetic"},
  "metrics": {"mAP": 0.5, "Rank-1": 0.25},
}


def finish(folder, config, **changes):
  """Writes the results of a finished run."""
  write_results(folder / "results.json", [RECORD | changes], {"step": 12, "config": config})


class Pretended(runner.Sweep):
  """A sweep whose runs are real processes, but only write the results of a finished run."""

  scripts: dict[str, str] = {}

  def command(self, job):
    config = configuration(tiny.config("data"), job)
    script = (
      f"{IMPORTS}import json, pathlib, pretended_sweep\n"
      f"folder = pathlib.Path({str(self._workdir / job.name)!r})\n"
      "(folder / 'begun').open('a').write('x')\n"
      f"{self.scripts.get(job.name, '')}\n"
      f"pretended_sweep.finish(folder, json.loads({json.dumps(config)!r}))"
    )
    return [sys.executable, "-c", script]
