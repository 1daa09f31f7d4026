"""A prepared set for the tests of those who write and read one; none of them changes it."""

import layouts
import pytest
from prepared_sets import noise

from cosam_jax.data import builders


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory):
  """MARS's layout with pictures of noise."""
  return noise(layouts.mars(tmp_path_factory.mktemp("mars")))


@pytest.fixture(scope="session")
def ready(unpacked, tmp_path_factory):
  """A folder in which MARS is prepared."""
  folder = tmp_path_factory.mktemp("prepared")
  builders.prepare("mars", unpacked, folder)
  return folder
