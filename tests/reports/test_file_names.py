"""Odd names of tracklets in file names and charts."""

import csv
import pathlib

from cosam_jax.reports.charts import draw_chart
from cosam_jax.reports.file_names import MOST_BYTES, file_name

ODD = "caf\udce9\x1b\u202e $x_1$"


def test_a_file_name_is_short_enough_and_tells_names_apart(tmp_path):
  assert file_name("0025C1T0002") == "0025C1T0002"
  assert file_name("a/b .c\0\udce9") == "a-b-c-"
  assert file_name("人_é") == "人_é"
  long = ["x" * 300 + end for end in "ab"] + ["人" * 150, "人" * 151]
  names = [file_name(name) for name in long]
  assert len(set(names)) == 4
  for name in names:
    assert 100 < len(name.encode()) <= MOST_BYTES
    (tmp_path / f"01_{name}_clip0_cosam_4_5.png").touch()


def test_a_chart_takes_names_that_are_no_text(tmp_path):
  def plot(axes):
    axes.plot([0, 1], label=ODD.replace("\udce9", ""))
    axes.set_xticks([0, 1], ["a$b", "$c"])
    axes.legend()

  chart = draw_chart(tmp_path, "odd", "Odd", ODD, {"name": [ODD], "x": [1]}, plot)
  with (tmp_path / chart.files["csv"]).open(encoding="utf-8", newline="") as file:
    assert list(csv.reader(file)) == [["name", "x"], ["caf\\udce9\\x1b\\u202e $x_1$", "1"]]
  assert "a$b" in pathlib.Path(tmp_path / chart.files["svg"]).read_text(encoding="utf-8")
