"""`--mode=sensitivity`: how results depend on distance, pooling and frames, from embeddings."""

import pathlib

from cosam_jax.commands.call import Call
from cosam_jax.errors import InputError
from cosam_jax.experiment.saved_rankings import show_sensitivity
from cosam_jax.runtime.text_numbers import whole_number


def run(call: Call) -> None:
  """Runs the mode."""
  numbers = first_frames(call.flags["first_frames"])
  path = pathlib.Path(call.flags["embeddings"])
  with call.holding_place_of(str(path)):
    show_sensitivity(path, call.workdir, numbers)


def first_frames(texts: list[str] | None) -> list[int] | None:
  """The numbers in `--first_frames`; None if it is not given; InputError for other texts."""
  if texts is None:
    return None
  numbers = [whole_number(text.strip()) for text in texts]
  found = [number for number in numbers if number is not None]
  if len(found) < len(numbers):
    raise InputError(
      f"--first_frames is {','.join(texts)!r}: it must be whole numbers with commas between them"
    )
  return found
