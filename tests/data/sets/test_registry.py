"""The registry of data sets loads nothing slow, and is the one place that knows them."""

import importlib
import inspect
import subprocess
import sys

from cosam_jax.data import DATASETS, load_dataset
from cosam_jax.data.sets.registry import PARTS, DataSet, data_set_of, has_splits, splits_in_words
from cosam_jax.experiment.fields import FIELDS

HEAVY = ("numpy", "jax", "tensorflow", "tensorflow_datasets", "scipy", "PIL")


def test_names_load_nothing_slow():
  """Needs a process of its own, since other tests have loaded everything here."""
  code = (
    "import sys\n"
    "import cosam_jax.data\n"
    "from cosam_jax.data.sets.registry import DATASETS\n"
    "assert cosam_jax.data.DATASETS is DATASETS\n"
    f"loaded = [name for name in {HEAVY} if name in sys.modules]\n"
    "assert not loaded, loaded\n"
    "from cosam_jax.data import Tables, TrackletTable, load_dataset\n"
    "assert 'tensorflow' not in sys.modules\n"
  )
  subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_each_row_names_a_reader_that_takes_its_options():
  takes = set(inspect.signature(load_dataset).parameters) - {"data_dir"}
  for row in DATASETS.values():
    module, _, function = row.read.partition(":")
    reader = inspect.signature(getattr(importlib.import_module(module), function))
    assert set(row.options) <= takes & set(reader.parameters)
    assert set(row.expected) in (set(), set(PARTS))
    assert not row.prepared or row.about().citation.startswith("@inproceedings")
    assert ("split" in row.options) == (row.num_splits > 1)


def test_a_data_set_that_nobody_knows_has_no_facts():
  row = data_set_of("toy")
  assert not row.expected
  assert (row.num_splits, row.distractor, row.prepared) == (1, None, "")
  assert not has_splits("toy")
  assert has_splits("ilids_vid")


def test_several_splits_are_said_wherever_they_are_asked_for(monkeypatch):
  assert splits_in_words() == "ilids_vid (10), prid2011 (10)"
  assert splits_in_words() in FIELDS["data.split"].help
  monkeypatch.setitem(DATASETS, "toy", DataSet(read="", num_splits=3))
  assert splits_in_words().endswith(", toy (3)")
