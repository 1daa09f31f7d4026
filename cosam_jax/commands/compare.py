"""`--mode=compare A B`: compares two sides of results, and tests whether the difference is luck.

python -m cosam_jax.main --mode=compare runs/cosam/results.json runs/none/results.json
python -m cosam_jax.main --mode=compare 'runs/cosam_s*' 'runs/none_s*'
python -m cosam_jax.main --mode=compare runs/cosam/embeddings.npz runs/none/embeddings.npz
"""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from cosam_jax.commands.call import Call
from cosam_jax.errors import InputError
from cosam_jax.experiment.fields import alters_results
from cosam_jax.experiment.flat_config import complete
from cosam_jax.reports import comparison, comparison_table
from cosam_jax.reports.results import read_results, write_json
from cosam_jax.runtime.json_files import check_ours, read_json


def run(call: Call) -> None:
  """Runs the mode."""
  compare(
    call.words,
    call.workdir,
    allow_mixed=call.flags["allow_mixed_protocols"],
    resamples=call.flags["resamples"],
  )


def compare(
  arguments: Sequence[str],
  workdir: pathlib.Path | None,
  *,
  allow_mixed: bool = False,
  resamples: int = 10_000,
) -> None:
  """Prints a comparison and writes `comparison.json`.

  Args:
    arguments: the two sides; see `comparison.files_of`. Embeddings (.npz) are ranked first.
    workdir: the folder for the file; None: the current folder.
    allow_mixed: whether results of different protocols may be compared; they are then marked.
    resamples: how often people are drawn.

  Raises:
    InputError: there are not two sides, results cannot be compared, or a user's file is in the way.
  """
  if len(arguments) != 2:
    raise InputError(
      f"--mode=compare needs two sides and got {len(arguments)}: A and B, each a results.json or "
      "embeddings.npz, or several ('runs/cosam_s*' with quotes, or a,b,c)"
    )
  path = pathlib.Path(workdir or ".") / "comparison.json"
  check_ours(
    path,
    ("program", "comparisons"),
    "move it away, or say with --workdir where the comparison goes",
  )
  record = comparison.compare(
    *map(comparison.files_of, arguments),
    read=_read,
    deciding=_deciding,
    allow_mixed=allow_mixed,
    resamples=resamples,
  )
  record["sentences"] = comparison_table.verdicts(record)
  before = _sides(path)
  write_json(path, record)
  print(comparison_table.comparison_table(record))
  print(f"\nwritten to {path}")
  if before not in (None, _sides(path)):
    print(f"it replaces the comparison of {before}")


def _sides(path: pathlib.Path) -> str | None:
  """The files that a comparison is of, for people; None if there is no comparison."""
  if not path.exists():
    return None
  content = read_json(path, "comparison", "move it away")
  try:
    sides = [[about["file"] for about in content[side]] for side in comparison.SIDES]
    return " and ".join(", ".join(side) for side in sides)
  except (KeyError, TypeError):
    return "files that it does not name"


def _deciding(flat: Mapping[str, Any]) -> dict[str, Any]:
  """The fields of a saved configuration that may alter results."""
  return {name: value for name, value in complete(flat).items() if alters_results(name)}


def _read(path: pathlib.Path) -> dict[str, Any]:
  """The content of a results file; a file of embeddings is ranked for it."""
  if path.suffix == ".npz":
    # The libraries that take seconds to load are loaded only now.
    from cosam_jax.experiment.saved_rankings import ranked_content

    return ranked_content(path)
  return read_results(path)
