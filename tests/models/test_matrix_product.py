"""The product of 1x1 convolutions and its written-out gradient, against the derived one."""

import chex
import jax
import numpy as np

from cosam_jax.models.matrix_product import multiply


def test_value_and_gradients():
  rng = np.random.default_rng(0)
  x, kernel, ahead = (
    rng.standard_normal(shape).astype(np.float32) for shape in ((2, 3, 5, 4), (4, 6), (2, 3, 5, 6))
  )
  wanted, derived = jax.vjp(lambda x, kernel: x @ kernel, x, kernel)
  found, written = jax.vjp(multiply, x, kernel)
  np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
  chex.assert_trees_all_close(written(ahead), derived(ahead), rtol=1e-5, atol=1e-5)
