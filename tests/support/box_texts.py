"""Files of boxes as programs write them."""

from cosam_jax.data.box_files import BoxReading, read_boxes
from cosam_jax.data.boxes import Boxes


def read(tmp_path, text: str, encoding="utf-8", **reading) -> Boxes:
  """Reads a text from a file; `reading` are fields of `BoxReading`."""
  (tmp_path / "b.txt").write_bytes(text.encode(encoding))
  return read_boxes(tmp_path / "b.txt", BoxReading(**reading))


def lines(end, tracks=(1, 2), frames=range(1, 5), separator=",") -> str:
  """One line for each box of 30 x 60; it ends with the columns of `end(frame, track)`."""
  rows = [(f, t, 10 * t + f, 5, 30, 60, *end(f, t)) for f in frames for t in tracks]
  return "".join(separator.join(map(str, row)) + "\n" for row in rows)


RESULTS = lines(lambda f, t: (0.9, -1, -1, -1))
PLAIN = lines(lambda f, t: ())
TRUTH = lines(lambda f, t: (1, t, 0.5))
"""MOTChallenge's ground truth; track 1 is a person, 2 is not."""
