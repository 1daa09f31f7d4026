"""A chart in three forms: as SVG for the page, as SVG and PNG files, and as its numbers.

In the page a chart takes its colours from the page's style, so that it is dark if the page is.
"""

import csv
import dataclasses
import html
import io
import pathlib
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cosam_jax.errors import printable
from cosam_jax.runtime.cache import settle_libraries

if TYPE_CHECKING:
  from matplotlib.axes import Axes

_LONGEST_MARK = 24  # Number of letters.

COLOURS = {
  "ink": ("#1f2328", "#e6edf3"),
  "faint": ("#59636e", "#a3adb8"),
  "grid": ("#d8dee4", "#363d46"),
  "paper": ("#ffffff", "#161b22"),
  "one": ("#0b62c4", "#6cb2ff"),
  "two": ("#b3470e", "#ff9d5c"),
  "three": ("#0c7a5b", "#4fd1a5"),
  "four": ("#7b3fc4", "#c9a2ff"),
}
"""Role -> its colours on a light and on a dark page; except for the grid, text and lines have a
contrast of 4.5 or more on the paper."""

SERIES = (("one", "-"), ("two", "--"), ("three", "-."), ("four", ":"))
"""Colour role and line style of a chart's first, second ... line; they differ in grey too."""


@dataclasses.dataclass(frozen=True)
class Chart:
  """A drawn chart.

  Attributes:
    name: its file name without ending.
    title: says what it shows.
    description: says the same, with numbers, to those who cannot see it.
    svg: an `<svg>` element for a page that defines `--ink` and the other roles.
    files: ending -> path below the report's folder.
  """

  name: str
  title: str
  description: str
  svg: str
  files: Mapping[str, str]


def light(role: str) -> str:
  """The colour of a role on a light page; drawing code uses these."""
  return COLOURS[role][0]


def draw_chart(
  directory: pathlib.Path,
  name: str,
  title: str,
  description: str,
  columns: Mapping[str, Sequence[Any]],
  plot: Callable[["Axes"], None],
  *,
  size: tuple[float, float] = (4.4, 2.7),
) -> Chart:
  """Draws a chart and writes `figures/NAME.svg`, `.png` and `.csv` below the report's folder.

  Args:
    directory: the report's folder.
    name, title, description: see `Chart`.
    columns: heading -> values that the chart shows; columns may differ in length.
    plot: draws onto the axes, in the colours of `light`.
    size: width and height in inches; a phone's page is about 3.7 inches wide.
  """
  settle_libraries()
  import matplotlib
  from matplotlib.backends.backend_agg import FigureCanvasAgg
  from matplotlib.figure import Figure

  folder = directory / "figures"
  folder.mkdir(parents=True, exist_ok=True)
  with matplotlib.rc_context(_style()), warnings.catch_warnings():
    # In the page and the SVG, text is text; in the PNG, a letter that the font lacks is a box.
    warnings.filterwarnings("ignore", message="Glyph .* missing from")
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    plot(axes)
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    figure.savefig(folder / f"{name}.png", dpi=160)
  (folder / f"{name}.svg").write_text(text.getvalue(), encoding="utf-8", errors="backslashreplace")
  with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file)
    writer.writerow(columns)
    longest = max((len(values) for values in columns.values()), default=0)
    for i in range(longest):
      row = [values[i] if i < len(values) else "" for values in columns.values()]
      writer.writerow([printable(value) if isinstance(value, str) else value for value in row])
  files = {ending: f"figures/{name}.{ending}" for ending in ("svg", "png", "csv")}
  return Chart(name, title, description, _inline(text.getvalue(), name, description), files)


def mark(name: object) -> str:
  """A name beside an axis or a point; a long one keeps its beginning and its end."""
  text = printable(str(name))
  return text if len(text) <= _LONGEST_MARK else f"{text[:8]}...{text[11 - _LONGEST_MARK :]}"


def _style() -> Any:
  return {
    "axes.edgecolor": light("faint"),
    "axes.labelcolor": light("ink"),
    "axes.facecolor": light("paper"),
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": light("paper"),
    "font.size": 9,
    "grid.color": light("grid"),
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.labelcolor": light("ink"),
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",  # Text stays text: it can be read, searched and copied.
    "svg.hashsalt": "cosam_jax",  # The same chart gives the same file.
    "text.color": light("ink"),
    "text.parse_math": False,  # A name may hold dollars.
    "xtick.color": light("faint"),
    "ytick.color": light("faint"),
  }


def _inline(svg: str, name: str, description: str) -> str:
  """The `<svg>` element alone, scalable, with a description, the page's colours and its own ids."""
  svg = svg[svg.index("<svg") :]
  svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
  for role, (colour, _) in COLOURS.items():
    svg = svg.replace(colour, f"var(--{role})")
  svg = re.sub(r"(font(?:-family)?: [^;\"]*?)'DejaVu Sans'[^;\"]*", r"\1sans-serif", svg)
  svg = re.sub(r'\bid="', f'id="{name}-', svg)
  svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
  head, rest = svg.split(">", 1)
  head = re.sub(r' (width|height)="[^"]*"', "", head)
  label = html.escape(description, quote=True)
  return f'{head} role="img" aria-label="{label}">{rest}'
