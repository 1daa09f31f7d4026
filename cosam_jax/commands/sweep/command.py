"""`--sweep` and `--mode=tables` on the command line: their flags, and what is refused."""

import pathlib
from collections.abc import Sequence

from absl import flags
from ml_collections import ConfigDict

from cosam_jax.commands.sweep.plan import SWEEP_FLAGS, parse_seeds, plan
from cosam_jax.errors import InputError
from cosam_jax.reports.poster_rows import SWEEPS


def define_flags() -> None:
  """Registers the flags of sweeps."""
  place = "cosam_jax"
  flags.DEFINE_enum(
    "sweep",
    None,
    list(SWEEPS),
    "Run every row of a table of the poster that is not done, each in a folder of its own under "
    "--workdir.",
    module_name=place,
  )
  flags.DEFINE_string(
    "sweep_row",
    None,
    "Of --sweep, only this run: its number or name, as --dry_run lists them, or a row's name for "
    "all its runs.",
    module_name=place,
  )
  flags.DEFINE_string(
    "seeds",
    None,
    "Of --sweep: seeds of each row's repetitions, such as 0,1,2; without, the configuration's own.",
    module_name=place,
  )
  flags.DEFINE_bool(
    "dry_run",
    False,
    "Of --sweep: list the runs with state, estimated time and command, and run nothing.",
    module_name=place,
  )


def check_flags(mode: str) -> None:
  """Refuses flags that would do nothing, and a sweep without a place."""
  values = flags.FLAGS
  if values.sweep is None:
    for name in SWEEP_FLAGS:
      if values[name].value:
        raise InputError(
          f"--{name} belongs to --sweep, which is missing: give one of {', '.join(SWEEPS)}"
        )
  elif mode != "train":
    raise InputError(f"--sweep trains and evaluates: leave out --mode={mode}")
  if values.sweep is not None and values.workdir is None:
    raise InputError("--workdir is missing: give a directory for the sweep's runs")


def sweep(config: ConfigDict, arguments: Sequence[str]) -> None:
  """Runs, or with --dry_run lists, the rows that the flags ask for.

  Args:
    config: what every row shares, checked.
    arguments: the command line's.
  """
  from cosam_jax.commands.sweep.runner import Sweep

  values = flags.FLAGS
  seeds = None if values.seeds is None else parse_seeds(values.seeds)
  jobs = plan(config, values.sweep, seeds=seeds, only=values.sweep_row, arguments=arguments)
  runs = Sweep(config, pathlib.Path(values.workdir), jobs, arguments)
  if values.sweep in ("attributes", "all") and not config.evaluation.attributes_file:
    print(
      "note: without --attributes_file the rows of the attributes' table are trained and evaluated "
      "for everybody, and the table stays empty"
    )
  if values.dry_run:
    print(runs.describe())
  else:
    runs.run()


def tables() -> None:
  """Prints the tables of a sweep's workdir and writes them to its folder `tables`."""
  from cosam_jax.reports.poster_tables import write_tables

  values = flags.FLAGS
  if values.workdir is None:
    raise InputError("--workdir is missing: give the directory of a sweep")
  print(write_tables(values.workdir, allow_mixed_protocols=values.allow_mixed_protocols))
