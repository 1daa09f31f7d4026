"""ONNX files: all that is in them is hashed and runs; what cannot be run is one sentence."""

import hashlib
import importlib.util

import numpy as np
import onnx_files as tiny_files
import onnxruntime
import pytest

from cosam_jax.errors import InputError
from cosam_jax.models import onnx_sessions
from cosam_jax.models.onnx_sessions import Session, is_onnx, read_program

PICTURES = np.random.default_rng(1).standard_normal((2, 3, 64, 32)).astype(np.float32)


def answer(path):
  return Session(read_program(path), path).run("vectors", PICTURES)


def sha256(path):
  return hashlib.sha256(path.read_bytes()).hexdigest()


def test_names_of_onnx_files():
  assert is_onnx("a/b.onnx")
  assert is_onnx("B.ONNX")
  assert not is_onnx("imagenet")
  assert not is_onnx("a.onnx/b")


def test_weights_beside_the_file_are_read_and_hashed(tmp_path):
  matrix = tiny_files.write(tmp_path / "one.onnx")
  tiny_files.write(tmp_path / "two.onnx", beside="two.data")
  alone, both = read_program(tmp_path / "one.onnx"), read_program(tmp_path / "two.onnx")
  assert (alone.sha256, alone.beside) == (sha256(tmp_path / "one.onnx"), {})
  assert both.sha256 == sha256(tmp_path / "two.onnx")
  assert both.beside == {"two.data": sha256(tmp_path / "two.data")}
  wanted = PICTURES.reshape(2, -1) @ matrix
  for name in ("one.onnx", "two.onnx"):
    np.testing.assert_allclose(answer(tmp_path / name), wanted, rtol=1e-4, atol=1e-5)
  content = bytearray((tmp_path / "two.data").read_bytes())
  content[1] ^= 1
  (tmp_path / "two.data").write_bytes(content)
  other = read_program(tmp_path / "two.onnx")
  assert other.sha256 == both.sha256
  assert other.beside != both.beside
  (tmp_path / "two.data").unlink()
  with pytest.raises(InputError, match=r"keeps weights in two\.data, which cannot be used"):
    read_program(tmp_path / "two.onnx")


@pytest.mark.parametrize(
  ("content", "words"),
  [
    (b"", "is not an ONNX file, or has no network in it"),
    (b"<html>no such file</html>" * 9, "is not an ONNX file, or is damaged"),
    (b"\x00" * 400, "is not an ONNX file"),
  ],
)
def test_other_content_is_refused(tmp_path, content, words):
  (tmp_path / "model.onnx").write_bytes(content)
  with pytest.raises(InputError, match=words):
    read_program(tmp_path / "model.onnx")


def test_a_file_that_is_cut_short_is_refused(tmp_path):
  path = tmp_path / "model.onnx"
  tiny_files.write(path)
  path.write_bytes(path.read_bytes()[:-100])
  with pytest.raises(InputError, match=r"model\.onnx (is not an ONNX file|cannot be run)"):
    Session(read_program(path), path)


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
  for path in (tmp_path, tmp_path / "nowhere.onnx"):
    with pytest.raises(InputError, match="cannot be read"):
      read_program(path)


@pytest.mark.parametrize("lacking", ["onnxruntime", "onnx"])
def test_what_is_not_installed_is_named_with_the_way_to_install_it(tmp_path, monkeypatch, lacking):
  find = importlib.util.find_spec
  monkeypatch.setattr(
    onnx_sessions.importlib.util, "find_spec", lambda name: None if name == lacking else find(name)
  )
  with pytest.raises(InputError, match=rf"needs {lacking}, .* pip install 'cosam-jax\[foreign\]'"):
    read_program(tmp_path / "model.onnx")


def test_axes_are_numbers_or_free(tmp_path):
  for batch, wanted in (("N", None), (3, 3), (0, None)):
    tiny_files.write(tmp_path / "model.onnx", axes=tiny_files.shape(batch=batch))
    session = Session(read_program(tmp_path / "model.onnx"), tmp_path / "model.onnx")
    (taken,) = session.inputs
    assert taken == ("pictures", "tensor(float)", (wanted, 3, 64, 32))
    first = "any" if wanted is None else "3"
    assert str(taken) == f"'pictures', tensor(float) of shape [{first}, 3, 64, 32]"
    assert [one.name for one in session.outputs] == ["vectors"]


def test_what_a_network_refuses_is_said_with_its_input(tmp_path):
  path = tmp_path / "model.onnx"
  tiny_files.write(path, axes=tiny_files.shape(batch=3))
  session = Session(read_program(path), path)
  with pytest.raises(InputError, match=r"fails on 2 at once, float32\[2, 3, 64, 32\].*\[3, 3, 64"):
    session.run("vectors", PICTURES)


def test_a_gpu_is_taken_if_onnx_runtime_offers_one(tmp_path, monkeypatch):
  cuda, cpu = "CUDAExecutionProvider", "CPUExecutionProvider"
  assert onnx_sessions._providers([cpu]) == [cpu]
  assert onnx_sessions._providers(["TensorrtExecutionProvider", cuda, cpu]) == [
    (cuda, {"use_tf32": "0"}), cpu
  ]  # fmt: skip
  tiny_files.write(tmp_path / "model.onnx")
  asked, make = [], onnxruntime.InferenceSession

  def recording(content, options, providers):
    asked.append((options.intra_op_num_threads, providers))
    return make(content, options, providers=[cpu])

  monkeypatch.setattr(onnxruntime, "InferenceSession", recording)
  monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [cuda, cpu])
  session = Session(read_program(tmp_path / "model.onnx"), tmp_path / "model.onnx")
  assert asked == [(onnx_sessions._cores(), [(cuda, {"use_tf32": "0"}), cpu])]
  assert session.provider == cpu  # That which really runs it.
