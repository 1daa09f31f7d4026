"""The base installation: embedding and searching one's own files, where TensorFlow is missing."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import venv

import numpy as np
import pytest
import tiny
from pictures import smooth_picture

from cosam_jax.evaluation.embeddings import read_embeddings

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCKED = """
import sys
for name in ("tensorflow", "tensorflow_datasets", "array_record"):
  sys.modules[name] = None
"""
API = """
import pathlib, sys
import numpy as np
import cosam_jax
run, folder, video, boxes, out = map(pathlib.Path, sys.argv[1:])
embedder = cosam_jax.Embedder.from_checkpoint(run)
frames = np.random.default_rng(0).integers(0, 256, (5, 50, 30, 3), np.uint8)
tracklets = sorted(folder.iterdir())
from cosam_jax.experiment.own_videos import embed_own
np.savez(
  out,
  arrays=embedder.embed(frames),
  files=embedder.embed_many(tracklets),
  folder=embed_own(embedder, folder).vectors,
  video=embed_own(embedder, video, boxes=boxes).vectors,
)
assert not [name for name in sys.modules if name.startswith("tensorflow") and sys.modules[name]]
"""
COMMAND = "import cosam_jax.main\ncosam_jax.main.run()"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
  """A folder of two tracklets, and a video of two people with their boxes."""
  import videos

  place = tmp_path_factory.mktemp("inputs")
  picture = smooth_picture()
  for name, kind in (("anna", "jpg"), ("bert", "png")):
    (place / "people" / name).mkdir(parents=True)
    for i in range(3):
      picture.rotate(20 * i).save(place / "people" / name / f"{i}.{kind}")
  rng = np.random.default_rng(1)
  frames = [rng.integers(0, 256, (96, 128, 3), np.uint8) for _ in range(4)]
  videos.write(place / "gate.mkv", frames)
  lines = [f"{i},{track},{20 * track},{8 + i},30,60,1" for i in range(1, 5) for track in (1, 2)]
  (place / "gate.txt").write_text("\n".join(lines))
  return place


def python(*arguments, program=sys.executable, **options):
  environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
  return subprocess.run(
    [program, *map(str, arguments)], capture_output=True, text=True, timeout=500, check=False,
    env=environment, **options,
  )  # fmt: skip


def api_arguments(run, inputs, out):
  return run, inputs / "people", inputs / "gate.mkv", inputs / "gate.txt", out


@pytest.mark.slow
def test_the_api_gives_the_same_vectors_without_it(saved_run, inputs, tmp_path):
  vectors = []
  for prelude, out in ((BLOCKED, tmp_path / "a.npz"), ("", tmp_path / "b.npz")):
    done = python("-c", prelude + API, *api_arguments(saved_run, inputs, out))
    assert done.returncode == 0, done.stderr
    vectors.append(dict(np.load(out)))
  assert vectors[0]["files"].shape[0] == vectors[0]["video"].shape[0] == 2
  for name, wanted in vectors[1].items():
    np.testing.assert_array_equal(vectors[0][name], wanted)
  files, folder = vectors[0]["files"], vectors[0]["folder"]
  np.testing.assert_allclose(files, folder, rtol=1e-4, atol=1e-6 * np.abs(files).max())


def embed_and_search(run, inputs, out, start):
  """The two commands of docs/own_videos.md, by a function that starts the program."""
  for name, source in (
    ("people", (f"--input={inputs / 'people'}", "--camera=yard")),
    ("gate", (f"--input={inputs / 'gate.mkv'}", f"--boxes={inputs / 'gate.txt'}")),
  ):
    done = start("--mode=embed", f"--workdir={run}", *source, f"--output={out / name}")
    assert done.returncode == 0, done.stderr
  query, gallery = (out / name / "embeddings.npz" for name in ("people", "gate"))
  sides = (f"--query={query}", f"--gallery={gallery}", f"--output={out / 'found'}")
  done = start("--mode=search", *sides)
  assert done.returncode == 0, done.stderr
  found = json.loads((out / "found" / "search.json").read_text())["queries"]
  a, b = (read_embeddings(path).vectors.astype(np.float64) for path in (query, gallery))
  assert [row["results"][0]["row"] for row in found] == [
    int(np.argmin(((b - vector) ** 2).sum(axis=1))) for vector in a
  ]
  assert (out / "found" / "sheets" / "000.png").is_file()


@pytest.mark.slow
def test_the_commands_embed_and_search_without_it(saved_run, inputs, tmp_path):
  embed_and_search(
    saved_run, inputs, tmp_path, lambda *flags: python("-c", BLOCKED + COMMAND, *flags)
  )


@pytest.mark.parametrize("mode", ["train", "evaluate", "embed", "prepare"])
def test_modes_that_need_it_say_so_in_one_sentence(mode, saved_run, tiny_synthetic, tmp_path):
  run = tmp_path / "run"
  if mode != "train":
    shutil.copytree(saved_run, run)
  flags = [f"--mode={mode}", f"--workdir={run}"]
  if mode == "train":
    flags += tiny.flags(tiny_synthetic)
  if mode == "prepare":
    flags = [flags[0], f"--config={ROOT / 'configs' / 'mars.py'}", f"--data_dir={tiny_synthetic}",
             f"--config.data.prepared_dir={tmp_path / 'prepared'}"]  # fmt: skip
  done = python("-c", BLOCKED + COMMAND, *flags)
  assert done.returncode == 2, done.stderr
  (error,) = [line for line in done.stderr.splitlines() if "rror" in line]
  assert "is not installed" in error
  assert "pip install 'cosam-jax[train]'" in error
  assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_fresh_base_installation_embeds_and_searches(saved_run, inputs, tmp_path, capsys):
  """With pip's own resolution, in an environment of its own; prints its size and import time."""
  place = tmp_path / "venv"
  venv.create(place, with_pip=True)
  program = place / "bin" / "python"
  source = tmp_path / "source"
  for name in ("cosam_jax", "configs"):
    shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
  for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
    shutil.copy(ROOT / name, source / name)
  done = python("-m", "pip", "install", "--quiet", source, program=program, cwd=tmp_path)
  assert done.returncode == 0, done.stderr
  listed = python("-m", "pip", "list", "--format=json", program=program).stdout
  names = {row["name"].lower() for row in json.loads(listed)}
  assert "jax" in names
  assert not {name for name in names if "tensorflow" in name or name in ("keras", "array-record")}
  done = python("-c", API, *api_arguments(saved_run, inputs, tmp_path / "a.npz"), program=program)
  assert done.returncode == 0, done.stderr
  embed_and_search(
    saved_run, inputs, tmp_path, lambda *flags: python("-c", COMMAND, *flags, program=program)
  )
  size = sum(path.stat().st_size for path in place.rglob("*") if not path.is_symlink())
  with capsys.disabled():
    print(f"\nthe base installation has {len(names)} packages and {size / 2**20:,.0f} MiB")
