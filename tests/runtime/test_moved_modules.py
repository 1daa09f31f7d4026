"""Old names of modules, as documents promised them, still work."""

import importlib

import pytest

from cosam_jax.runtime.moved_modules import MOVED, install


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_is_the_module_itself_and_says_the_new_name(old):
  with pytest.warns(DeprecationWarning, match=f"{old} is now {MOVED[old]}"):
    found = importlib.import_module(old)
  new = importlib.import_module(MOVED[old])
  assert found is new
  assert (new.__name__, new.__spec__.name) == (MOVED[old], MOVED[old])


def test_names_that_never_were_are_not_found():
  install()
  with pytest.raises(ModuleNotFoundError):
    importlib.import_module("cosam_jax.never")
