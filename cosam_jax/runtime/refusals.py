"""Errors that a user can fix: one line on the terminal, and an exit status."""

import sys
from collections.abc import Callable

from cosam_jax.errors import InputError, Preempted, TryLaterError
from cosam_jax.runtime.full_disk import is_full, is_limited
from cosam_jax.runtime.stop_requests import INTERRUPTED, STOPPED, in_words, status_after


def status_of(work: Callable[[], int | None]) -> int:
  """Does `work`, and prints user-fixable errors in one line.

  Returns:
    The exit status: the one that `work` returns, 0 for None; 2 for an error that a user can fix; 75
    if the same command continues later; 130 after Ctrl-C.
  """
  try:
    return work() or 0
  except InputError as error:
    refuse(str(error))
    return STOPPED if isinstance(error, TryLaterError) else 2
  except OSError as error:
    name = error.filename2 or error.filename  # If a renaming failed, this is the new name.
    place = f" ({name})" if name else ""
    way_out = "make it usable, or give another place"
    if is_full(error):
      way_out = "make room"
    if is_limited(error):
      way_out = "raise the limit on the size of files (ulimit -f), or give another place"
    return refuse(f"{error.strerror or error}{place}: {way_out}, and run the same command again")
  except Preempted as request:
    where = str(request) or "outside the training steps, where nothing was to be saved"
    said = f"stopped by {in_words(request.by)} {where}: the same command goes on"
    print(said, file=sys.stderr, flush=True)
    return status_after(request.by)
  except KeyboardInterrupt:
    said = "stopped by Ctrl-C before the end: the same command does what is left to do"
    print(said, file=sys.stderr, flush=True)
    return INTERRUPTED


def refuse(sentence: str) -> int:
  """Prints the one line of a refusal; returns the exit status."""
  print("error: " + str(InputError(" ".join(sentence.split()))), file=sys.stderr)
  return 2
