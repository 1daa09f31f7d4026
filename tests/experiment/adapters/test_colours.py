"""Pictures become RGB, or are refused."""

import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.experiment.adapters.colours import as_rgb

PICTURE = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def test_both_orders_become_rgb():
  np.testing.assert_array_equal(as_rgb(PICTURE, "rgb"), PICTURE)
  assert as_rgb(PICTURE, "bgr")[1, 2].tolist() == PICTURE[1, 2].tolist()[::-1]


@pytest.mark.parametrize("picture", [PICTURE.astype(float), PICTURE[0], PICTURE[..., :2]])
def test_other_arrays_are_refused(picture):
  with pytest.raises(InputError, match=r"the picture is .* it must be uint8"):
    as_rgb(picture, "bgr")
