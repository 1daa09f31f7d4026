"""The meaning of identities' numbers and names: which 0 is a distractor, and who is nobody."""

import dataclasses
import itertools
import json
import re

import layouts
import numpy as np
import pytest

from cosam_jax.data import builders, load_dataset
from cosam_jax.data.doctor import diagnose
from cosam_jax.data.gaps import is_gap
from cosam_jax.data.holdout import hold_out_identities
from cosam_jax.data.identities import JUNK, UNKNOWN_CAMERA, Numbering, numbering_of
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
  "n/a", "N/A", "<NA>", "?", "", "  ", "00-1", "-1.000e+00", "-1e0", "\u22121", "person_-1",
  "id_-1", "unk", "unlabeled",
])  # fmt: skip
def test_who_is_nobody_is_left_out_and_said(tmp_path, word):
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


NO_GAPS = (
  "0", "-0", "-0.0", "7.0", "1e0", "1.5e-03", "person_1", "person-1", "p-1", "cam-2", "camera - 2",
  "001-1", "1-1", "cam1-1", "unknown_1", "unknown7", "no_1", "none_1", "zoe", "nana", "nancy",
  "anna_none_x", "-zoe", "id", "person", "no", "2020-01-01", "camid" * 40, "a_-" * 60,
)  # fmt: skip


def test_every_spelling_of_nobody_is_one_and_no_name_of_somebody():
  values = (-1.0, -7.0, float("nan"), None)
  spelled = [
    form.format(x) for x in values[:2] for form in ("{:.0f}", "{}", "{:e}", "{:.3E}", "{:g}")
  ]
  spelled += [str(x) for x in values] + [
    "\u22121",
    "\uff0d1",
    "\u20131",
    "-1,0",
    "- 1",
    "(-1)",
    "-1e400",
  ]
  words = ["person_{}", "id_{}", "id:{}", "Player {}", "track={}", "cam.{}", "p({})", "PID-{}"]
  spelled += [word.format(x) for word in words for x in ("-1", "-1.0", "-1e0", "\u22121")]
  spelled += [word.format(x) for word in words[:6] for x in ("nan", "None", "UNKNOWN", "n/a")]
  spelled += ["unknown_id", "Unknown Person", "no_id", "no identity", "UNK", "unlabelled", "#N/A",
              "#N/A N/A", "-1.#IND", "1.#QNAN", "#DIV/0!", "--", "\u2014", "???", "_", "n.a.",
              "not available", "\ufeff-1", "'nan'", "<none>", "-1;", "junk"]  # fmt: skip
  assert [name for name in spelled if not is_gap(name)] == []
  assert [name for name in NO_GAPS if is_gap(name)] == []


CAMERAS = ["nan", "-1", "unknown", "None", "-1.0", "camera_-1", "?", "unk", "N/A"]


def with_cameras(tmp_path, rows):
  (tmp_path / "m.csv").write_text("\n".join(["path,identity,camera,tracklet,split", *rows]))
  return load_dataset("folder", tmp_path / "m.csv")


