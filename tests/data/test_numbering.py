"""The meaning of identities' numbers and names: which 0 is a distractor, and who is nobody."""

import itertools
import json
import re

import layouts
import numpy as np
import pytest

from cosam_jax.data import builders, load_dataset
from cosam_jax.data.doctor import diagnose
from cosam_jax.data.holdout import hold_out_identities
from cosam_jax.data.identities import JUNK, Numbering, is_no_identity, numbering_of
from cosam_jax.data.numbering import names_of, numbers_of
from cosam_jax.errors import InputError
from cosam_jax.evaluation.protocol import Settings, evaluate_tables, evaluation_of

NAMES = {
  "from 0": lambda i: str(i),
  "from 1": lambda i: str(i + 1),
  "from 5": lambda i: str(i + 5),
  "with zeros": lambda i: f"{i:04d}",
  "with a word": lambda i: f"person_{i}",
  "names": lambda i: "abcdefghijkl"[i] + "nna",
  "large": lambda i: str(2**40 + i),
  "floats": lambda i: f"{i}.0",
}
PEOPLE = 8


def draw(root):
  """Writes two pictures of each of eight people under each of two cameras, all different."""
  for i, camera, part in itertools.product(range(PEOPLE), (1, 2), "ab"):
    layouts.image(
      root / f"{i}_{camera}_{part}.jpg", color=(20 * i, 90 * camera, 7 * ord(part) % 255)
    )


def manifest(root, name, split):
  rows = ["path,identity,camera,tracklet,split"]
  for i, camera, part in itertools.product(range(PEOPLE), (1, 2), "ab"):
    rows.append(f"{i}_{camera}_{part}.jpg,{name(i)},{camera},{i}{camera}{part},{split(i, camera)}")
  (root / "m.csv").write_text("\n".join(rows))
  return load_dataset("folder", root / "m.csv", seed=3)


def numbers(tables, seed=0):
  """Evaluates vectors that depend on tracklets' names alone, not on the names of people."""
  evaluation = evaluation_of(tables)
  seeds = [[seed, *map(ord, name)] for name in evaluation.table.names]
  vectors = np.stack([np.random.default_rng(one).standard_normal(6) for one in seeds])
  (result,) = evaluate_tables(vectors, evaluation, Settings())
  return result


@pytest.mark.parametrize("split", [
  lambda i, camera: "train" if i > 4 else "query" if camera == 1 else "gallery",
  lambda i, camera: "train" if i > 4 else "test",
  lambda i, camera: "",
], ids=["splits", "test", "none"])  # fmt: skip
def test_the_same_pictures_give_the_same_numbers_whatever_people_are_called(tmp_path, split):
  draw(tmp_path)
  found = {}
  for kind, name in NAMES.items():
    tables = manifest(tmp_path, name, split)
    result = numbers(tables)
    held = hold_out_identities(tables, 2, seed=1)
    assert result.metrics.num_valid_queries == len(tables.query)
    assert (result.card.distractors, result.card.junk, dict(result.card.not_counted)) == (0, 0, {})
    wanted = {name(i) for i in range(PEOPLE)}
    assert set(map(str, result.record()["queries"]["identity"])) <= wanted
    found[kind] = (
      tables.query.names.tolist(), tables.train.names.tolist(), tables.train.labels().tolist(),
      held.query.names.tolist(), held.gallery.names.tolist(),
      result.metrics.mean_average_precision, result.metrics.cmc.tolist(),
    )  # fmt: skip
  assert all(one == found["from 1"] for one in found.values())


def test_folders_from_0_are_people_and_mars_has_distractors(tmp_path):
  for split, camera in (("query", 1), ("gallery", 2), ("train", 1)):
    for i in range(2):
      layouts.image(
        tmp_path / "own" / split / f"{i + 2 * (split == 'train')}" / str(camera) / "t" / "0.jpg"
      )
  tables = load_dataset("folder", tmp_path / "own")
  assert evaluation_of(tables).table.identities.tolist() == [0, 1, 0, 1]
  assert numbers(tables).metrics.num_valid_queries == 2
  assert "left out" not in diagnose(tables, sample=0).render()
  mars = load_dataset("mars", layouts.mars(tmp_path / "mars"))
  card = numbers(mars).card
  assert (card.distractors, card.gallery_size) == (1, 3)
  assert numbering_of("dukemtmc_vidreid").people(np.array([-1, 0, 1])).tolist() == [
    False,
    True,
    True,
  ]
  assert numbering_of("mars").people(np.array([-1, 0, 1])).tolist() == [False, False, True]


