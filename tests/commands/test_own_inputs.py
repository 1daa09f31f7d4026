"""Every command that takes people's own folders and videos says what it does not read of them."""

import calls
import layouts
import numpy as np
import pytest
import tiny
import videos as drawn
from PIL import Image

import cosam_jax
from cosam_jax.commands.flags import ROWS
from cosam_jax.commands.registry import COMMANDS
from cosam_jax.data import load_dataset

pytestmark = pytest.mark.usefixtures("hasty_compilation")
FLAGS = {"input", "query", "gallery"}
"""Flags that name a folder or a video."""
OTHERS = {
  "workdir", "output", "compiled_programs", "embeddings", "boxes", "figures", "calibration",
  "corrections", "starts", "travel_times", "weights",
}  # fmt: skip
"""Flags that name another place; `boxes` goes with a video, `figures` with a folder."""
CALLS = {
  "embed": ({"input": "folder"}, {"input": "video"}),
  "masks": ({"input": "folder"}, {"input": "video"}),
  "search": ({"query": "folder", "gallery": "video"}, {"query": "video", "gallery": "folder"}),
  "link": ({"input": "folder", "threshold": 0.5}, {"input": "video", "threshold": 0.5}),
  "export": ({"input": "folder", "format": "torch"},),
}
FOLDER = ("\n1 mask is left out: ", "\n2 files of formats that are not read (.heic) are left out: ")
VIDEO = ("ends early: ", "of the 40 that its container names")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
  """A folder with a mask and files that are not read, and a video that was cut."""
  pytest.importorskip("av")
  place = tmp_path_factory.mktemp("inputs")
  for name in ("anna", "ben"):
    for i in range(2):
      image = np.random.default_rng(i).integers(0, 256, (32, 16, 3), np.uint8)
      (place / "folder" / name).mkdir(parents=True, exist_ok=True)
      Image.fromarray(image).save(place / "folder" / name / f"{i}.png")
    (place / "folder" / name / "x.heic").touch()
  layouts.image(place / "folder" / "anna" / "0_mask.png")
  drawn.write_cut(place / "cut.mp4")
  return {"folder": str(place / "folder"), "video": str(place / "cut.mp4")}


def test_every_command_with_an_input_is_tried_here():
  assert {name for name, row in ROWS.items() if row.kind == "path"} == FLAGS | OTHERS
  assert {name for name, command in COMMANDS.items() if FLAGS & set(command.flags)} == set(CALLS)


@pytest.mark.parametrize(
  ("mode", "given"), [(mode, given) for mode, every in CALLS.items() for given in every]
)
def test_what_is_not_read_is_said(mode, given, inputs, saved_run, tmp_path, capsys):
  flags = {name: inputs.get(str(value), value) for name, value in given.items()}
  calls.run(mode, None, saved_run, output=str(tmp_path / "out"), **flags)
  out = capsys.readouterr().out
  for kind, sentences in (("folder", FOLDER), ("video", VIDEO)):
    for words in sentences if kind in given.values() else ():
      assert f"\n{out}".count(words) == 1, (words, out)


def test_an_embedder_says_it_too(inputs, saved_run, caplog):
  embedder = cosam_jax.Embedder.from_checkpoint(saved_run)
  embedder.embed(f"{inputs['folder']}/anna")
  assert "1 mask is left out" in caplog.text
  assert "1 file of a format that is not read (.heic)" in caplog.text


def test_preparing_a_set_says_what_its_reader_found(tmp_path, capsys):
  root = layouts.mars(tmp_path / "mars")
  wanted = load_dataset("mars", root).warnings
  assert len(wanted) == 3
  config = tiny.config(root, data__name="mars", data__prepared_dir=str(tmp_path / "prepared"))
  calls.run("prepare", config)
  out = capsys.readouterr().out
  for sentence in wanted:
    assert out.count(f"warning: {sentence}\n") == 1
