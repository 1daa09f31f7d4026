"""`--mode=compare A B`: its flags, its two arguments, and what it leaves behind.

python -m cosam_jax.main --mode=compare runs/cosam/results.json runs/none/results.json
python -m cosam_jax.main --mode=compare 'runs/cosam_s*' 'runs/none_s*'
python -m cosam_jax.main --mode=compare runs/cosam/embeddings.npz runs/none/embeddings.npz
"""

import pathlib
from collections.abc import Sequence
from typing import Any

from absl import flags

from cosam_jax.errors import InputError
from cosam_jax.runtime.json_files import read_json

# Flag -> the modes that read it.
_READERS = {"allow_mixed_protocols": ("compare", "tables"), "resamples": ("compare",)}
COMPARE_FLAGS = tuple(_READERS)


def define_flags() -> None:
  """Registers the flags of comparisons."""
  flags.DEFINE_bool(
    "allow_mixed_protocols",
    False,
    "Of --mode=compare and --mode=tables: put results of different protocols side by side all the "
    "same, and mark them.",
    module_name="cosam_jax",
  )
  flags.DEFINE_integer(
    "resamples",
    10_000,
    "Of --mode=compare: how often people are drawn, 100 or more.",
    lower_bound=100,
    module_name="cosam_jax",
  )


def check_flags(mode: str) -> None:
  """Raises InputError where a flag is given that the mode does not read."""
  for name, readers in _READERS.items():
    if mode not in readers and flags.FLAGS[name].present:
      modes = " and ".join(f"--mode={reader}" for reader in readers)
      raise InputError(f"--{name} is for {modes}, and the mode is {mode}")


def compare(arguments: Sequence[str], workdir: str | None) -> None:
  """Prints a comparison and writes `comparison.json`.

  Args:
    arguments: the two sides; see `comparison.files_of`. Embeddings (.npz) are ranked first.
    workdir: where the file goes; None: the current folder.

  Raises:
    InputError: not two sides, results that cannot be compared, or somebody's file in the way.
  """
  from cosam_jax.reports import comparison, comparison_table
  from cosam_jax.reports.results import write_json

  if len(arguments) != 2:
    raise InputError(
      f"--mode=compare needs two sides and got {len(arguments)}: A and B, each a results.json or "
      "embeddings.npz, or several ('runs/cosam_s*' with quotes, or a,b,c)"
    )
  path = pathlib.Path(workdir or ".") / "comparison.json"
  _check_ours(path)
  record = comparison.compare(
    *map(comparison.files_of, arguments),
    read=_read,
    allow_mixed=flags.FLAGS.allow_mixed_protocols,
    resamples=flags.FLAGS.resamples,
  )
  record["sentences"] = comparison_table.verdicts(record)
  write_json(path, record)
  print(comparison_table.comparison_table(record))
  print(f"\nwritten to {path}")


def _check_ours(path: pathlib.Path) -> None:
  """Refuses to replace a comparison.json that is none of ours."""
  if not path.exists():
    return
  try:
    ours = "cosam" in read_json(path, "comparison", "move it away")["program"]
  except (InputError, KeyError, TypeError, IndexError):
    ours = False
  if not ours:
    raise InputError(
      f"{path} would be replaced, and this program did not write it: move it away, or say with "
      "--workdir where the comparison goes"
    )


def _read(path: pathlib.Path) -> dict[str, Any]:
  """A results file's content, or what ranking a file of embeddings gives."""
  if path.suffix == ".npz":
    # Only now the libraries that take seconds to load.
    from cosam_jax.experiment.saved_rankings import ranked_content

    return ranked_content(path)
  from cosam_jax.reports.results import read_results

  return read_results(path)
