"""Charts of arbitrary names."""

from cosam_jax.reports.charts import draw_chart, mark


def test_names_on_axes_are_text_and_short(tmp_path):
  assert [mark(name) for name in ("gate", 7, "b\udce9\n")] == ["gate", "7", r"b\udce9\n"]
  assert mark("a" * 24) == "a" * 24
  long = mark("camera " + "x" * 240 + " 17")
  assert (len(long), long[:11], long[-3:]) == (24, "camera x...", " 17")
  names = ["b\udce9" * 99, "-" * 255, "a\n$x_{$"]
  chart = draw_chart(
    tmp_path, "cameras", "Cameras", "Odd.", {"camera": names},
    lambda axes: axes.set_xticks(range(3), [mark(name) for name in names]),
  )  # fmt: skip
  text = (tmp_path / "figures" / "cameras.svg").read_text()
  assert r"a\n$x_{$" in text
  assert chart.files["csv"] == "figures/cameras.csv"
