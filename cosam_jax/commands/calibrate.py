"""`--mode=calibrate`: thresholds with stated error rates, from labelled tracklets."""

import pathlib

from cosam_jax.commands.call import Call
from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibration import Wishes
from cosam_jax.evaluation.calibration_names import OTHER_CAMERAS, is_rate
from cosam_jax.experiment.calibrating import calibrate_file, calibrate_run, check_on_others


def run(call: Call) -> None:
  """Runs the mode."""
  flags = call.flags
  wishes, allowed = wishes_of(call), bool(flags["allow_test_people"])
  if flags["embeddings"] is None:
    with call.holding_workdir():
      calibrate_run(
        call.run_config,
        call.folder,
        wishes,
        people=flags["people"],
        allow_test=allowed,
        arguments=call.arguments,
      )
    return
  if flags["people"] is not None:
    raise InputError(
      "--people is about a run's data set, and --embeddings are of certain people already: leave "
      "one of them out"
    )
  with call.holding_place_of(flags["embeddings"]):
    if flags["calibration"] is not None:
      check_on_others(
        pathlib.Path(flags["embeddings"]),
        pathlib.Path(flags["calibration"]),
        wishes,
        workdir=call.workdir,
      )
      return
    calibrate_file(
      pathlib.Path(flags["embeddings"]),
      wishes,
      config=call.config,
      workdir=call.workdir,
      allow_test=allowed,
      arguments=call.arguments,
    )


def wishes_of(call: Call) -> Wishes:
  """What the flags ask for; InputError for a prior that is none, or a rate given twice."""
  flags = call.flags
  prior = flags["prior"]
  if prior is not None and not is_rate(prior):
    raise InputError(f"--prior is {prior!r}: it must be a number above 0 and below 1")
  for name in ("fmr", "fpir"):
    rates = [float(text) for text in flags[name]]
    if twice := [rate for rate in rates if rates.count(rate) > 1]:
      raise InputError(f"--{name} has {twice[0]:g} more than once: give each rate once")
  return Wishes(
    fmr=tuple(float(text) for text in flags["fmr"]),
    fpir=tuple(float(text) for text in flags["fpir"]),
    rank=flags["rank"],
    prior=None if prior is None else float(prior),
    compared=flags["comparisons"] or OTHER_CAMERAS,
    resamples=flags["resamples"],
  )
