"""Why a calibration's rates may be wrong, or are not supported by enough people."""

import math

from cosam_jax.data.sets.registry import data_set_of
from cosam_jax.evaluation.calibration import Calibration
from cosam_jax.evaluation.calibration_names import TEST_PEOPLE
from cosam_jax.evaluation.error_rates import smallest_claim


def warnings_of(calibration: Calibration) -> list[str]:
  """Sentences on why the rates may be wrong, or are not supported by enough people."""
  data, compared = calibration.data, calibration.comparisons
  found = []
  if data["learned"]:
    found.append(
      "the network was trained on these people, so all rates are too favourable: calibrate on "
      "people held out (config.data.validation_identities)"
    )
  if data["people"] == TEST_PEOPLE and not data_set_of(data["dataset"]).own:
    found.append("these are the test set's people, so no result on them says how well this works")
  unsupported = [f"{one.wished_fmr:g}" for one in calibration.points if not one.supported]
  if unsupported:
    found.append(
      f"{compared['people_pairs']:,} pairs of people cannot support a false match rate of "
      f"{' or '.join(unsupported)}: by the rule of 3 the smallest is {compared['smallest_fmr']:.2g}"
      f"{_wish('fmr', compared['smallest_fmr'])}"
    )
  searches = calibration.identification
  others = data["identities"] - searches["enrolled"]
  least = smallest_claim(others)
  unsupported = [
    f"{row['wished_fpir']:g}" for row in searches["at_fpir"] if row["wished_fpir"] < least
  ]
  if unsupported:
    found.append(
      f"{others:,} people who are not enrolled cannot support a false positive identification rate "
      f"of {' or '.join(unsupported)}: by the rule of 3 the smallest is {least:.2g}"
      f"{_wish('fpir', least)}"
    )
  if searches["rank"] > searches["enrolled"]:
    found.append(
      f"rank {searches['rank']} is beyond the {searches['enrolled']:,} people who are enrolled, so "
      "nobody is missed by rank: give a smaller --rank, or more people"
    )
  if calibration.network["vectors_hash"] is None:
    found.append(
      "the embeddings are of an earlier version, which did not note their weights in full, so "
      "nothing can check that the calibration is used with the same network: embed again"
    )
  return found


def _wish(flag: str, least: float) -> str:
  """The end of a sentence: the flag for a rate that is supported, rounded up to one digit."""
  unit = 10.0 ** math.floor(math.log10(least))
  rate = math.ceil(round(least / unit, 6)) * unit
  return f"; give --{flag}={rate:.1g}, or more people" if rate < 1 else "; give more people"
