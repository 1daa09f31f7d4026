"""No input's vectors take the place of another's, or of a user's files."""

import dataclasses
import json
import shutil

import jax
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.experiment import own_outputs
from cosam_jax.experiment.own_videos import embed_input

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def embed(network, source, workdir, **options):
  """Embeds as the command does without --output; returns the names of all folders in `own`."""
  embed_input(network, source, None, workdir=workdir, **options)
  return sorted(path.parent.name for path in (workdir / "own").glob("*/embeddings.npz"))


def test_no_input_takes_the_place_of_another(folder, network, tmp_path, capsys):
  """Folders of one name, names that differ after a dot, and links to one folder."""
  for name in ("camA/img1", "camB/img1", "cam.1", "cam.2"):
    shutil.copytree(folder / f"t{len(name) % 2}", tmp_path / name / "p")
  work = tmp_path / "run"
  assert embed(network, tmp_path / "camA" / "img1", work) == ["img1"]
  first = (work / "own" / "img1" / "embeddings.npz").read_bytes()
  assert embed(network, tmp_path / "camB" / "img1", work) == ["camB_img1", "img1"]
  assert f"own/img1 holds the vectors of {tmp_path}/camA/img1, so these" in capsys.readouterr().out
  assert (work / "own" / "img1" / "embeddings.npz").read_bytes() == first
  # The same input, even by another path, replaces its own.
  (tmp_path / "link").symlink_to(tmp_path / "camB")
  assert embed(network, tmp_path / "link" / "img1", work) == ["camB_img1", "img1"]
  assert embed(network, tmp_path / "cam.1", work) == ["cam.1", "camB_img1", "img1"]
  assert len(embed(network, tmp_path / "cam.2", work)) == 4
  for name, source in (("img1", "camA/img1"), ("cam.2", "cam.2")):
    record = json.loads((work / "own" / name / "embed_files.json").read_text())
    assert record["source"]["input"] == str(tmp_path / source)
  out = work / "own" / "img1"
  with pytest.raises(InputError, match=r"holds the vectors of .*camA/img1, and now .*camB/img1"):
    embed_input(network, tmp_path / "camB" / "img1", out)
  embed_input(network, tmp_path / "camA" / "img1", out)


def test_names_of_places():
  def names(path, boxes=None, **options):
    return list(own_outputs._names(own_outputs.source_of(path, boxes, **options)))

  assert names("/no/gate.mp4")[:3] == ["gate", "gate.mp4", "no_gate.mp4"]
  assert names("/no/gate.mov")[:3] == ["gate", "gate.mov", "no_gate.mov"]
  assert names("/no/gate.mp4", "/no/b.txt")[:2] == ["gate", "gate_b"]
  assert names("/")[0] == "input"
  last = {names("/no/gate.mp4", margin=margin)[-1] for margin in (0.0, 0.1)}
  assert len(last) == 2
  assert max(map(len, names("/no/" + "x" * 250))) < 120


def test_vectors_of_an_earlier_version_are_known_by_what_they_say(folder, network, tmp_path):
  work = tmp_path / "run"
  embed(network, folder, work)
  place = work / "own" / "tracklets"
  (place / "embed_files.json").unlink()
  assert embed(network, folder, work) == ["tracklets"]
  (place / "embed_files.json").unlink()
  shutil.copytree(folder / "t0", tmp_path / "tracklets" / "t0")
  assert len(embed(network, tmp_path / "tracklets", work)) == 2
  # With somebody's pictures in it, the folder may be anybody's.
  (place / "pictures" / "mine.jpg").write_bytes(b"mine")
  with pytest.raises(InputError, match="did not write"):
    embed_input(network, folder, place)
  assert (place / "pictures" / "mine.jpg").read_bytes() == b"mine"


def test_frames_of_the_input_are_never_replaced(folder, network, tmp_path):
  gate = tmp_path / "gate"
  shutil.copytree(folder, gate / "pictures")
  before = {path: path.read_bytes() for path in gate.rglob("*.jpg")}
  for output in (gate, gate / "pictures", gate / "pictures" / "out"):
    with pytest.raises(InputError, match=r"(is|holds|lies in) the input"):
      embed_input(network, gate / "pictures", output)
  shutil.copytree(folder / "t0", tmp_path / "other" / "t0")
  with pytest.raises(InputError, match="did not write them"):
    embed_input(network, tmp_path / "other", gate)
  assert {path: path.read_bytes() for path in gate.rglob("*.jpg")} == before
  assert [path.name for path in gate.iterdir()] == ["pictures"]


def test_other_weights_are_said_to_replace_the_vectors(folder, network, tmp_path, capsys):
  embed(network, folder / "t0", tmp_path)
  embed(network, folder / "t0", tmp_path)
  assert "replace" not in capsys.readouterr().out
  other = jax.tree.map(lambda leaf: leaf * 1.01, network.variables)
  embed(dataclasses.replace(network, variables=other), folder / "t0", tmp_path)
  hashed = weights_hash(network.variables)
  assert f"they replace those of weights step 3 ({hashed})" in capsys.readouterr().out
