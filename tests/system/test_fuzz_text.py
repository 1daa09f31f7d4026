"""Damaged and invented text: boxes, side files of runs, command lines; see `test_fuzz`."""

import contextlib
import io
import json
import random

import numpy as np
import pytest
from absl import flags
from fuzzing import SEED, WORDS, limited, mutated, outcome, tally

from cosam_jax.commands import config_flags, parsing
from cosam_jax.commands import flags as command_flags
from cosam_jax.commands.sensitivity import first_frames
from cosam_jax.commands.sweep.plan import parse_seeds
from cosam_jax.data.box_files import read_boxes
from cosam_jax.experiment.run_configuration import get_config
from cosam_jax.reports.results import read_results, terminal_table
from cosam_jax.runtime import command_line
from cosam_jax.training.scalars import read_scalars

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def box_texts() -> list[bytes]:
  """The same boxes as several programs write them."""
  rows = [(f, t, 10.5 * t + f, 5, 30, 60) for f in range(1, 9) for t in (1, 2, 3)]

  def text(end="", separator=",", head=""):
    lines = [separator.join(map(str, row)) + end for row in rows]
    return (head + "\n".join(lines) + "\n").encode()

  return [
    text(), text(",0.9,-1,-1,-1"), text(",1,1,0.5"), text(",0.8,0,-1"), text(separator="\t"),
    text(head="frame,id,x,y,w,h\n"), text(head="# boxes\n"), text(";1", ";").replace(b".", b","),
    text(" 0 0 0", " "), text(head="\ufeff"),
  ]  # fmt: skip


def test_boxes_are_read_or_refused(tmp_path):
  path, texts = tmp_path / "boxes.txt", box_texts()
  rng, outcomes = random.Random(SEED), []

  def read():
    boxes = read_boxes(path)
    assert len(boxes.frames) == len(boxes.tracks) == len(boxes.corners) > 0
    assert np.isfinite(boxes.corners).all()
    assert (boxes.corners[:, 2:] > 0).all()
    assert (boxes.lengths > 0).all()
    assert "\n" not in "".join((*boxes.told, *boxes.left_out))

  for _ in range(3000):
    path.write_bytes(mutated(rng.choice(texts), rng))
    outcomes.append(outcome(read))
  tally(outcomes, least=100)


def record(rng: random.Random) -> dict:
  """One evaluation as results.json holds it."""
  metrics = {name: rng.random() for name in ("mAP", "Rank-1", "Rank-5", "Rank-10", "Rank-20")}
  card = {
    "dataset": "mars", "protocol": "reference", "split": None, "gallery_size": 9, "junk": 0,
    "distractors": 0, "queries_in_gallery": 0, "queries": 4, "valid_queries": 4, "not_counted": {},
    "frames": "all", "frames_used": 90, "num_frames": 4, "distance": "sqeuclidean",
    "reranking": None,
  }  # fmt: skip
  both = {name: {"fraction": x, "percent": 100 * x} for name, x in metrics.items()}
  return {"label": "step 9", "card": card, "metrics": both | {"mINP": both["mAP"]}, "cmc": [0.5]}


def test_results_are_read_or_refused(tmp_path):
  rng, outcomes = random.Random(SEED), []
  content = {"format": 1, "program": "x", "run": {"seed": 0}, "results": [record(rng)]}
  original, path = json.dumps(content, indent=1).encode(), tmp_path / "results.json"
  path.write_bytes(original)
  assert outcome(lambda: terminal_table(read_results(path)["results"])) is None
  for _ in range(1500):
    path.write_bytes(mutated(original, rng))
    outcomes.append(outcome(lambda: terminal_table(read_results(path)["results"])))
  tally(outcomes, least=20)


