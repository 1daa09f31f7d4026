"""Annotation files of MARS and DukeMTMC, real and made up, are read or refused with a reason."""

import csv

import numpy as np
import pytest
import scipy.io

from cosam_jax.data import load_dataset
from cosam_jax.data.attributes import NOT_ANNOTATED, parse_list, read_attributes
from cosam_jax.errors import InputError

HEAD = "person-id,camera,tracklet,Tops.c,hat,shoulder bag\n"


@pytest.fixture
def mars(tmp_path):
  path = tmp_path / "mars.csv"
  path.write_text(HEAD + "1,2,3,8,0,1\n1,6,12,5,1,0\n702,1,1,0,0,0\n")
  return path


def matlab(path, drop=None):
  """Writes a file in DukeMTMC's layout: two people to train on, three to test."""

  def people(names, **columns):
    cells = np.empty((1, len(names)), object)
    for i, name in enumerate(names):
      cells[0, i] = np.array([name])
    columns = {key: np.array([value], np.uint8) for key, value in columns.items()}
    return columns | {"image_index": cells}

  train = people(["0001", "0008"], hat=[1, 2], gender=[1, 1])
  test = people(["0002", "0003", "0010"], gender=[2, 1, 1], hat=[2, 1, 1], boots=[1, 2, 1])
  for name in drop or ():
    del test[name]
  scipy.io.savemat(path, {"duke_attribute": {"train": train, "test": test}})
  return path


def test_mars_by_tracklet(mars):
  found = read_attributes(mars)
  names = np.array(["0001C2T0003", "0001C6T0012", "0702C1T0001", "0001C2T0004", "0000C1T0001"])
  people = np.array([1, 1, 702, 1, 0])
  np.testing.assert_array_equal(
    found.of("hat", names, people), [0, 1, 0, NOT_ANNOTATED, NOT_ANNOTATED]
  )
  np.testing.assert_array_equal(found.of("tops.c", names, people)[:3], [8, 5, 0])
  assert found.parse("hat=yes") == ("hat", 1)
  assert found.parse(" Shoulder Bag = NO ") == ("shoulder_bag", 0)
  assert found.parse("Tops.c=8") == ("tops.c", 8)
  assert found.describe("hat", 1) == "hat=yes"
  assert found.describe("tops.c", 8) == "tops.c=8"
  assert parse_list(found, "hat, tops.c=5,hat=1") == [("hat", 1), ("tops.c", 5)]
  with pytest.raises(InputError, match="name one, such as handbag,hat,backpack"):
    parse_list(found, " , ")


def test_duke_by_identity(tmp_path):
  found = read_attributes(matlab(tmp_path / "d.mat"))
  people = np.array([8, 2, 3, 7777])
  np.testing.assert_array_equal(
    found.of("hat", people.astype(str), people), [2, 2, 1, NOT_ANNOTATED]
  )
  # Only one split has this attribute.
  np.testing.assert_array_equal(
    found.of("boots", people.astype(str), people)[:2], [NOT_ANNOTATED, 1]
  )
  assert found.parse("gender=female") == ("gender", 2)
  assert found.parse("boots=2") == ("boots", 2)


@pytest.mark.parametrize(
  ("text", "words"),
  [
    ("hatt=yes", ["hat, shoulder_bag, tops.c", "did you mean 'hat'?"]),
    ("tops.c", ["write tops.c= and one of 0, 5, 8"]),
    ("hat=maybe", ["write hat= and one of no (0), yes (1)"]),
    ("hat=2", ["hat= and one of no (0), yes (1)"]),
    ("tops.c=7", ["tops.c= and one of 0, 5, 8"]),
  ],
)
def test_wrong_attributes_and_values(mars, text, words):
  with pytest.raises(InputError) as caught:
    read_attributes(mars).parse(text)
  for word in words:
    assert word in str(caught.value)


@pytest.mark.parametrize(
  ("text", "words"),
  [
    ("", "the first line"),
    ("a,b,c,d\n1,1,1,1\n", "must begin with person-id,camera,tracklet"),
    (HEAD + "1,2,3,8,0\n", "line 2"),
    (HEAD + "1,2,3,8,0,1\n1,2,x,8,0,1\n", "line 3"),
    (HEAD + "1,2,3,-8,0,1\n", "whole numbers"),
  ],
)
def test_broken_tables(tmp_path, text, words):
  path = tmp_path / "a.csv"
  path.write_text(text)
  with pytest.raises(InputError, match=words) as caught:
    read_attributes(path)
  assert str(path) in str(caught.value)


def test_broken_files(tmp_path):
  (tmp_path / "a.mat").write_text("no matrix")
  (tmp_path / "a.txt").write_text("")
  (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
  scipy.io.savemat(tmp_path / "other.mat", {"x": 1})
  for name, words in {
    "a.mat": "cannot be read as DukeMTMC's attributes",
    "other.mat": "cannot be read as DukeMTMC's attributes",
    "a.txt": r"neither \.csv \(MARS\) nor \.mat",
    "b.csv": r"b\.csv cannot be read \(it is UTF-16 text",
    "gone.csv": "is missing: give mars_attributes.csv",
  }.items():
    with pytest.raises(InputError, match=words) as caught:
      read_attributes(tmp_path / name)
    assert name in str(caught.value)


def test_every_known_tracklet_of_the_official_index_is_annotated(shared):
  tables = load_dataset("mars", shared / "data" / "mars_info", check_files=False)
  path = shared / "data" / "attributes" / "mars_attributes.csv"
  found = read_attributes(path)
  with open(path, newline="") as file:
    rows = {
      (int(r["person-id"]), int(r["camera"]), int(r["tracklet"])): r for r in csv.DictReader(file)
    }
  for table in (tables.train, tables.query, tables.gallery):
    values = found.of("backpack", table.names, table.identities)
    np.testing.assert_array_equal(values == NOT_ANNOTATED, table.identities == 0)
    for i in np.linspace(0, len(table) - 1, 50).astype(int):
      if table.identities[i]:
        key = (int(table.identities[i]), int(table.cameras[i]), int(table.names[i][-4:]))
        assert values[i] == int(rows[key]["backpack"])


def test_the_real_annotations_of_duke(shared):
  found = read_attributes(shared / "data" / "attributes" / "duke_attribute.mat")
  assert len(found.rows) == 702 + 1110
  assert len(found.columns) == 23
  assert found.columns["handbag"][found.rows["14"]] == 2  # The fourth of the training people.
  assert {found.parse(f"{name}=yes")[1] for name in ("handbag", "hat", "backpack")} == {2}
