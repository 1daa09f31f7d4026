"""The meaning of identities' numbers and names: which 0 is a distractor, and who is nobody."""

import itertools
import json
import re

import layouts
import numpy as np
import pytest
from eight_people import PEOPLE, draw, numbers

from cosam_jax.data import builders, load_dataset
from cosam_jax.data.doctor import diagnose
from cosam_jax.data.gaps import is_gap
from cosam_jax.data.holdout import hold_out_identities
from cosam_jax.data.identities import JUNK, UNKNOWN_CAMERA, Numbering, numbering_of
from cosam_jax.data.numbering import names_of, numbers_of
from cosam_jax.errors import InputError
from cosam_jax.evaluation.protocol import evaluation_of

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


def manifest(root, name, split):
  rows = ["path,identity,camera,tracklet,split"]
  for i, camera, part in itertools.product(range(PEOPLE), (1, 2), "ab"):
    rows.append(f"{i}_{camera}_{part}.jpg,{name(i)},{camera},{i}{camera}{part},{split(i, camera)}")
  (root / "m.csv").write_text("\n".join(rows))
  return load_dataset("folder", root / "m.csv", seed=3)


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