@pytest.mark.parametrize("word", CAMERAS)
def test_a_camera_that_nobody_knows_is_no_camera(tmp_path, word):
  """True matches under it would be taken for pictures of the query's own camera."""
  draw(tmp_path)
  splits = [
    (i, c, "train" if i > 4 else ("query", "gallery")[c - 1]) for i in range(8) for c in (1, 2)
  ]
  rows = [f"{i}_{c}_a.jpg,{i},cam{c},{i}{c},{split}" for i, c, split in splits]
  known = numbers(with_cameras(tmp_path, rows))
  gaps = [
    f"1_1_b.jpg,1,{word},s1,gallery",
    "2_2_b.jpg,2,nan,s2,gallery",
    f"6_1_b.jpg,6,{word},s3,train",
  ]
  tables = with_cameras(tmp_path, [*rows, *gaps])
  assert UNKNOWN_CAMERA not in {*tables.query.cameras.tolist(), *tables.gallery.cameras.tolist()}
  assert tables.train.names.tolist() == ["51", "52", "61", "62", "71", "72", "s3"], (
    "training needs no camera"
  )
  assert tables.train.numbering.camera(UNKNOWN_CAMERA) == "unknown"
  left_out, trained = tables.warnings
  assert left_out.startswith("2 tracklets of gallery (2 frames) are left out: they have no camera")
  assert repr(word) in left_out
  assert trained.startswith("1 tracklets of train (1 frames) have no camera")
  result = numbers(tables)
  assert result.metrics.mean_average_precision == known.metrics.mean_average_precision
  for said in tables.warnings:
    assert said in diagnose(tables, sample=0).render()
    assert said in result.card.warnings
  for seed in range(4):
    held = hold_out_identities(tables, 2, seed=seed)
    assert "s3" not in {*held.query.names.tolist(), *held.gallery.names.tolist()}
    assert ("s3" in held.train.names) == ("61" in held.train.names)
  tested = with_cameras(
    tmp_path,
    [row.replace(",query", ",test").replace(",gallery", ",test") for row in [*rows, *gaps]],
  )
  assert not {"s1", "s2"} & {*tested.query.names.tolist(), *tested.gallery.names.tolist()}
  with pytest.raises(
    InputError, match=r"query tracklet 's1' has no camera .*but a query needs one"
  ):
    with_cameras(tmp_path, [*rows, gaps[0].replace("gallery", "query")])


def test_folders_of_a_camera_that_nobody_knows(tmp_path):
  for split, camera in (("query", "a"), ("gallery", "b"), ("gallery", "unknown"), ("train", "-1")):
    layouts.image(tmp_path / split / str(int(split == "train")) / camera / "t" / "0.jpg")
  tables = load_dataset("folder", tmp_path)
  assert tables.gallery.names.tolist() == ["0/b/t"]
  assert tables.train.cameras.tolist() == [UNKNOWN_CAMERA]
  assert (
    "written 'unknown', '-1'" in tables.warnings[0]
    or "written '-1', 'unknown'" in tables.warnings[0]
  )
  with pytest.raises(
    InputError, match="1 gallery tracklets of folder, such as '0/b/t', is not known"
  ):
    evaluation_of(
      dataclasses.replace(
        tables, gallery=dataclasses.replace(tables.gallery, cameras=np.array([UNKNOWN_CAMERA]))
      )
    )


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
  assert numbers_of(["nan", "-1", "hall"], "camera") == {
    "nan": UNKNOWN_CAMERA, "-1": UNKNOWN_CAMERA, "hall": 1
  }  # fmt: skip
  assert numbers_of(["7.000e+00", "1.2e+01"], "identity") == {"7.000e+00": 7, "1.2e+01": 12}
  assert numbers_of(["7.000e-01", "1.25e+01"], "identity") == {"1.25e+01": 1, "7.000e-01": 2}
  assert names_of({"7": 7, "0012": 12, "nan": JUNK}) == {12: "0012"}
  large = [str(2**40 + 7), "7"]
  assert sorted(numbers_of(large, "identity").values()) == [1, 2]
  assert numbers_of(["1000", "1e03", "2f3a"], "identity").keys() == {"1000", "1e03", "2f3a"}, "hex"
  for what in ("identity", "camera"):
    with pytest.raises(
      InputError, match=rf"{what} '9999.*has 5,000 letters, and 4,096 are the most"
    ):
      numbers_of(["9" * 5000, "1"], what)
  for pair in (
    ("1", "01"),
    ("1", "1.0"),
    ("1", "+1"),
    ("p1", "p01"),
    (str(2**70), f"0{2**70}"),
    ("1", "1.000e+00"),
    ("100", "1.0e+02"),
  ):
    with pytest.raises(InputError, match="are the same number"):
      numbers_of([*pair, "zoe"], "identity")


def test_a_prepared_set_keeps_the_meaning(tmp_path):
  root = layouts.mars(tmp_path / "mars")
  tables = builders.prepare("mars", root, tmp_path / "prepared")
  assert tables.gallery.numbering == Numbering(distractor=0)
  assert numbers(tables).card.distractors == 1
