"""`--mode=tables`: a sweep's tables; different protocols stand together only if they may."""

import calls
import pytest
from poster_results import PLAIN, record, write

from cosam_jax.errors import InputError
from cosam_jax.reports.poster_rows import BEST_ROW


def test_tables_are_written_into_the_sweeps_folder_and_printed(tmp_path, capsys):
  write(tmp_path, "plain", PLAIN, record((75.123, 83.456)))
  calls.run("tables", None, tmp_path)
  out = capsys.readouterr().out
  assert "75.12" in out
  assert "83.46" in out
  assert "75.12" in (tmp_path / "tables" / "positions.md").read_text()


def test_fields_that_train_no_other_network_are_not_told(tmp_path):
  """The command knows which fields those are; the tables alone do not."""
  for name, row, worst in (("plain", PLAIN, 9), ("best", BEST_ROW, 3)):
    write(tmp_path, name, row, record((70.0, 80.0)), **{"report.worst": worst})
  calls.run("tables", None, tmp_path)
  assert "rows differ" not in (tmp_path / "tables" / "positions.md").read_text()
  write(tmp_path, "best", BEST_ROW, record((70.0, 80.0)), **{"train.epochs": 3})
  calls.run("tables", None, tmp_path)
  assert "rows differ in train.epochs" in (tmp_path / "tables" / "positions.md").read_text()


def test_different_protocols_need_the_flag(tmp_path):
  write(tmp_path, "plain", PLAIN, record((70.0, 80.0)))
  write(tmp_path, "best", BEST_ROW, record((75.0, 85.0), distance="cosine"))
  with pytest.raises(InputError, match="different protocols"):
    calls.run("tables", None, tmp_path)
  assert not (tmp_path / "tables").exists()
  calls.run("tables", None, tmp_path, allow_mixed_protocols=True)
  assert "cosine" in (tmp_path / "tables" / "positions.md").read_text()
