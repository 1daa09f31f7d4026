"""What a run has written into its workdir."""

import json

from cosam_jax.training.scalars import read_scalars


def losses(workdir) -> list[tuple[int, float]]:
  """(step, loss) of each row of scalars.jsonl."""
  return [(row["step"], row["loss"]) for row in read_scalars(workdir / "scalars.jsonl")]


def results(workdir) -> dict:
  """The contents of results.json."""
  return json.loads((workdir / "results.json").read_text())