@pytest.mark.parametrize("word", [
  "-1", "-1.0", "-2", "-01", "nan", "NaN", "None", "none", "null", "NULL", "unknown", "Unknown",
  "n/a", "N/A", "<NA>", "?", "", "  ", "00-1",
])  # fmt: skip
def test_who_is_nobody_is_left_out_and_said(tmp_path, word):
  assert is_no_identity(word)
  draw(tmp_path)
  rows = [f"{i}_{c}_a.jpg,{i}.0,{c},{i}{c},{'train' if i > 2 else 'query' if c == 1 else 'gallery'}"
          for i in range(5) for c in (1, 2)]  # fmt: skip
  head = "path,identity,camera,tracklet,split"
  strangers = [f"7_1_a.jpg,{word},1,s1,train", f"7_2_a.jpg,{word},2,s2,gallery"]
  (tmp_path / "m.csv").write_text("\n".join([head, *rows, *strangers]))
  tables = load_dataset("folder", tmp_path / "m.csv")
  assert JUNK not in {*tables.train.identities.tolist(), *tables.gallery.identities.tolist()}
  assert (len(tables.train), len(tables.gallery)) == (4, 3)
  (said,) = tables.warnings
  assert said.startswith(
    "1 tracklets of train (1 frames) and 1 tracklets of gallery (1 frames) are"
  )
  assert repr(word.strip()) in said
  assert said in diagnose(tables, sample=0).render()
  assert said in numbers(tables).card.warnings
  (tmp_path / "m.csv").write_text("\n".join([head, *rows, f"7_1_a.jpg,{word},1,s1,query"]))
  with pytest.raises(InputError, match=r"query tracklet 's1' is junk, it has no identity"):
    load_dataset("folder", tmp_path / "m.csv")


def test_json_lines_with_gaps(tmp_path):
  draw(tmp_path)
  values = [
    (1.0, "train"),
    (2.0, "query"),
    (2.0, "gallery"),
    (float("nan"), "gallery"),
    (None, "train"),
  ]
  rows = [
    {
      "path": f"{i}_1_a.jpg",
      "identity": who,
      "camera": float(i),
      "tracklet": f"t{i}",
      "split": split,
    }
    for i, (who, split) in enumerate(values)
  ]
  (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
  tables = load_dataset("folder", tmp_path / "m.jsonl")
  assert tables.gallery.names.tolist() == ["t2"]
  assert tables.query.identities.tolist() == [2]
  for other in (1.5, True, [1]):
    rows[0]["identity"] = other
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    said = rf"identity {re.escape(str(other))}, which must be a text or a whole number"
    with pytest.raises(InputError, match=said):
      load_dataset("folder", tmp_path / "m.jsonl")


def test_numbers_and_names():
  assert numbers_of(["7", "0012"], "identity") == {"7": 7, "0012": 12}
  assert numbers_of(["cam2", "cam10"], "camera") == {"cam2": 2, "cam10": 10}
  assert numbers_of(["zoe", "bo", "nan"], "identity") == {"nan": JUNK, "bo": 1, "zoe": 2}
  assert numbers_of(["nan", "-1"], "camera") == {"-1": 1, "nan": 2}, (
    "cameras may be called anything"
  )
  assert names_of({"7": 7, "0012": 12, "nan": JUNK}) == {12: "0012"}
  large = [str(2**40 + 7), "7"]
  assert sorted(numbers_of(large, "identity").values()) == [1, 2]
  for pair in (("1", "01"), ("1", "1.0"), ("1", "+1"), ("p1", "p01"), (str(2**70), f"0{2**70}")):
    with pytest.raises(InputError, match="are the same number"):
      numbers_of([*pair, "zoe"], "identity")


def test_a_prepared_set_keeps_the_meaning(tmp_path):
  root = layouts.mars(tmp_path / "mars")
  tables = builders.prepare("mars", root, tmp_path / "prepared")
  assert tables.gallery.numbering == Numbering(distractor=0)
  assert numbers(tables).card.distractors == 1
