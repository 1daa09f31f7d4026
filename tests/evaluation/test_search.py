"""Exact search in blocks, against a slow loop in double precision."""

import os
import subprocess
import sys

import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation import candidates
from cosam_jax.evaluation.search import VectorFile, nearest
from cosam_jax.training.mesh import make_mesh

BACKENDS = ["device", "faiss"]


def slowly(queries, gallery, k, distance):
  """Every distance by a loop, sorted by (distance, gallery row)."""
  found = []
  for q in queries.astype(np.float64):
    entries = []
    for row, g in enumerate(gallery.astype(np.float64)):
      if distance == "cosine":
        norms = np.linalg.norm(q) * np.linalg.norm(g)
        entries.append((1 - q @ g / norms if norms else 1.0, row))
      else:
        entries.append((((q - g) ** 2).sum(), row))
    found.append(sorted(entries)[:k])
  return np.array([[row for _, row in entry] for entry in found]), np.array(
    [[value for value, _ in entry] for entry in found]
  )


def vectors(seed, count, size=24):
  return np.random.default_rng(seed).standard_normal((count, size)).astype(np.float32)


def check_backend(backend):
  if backend == "faiss":
    pytest.importorskip("faiss", reason="needs faiss-cpu: pip install 'cosam-jax[faiss]'")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("distance", ["sqeuclidean", "cosine"])
@pytest.mark.parametrize(("count", "k", "block"), [(300, 7, 64), (40, 40, 16), (5, 9, 100)])
def test_the_nearest_are_those_of_a_slow_loop(backend, distance, count, k, block):
  check_backend(backend)
  queries, gallery = vectors(0, 6), vectors(1, count)
  gallery[3] = 0
  found = nearest(queries, gallery, k, distance=distance, backend=backend, block_rows=block)
  rows, distances = slowly(queries, gallery, k, distance)
  np.testing.assert_array_equal(found.rows, rows)
  np.testing.assert_allclose(found.distances, distances, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_equal_vectors_come_in_gallery_order_also_across_blocks(backend):
  check_backend(backend)
  gallery = np.repeat(vectors(2, 5), 120, axis=0)[np.random.default_rng(3).permutation(600)]
  queries = vectors(2, 5)[:3]
  for k in (4, 130):
    found = nearest(queries, gallery, k, backend=backend, block_rows=32)
    np.testing.assert_array_equal(found.rows, slowly(queries, gallery, k, "sqeuclidean")[0])


def test_what_rounding_hides_is_found():
  """Far from the origin float32 distances are mostly rounding; the answer is exact all the same."""
  rng = np.random.default_rng(4)
  gallery = (1000 + 0.01 * rng.standard_normal((800, 16))).astype(np.float32)
  queries = (1000 + 0.01 * rng.standard_normal((3, 16))).astype(np.float32)
  found = nearest(queries, gallery, 10, block_rows=100)
  np.testing.assert_array_equal(found.rows, slowly(queries, gallery, 10, "sqeuclidean")[0])


def test_more_queries_than_are_compared_at_once(monkeypatch):
  monkeypatch.setattr(candidates, "QUERY_ROWS", 4)
  queries, gallery = vectors(5, 11), vectors(6, 90)
  found = nearest(queries, gallery, 5, block_rows=37)
  np.testing.assert_array_equal(found.rows, slowly(queries, gallery, 5, "sqeuclidean")[0])


def test_files_are_read_by_rows(tmp_path):
  gallery = vectors(7, 100)
  np.save(tmp_path / "g.npy", gallery)
  file = VectorFile(tmp_path / "g.npy")
  assert file.shape == (100, 24)
  found = nearest(gallery[:4], file, 3, block_rows=33, where=make_mesh())
  np.testing.assert_array_equal(found.rows[:, 0], np.arange(4))
  np.testing.assert_array_equal(found.distances[:, 0], 0)


def test_devices_share_a_block():
  """Four devices, a block that they cannot share evenly, and ties between their shares."""
  code = (
    "import numpy as np, jax\n"
    "from cosam_jax.evaluation.search import nearest\n"
    "from cosam_jax.training.mesh import make_mesh\n"
    "assert jax.device_count() == 4\n"
    "g = np.repeat(np.random.default_rng(0).standard_normal((50, 8)), 3, 0).astype(np.float32)\n"
    "one = nearest(g[::7], g, 12, block_rows=70)\n"
    "four = nearest(g[::7], g, 12, block_rows=70, where=make_mesh())\n"
    "np.testing.assert_array_equal(one.rows, four.rows)\n"
    "assert (four.rows[0, :3] == [0, 1, 2]).all()\n"
  )
  flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
  subprocess.run([sys.executable, "-c", code], env=os.environ | flags, check=True, timeout=120)


@pytest.mark.parametrize(
  ("change", "words"),
  [
    ({"k": 0}, "k is 0"),
    ({"distance": "l2"}, "l2"),
    ({"backend": "annoy"}, "annoy"),
    ({"gallery": vectors(0, 5, 3)}, "24 dimensions and gallery features 3"),
    ({"gallery": np.full((5, 24), np.nan, np.float32)}, "gallery row 0"),
  ],
)
def test_what_cannot_be_searched_is_refused(change, words):
  arguments = {"queries": vectors(0, 2), "gallery": vectors(1, 5), "k": 1} | change
  with pytest.raises(InputError, match=words):
    nearest(**arguments)


def test_files_that_hold_no_vectors_are_refused(tmp_path):
  np.save(tmp_path / "a.npy", np.arange(5))
  (tmp_path / "b.npy").write_text("words")
  for name, words in [("a.npy", "int64"), ("b.npy", "b.npy"), ("none.npy", "No such file")]:
    with pytest.raises(InputError, match=words):
      VectorFile(tmp_path / name)


def test_files_of_vectors_are_looked_at_before_they_are_read(tmp_path):
  """A pipe and bad headers are refused at once, in one sentence."""
  os.mkfifo(tmp_path / "pipe.npy")
  np.save(tmp_path / "a.npy", np.ones((2, 3), np.float32))
  whole = (tmp_path / "a.npy").read_bytes()
  for name, content in (
    ("open.npy", whole.replace(b"(2, 3)", b"(2**9 ")),
    ("deep.npy", whole[:10] + b"(" * 100 + whole[110:]),
    ("long.npy", whole.replace(b"(2, 3), }" + b" " * 8, b"(999999999999,3)}")),
  ):
    (tmp_path / name).write_bytes(content)
  for name in ("pipe", "open", "deep", "long"):
    with pytest.raises(InputError, match="cannot be read as vectors"):
      VectorFile(tmp_path / f"{name}.npy")