def test_logs_of_a_run_are_read_as_far_as_they_are_whole(tmp_path, capsys):
  rows = [{"step": step, "loss": 1.5, "learning_rate": 1e-4} for step in range(1, 20)]
  scalars = "".join(json.dumps(row) + "\n" for row in rows).encode()
  command = json.dumps({"mode": "train", "command": "x"}).encode()
  rng, path = random.Random(SEED), tmp_path / "scalars.jsonl"
  lines, complete = scalars.splitlines(), 0
  for _ in range(1000):
    content, commands = mutated(scalars, rng), mutated((command + b"\n") * 19, rng)
    path.write_bytes(content)
    (tmp_path / command_line.COMMANDS_FILE).write_bytes(commands)
    with limited():
      found, recorded = read_scalars(path), command_line.recorded(tmp_path)
    assert all(isinstance(text, str) for text in recorded.values())
    if command in commands.split(b"\n") and b"\0" not in commands and commands[:1] == b"{":
      assert "train" in recorded
    assert all(isinstance(row["step"], int) for row in found)
    whole = [json.loads(line) for line in content.split(b"\n") if line in lines]
    if "UTF-16" in capsys.readouterr().err:  # Then all of it is left out, with a warning.
      assert found == []
    else:
      rest = iter(found)
      assert all(row in rest for row in whole)  # In their order, perhaps with damaged ones between.
      complete += found == rows
  assert 0 < complete < 500


def test_configurations_of_runs_are_read_or_refused(tmp_path, tiny_synthetic):
  import tiny

  from cosam_jax.experiment.config import plain

  original = json.dumps(plain(tiny.config(tiny_synthetic)), indent=1).encode()
  rng, outcomes = random.Random(SEED), []
  for _ in range(800):
    (tmp_path / "config.json").write_bytes(mutated(original, rng))
    outcomes.append(outcome(lambda: get_config(f"run:{tmp_path}")))
  tally(outcomes, least=20)


HOSTILE = [
  "", " ", "-", "--", "nan", "inf", "-inf", "1e400", "-0", "0x10", "1_0", "1" + "0" * 5000,
  "9" * 400, "\u0661", "\u00bd", "\udcff", "\0", "\n", "a\rb", "x" * 100_000, "(", "()", "(1,",
  "[1]", "{}", "None", "True", "__import__('os')", "1,2,,3", ",", "1;2", "%s%n", "$HOME",
  "~nobody_of_this_name", "(" * 5000,
]  # fmt: skip


def parsed(arguments: list[str]) -> int:
  """Parses a command line; returns the exit status, 0 if the program would go on."""
  try:
    parsing.parse(arguments)
  except SystemExit as end:
    return int(end.code or 0)
  return 0


def test_command_lines_are_parsed_or_refused(tmp_path):
  command_flags.define()
  config_flags.define()
  names = sorted({*flags.FLAGS} - {"help", "helpfull", "helpshort", "helpxml", "flagfile", "?"})
  ours = [name for name in names if "cosam" in str(flags.FLAGS.find_module_defining_flag(name))]
  ours += ["config.optim.learning_rate", "config.seed", "config.clips.image_size",
           "config.model.cosam_stages", "config.report.write", "config.data.dir"]  # fmt: skip
  rng, refused = random.Random(SEED), 0
  for name in ours:
    for value in [*HOSTILE, *(rng.choice(WORDS).decode(errors="surrogateescape") for _ in "ab")]:
      arguments = ["main", "--config=synthetic", f"--workdir={tmp_path}", f"--{name}={value}"]
      said = io.StringIO()
      with limited(), contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        status = parsed(arguments)
      assert status in (0, 2), (name, value[:80])
      refused += status == 2
      text = said.getvalue()
      assert text.count("\n") <= 1, (name, value[:80], text[:300])
      assert "Traceback" not in text
      assert len(text) < 3000, (name, value[:80], text[:300])
  flags.FLAGS.unparse_flags()
  assert refused > 100


@pytest.mark.parametrize("read", [parse_seeds, lambda text: first_frames(text.split(","))])
def test_lists_of_numbers_are_parsed_or_refused(read):
  assert all(outcome(lambda value=value: read(value)) for value in HOSTILE)
  rng, outcomes = random.Random(SEED), []
  for _ in range(2000):
    text = mutated(b"0, 12,345,6", rng).decode(errors="surrogateescape")

    def check(text=text):
      assert read(text) == [int(part.strip()) for part in text.split(",")]

    outcomes.append(outcome(check))
  tally(outcomes, least=100)
