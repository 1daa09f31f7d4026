"""A sweep on MARS, as folders of results."""

import pytest
from poster_results import PLAIN, record, write

from cosam_jax.reports.poster_rows import BEST_ROW


@pytest.fixture
def mars(tmp_path):
  """The best row with three seeds, also re-ranked, and a plain row with one, as on all of MARS."""
  for seed, mean in enumerate((79.0, 80.5, 81.0)):
    records = record((mean, 85.0 + seed)), record((mean + 7, 86.0), reranked=True)
    write(tmp_path, f"best{seed}", BEST_ROW, *records, seed=seed)
  write(tmp_path, "plain", PLAIN, record((75.123, 83.456)))
  return tmp_path
