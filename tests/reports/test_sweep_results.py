"""Which results in a sweep's folders are rows of the poster's tables."""

import dataclasses

import pytest
from poster_results import PLAIN, blocks, record, write

from cosam_jax.errors import InputError
from cosam_jax.reports.own_rows import own_rows
from cosam_jax.reports.poster_rows import BEST_ROW, Row
from cosam_jax.reports.sweep_results import read_samples


def test_pages_and_other_evaluations_of_a_run_are_no_rows(mars):
  """A page's folder holds a copy of the results, even if the page is old or was moved."""
  before = blocks(mars)
  copies = ("plain/report", "best0/report", "moved_page")
  for folder in copies:
    write(mars, folder, PLAIN, record((1.0, 2.0)))
    (mars / folder / "index.html").write_text("")
  write(mars, "plain/evaluations/mars_official_step10", PLAIN, record((3.0, 4.0)))
  write(mars, "evaluations/mars_official", PLAIN, record((3.0, 4.0)))
  assert blocks(mars) == before
  alone = blocks(mars / "plain" / "evaluations")["positions", "mars"]  # Somebody names it.
  assert [line.ours["mAP"] for line in alone.lines if line.ours] == [pytest.approx(3.0)]
  with pytest.raises(InputError, match="has no results of the poster's networks"):
    read_samples(mars / "plain")


def test_what_is_no_rows_result_is_left_out_and_two_of_one_row_are_refused(tmp_path):
  with pytest.raises(InputError, match="no results of the poster's networks"):
    read_samples(tmp_path)
  write(tmp_path, "small", Row("resnet18", (4, 5), "tp"), record((1.0, 1.0)))
  write(tmp_path, "untrained", BEST_ROW, record((2.0, 2.0)), step=0)
  with pytest.raises(InputError, match="no results of the poster's networks"):
    read_samples(tmp_path)
  write(tmp_path / "deeper", "one", BEST_ROW, record((3.0, 3.0)))
  assert [sample.metrics["mAP"] for sample in read_samples(tmp_path)] == [3.0]
  write(tmp_path, "again", BEST_ROW, record((4.0, 4.0)))
  with pytest.raises(InputError, match=r"again.*one.*are both se_resnet50_cosam45_tp"):
    read_samples(tmp_path)


def test_masks_of_other_forms_are_no_rows(tmp_path):
  """Their networks would pass for the poster's; a run of any other name may state the fields."""
  rows = own_rows("own_masks", BEST_ROW.fields)
  for i, row in enumerate(rows):
    for seed in ("", "_seed1"):
      write(tmp_path, f"{row.name}{seed}", row, record((i, i)), seed=len(seed))
  assert {sample.path.parent.name for sample in read_samples(tmp_path)} == {
    BEST_ROW.name, f"{BEST_ROW.name}_seed1"
  }  # fmt: skip
  without = dataclasses.replace(BEST_ROW, cosam=(), form="no_erasing", more=(("clips.erase", 0.0),))
  for row in (without, dataclasses.replace(without, cosam=(4, 5), form="no_neck")):
    write(tmp_path, f"{row.name}_seed2", row, record((7.0, 7.0)), seed=2)
  assert len(read_samples(tmp_path)) == 2
  write(tmp_path / "apart", "mine", BEST_ROW, record((9.0, 9.0)), **{"model.summary": "order_free"})
  assert len(read_samples(tmp_path / "apart")) == 1
