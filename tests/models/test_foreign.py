"""Foreign networks: their vectors are those of NumPy; what the file says must be what is asked."""

import json

import numpy as np
import onnx_files as tiny_files
import pytest
from onnx import TensorProto

from cosam_jax.errors import InputError
from cosam_jax.evaluation.fingerprints import vectors_hash, weights_hash
from cosam_jax.models import ReidNet
from cosam_jax.models.foreign import ForeignNet, ours

RNG = np.random.default_rng(3)


def clips(count, frames=1, size=tiny_files.SIZE):
  return RNG.integers(0, 256, (count, frames, *size, 3), np.uint8)


def vectors(network, pictures, **options):
  return network.features(pictures.astype(np.float32), np.ones(pictures.shape[:2], bool), **options)


def close(found, wanted, rtol=1e-4):
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, wanted, rtol=rtol, atol=rtol * np.abs(wanted).max())


@pytest.mark.parametrize("batch", ["N", 1, 3])
def test_images_of_any_number_at_once_give_their_vectors(tmp_path, batch):
  path = tmp_path / "model.onnx"
  matrix = tiny_files.write(path, {}, axes=tiny_files.shape(batch=batch))
  network = ForeignNet(path)
  assert (network.num_frames, network.image_size) == (1, tiny_files.SIZE)
  assert (network.embedding_size, network.cosam_stages) == (tiny_files.WIDTH, ())
  pictures = clips(7)
  close(vectors(network, pictures), tiny_files.oracle(pictures, matrix))
  close(vectors(network, pictures[:2]), tiny_files.oracle(pictures[:2], matrix))


def test_swapped_colours_are_other_vectors(tmp_path):
  found, pictures = {}, clips(4)
  for channels in ("RGB", "BGR"):
    path = tmp_path / f"{channels}.onnx"
    matrix = tiny_files.write(path, {"channels": channels})
    network = ForeignNet(path)
    found[channels] = vectors(network, pictures)
    close(found[channels], tiny_files.oracle(pictures, matrix, {"channels": channels}))
  away = np.abs(found["RGB"] - found["BGR"]).max()
  assert away > 0.05 * np.abs(found["RGB"]).max()


@pytest.mark.parametrize("layout", ["NTCHW", "NCTHW", "NTHWC"])
def test_clips_in_every_order_of_axes(tmp_path, layout):
  path, frames = tmp_path / "model.onnx", 4
  how = {"frames": frames, "range": 1, "mean": [0.5, 0.4, 0.3], "deviation": [0.2, 0.3, 0.4]}
  matrix = tiny_files.write(path, how, axes=tiny_files.shape(layout, frames=frames))
  network = ForeignNet(path)
  assert network.preprocessing.layout == layout  # The file's shape decides it.
  pictures = clips(3, frames)
  close(vectors(network, pictures), tiny_files.oracle(pictures, matrix, how, layout))


def test_one_frame_on_an_axis_of_its_own(tmp_path):
  path = tmp_path / "model.onnx"
  matrix = tiny_files.write(path, {}, axes=tiny_files.shape("NTHWC"))
  pictures = clips(2)
  close(vectors(ForeignNet(path), pictures), tiny_files.oracle(pictures, matrix, {}, "NTHWC"))


@pytest.mark.parametrize(
  ("kind", "out"),
  [
    (TensorProto.FLOAT16, TensorProto.FLOAT), (TensorProto.FLOAT, TensorProto.FLOAT16),
    (TensorProto.FLOAT16, TensorProto.FLOAT16), (TensorProto.DOUBLE, TensorProto.DOUBLE),
  ],
)  # fmt: skip
def test_other_precisions(tmp_path, kind, out):
  path = tmp_path / "model.onnx"
  matrix = tiny_files.write(path, {}, kind=kind, out=out)
  pictures = clips(3)
  close(vectors(ForeignNet(path), pictures), tiny_files.oracle(pictures, matrix), 5e-3)


def test_whole_grey_levels_as_input(tmp_path):
  path = tmp_path / "model.onnx"
  how = {"channels": "RGB", "mean": [0, 0, 0], "deviation": [1, 1, 1]}
  matrix = tiny_files.write(path, how, kind=TensorProto.UINT8)
  pictures = clips(2)
  close(vectors(ForeignNet(path), pictures), tiny_files.oracle(pictures, matrix, how))
  tiny_files.write(path, {}, kind=TensorProto.UINT8)
  with pytest.raises(InputError, match=r"whole grey levels, so .*model\.json must have range 255"):
    ForeignNet(path)


def test_mirror_images_and_unit_length(tmp_path):
  path = tmp_path / "model.onnx"
  matrix = tiny_files.write(path, {"normalise": "yes"})
  pictures = clips(3)
  plain = {"normalise": False}
  both = [tiny_files.oracle(p, matrix, plain) for p in (pictures, pictures[:, :, :, ::-1])]
  network = ForeignNet(path)
  for options, wanted in (({}, both[0]), ({"flip": True}, (both[0] + both[1]) / 2)):
    found = vectors(network, pictures, **options)
    close(found, wanted / np.linalg.norm(wanted, axis=1, keepdims=True))
  assert np.abs(both[0] - both[1]).max() > 0.05 * np.abs(both[0]).max()


def test_a_grid_of_one_place_is_a_vector(tmp_path):
  path = tmp_path / "model.onnx"
  matrix = tiny_files.write(path, {}, grid=True)
  pictures = clips(2)
  close(vectors(ForeignNet(path), pictures), tiny_files.oracle(pictures, matrix))


def test_readable_frames_take_the_places_of_others(tmp_path):
  path, layout = tmp_path / "model.onnx", "NTCHW"
  matrix = tiny_files.write(path, {"frames": 4}, axes=tiny_files.shape(layout, frames=4))
  pictures, valid = clips(3, 4), np.ones((3, 4), bool)
  valid[1] = [False, True, False, True]
  valid[2] = False
  before = pictures.astype(np.float32)
  found = ForeignNet(path).features(before, valid)
  filled = pictures.copy()
  filled[1, 0], filled[1, 2] = pictures[1, 1], pictures[1, 3]
  wanted = tiny_files.oracle(filled, matrix, {"frames": 4}, layout)
  close(found[:2], wanted[:2])
  np.testing.assert_array_equal(before, pictures)


def hashes(path):
  found = ForeignNet(path).variables
  return weights_hash(found), vectors_hash(found)


def test_hashes_are_of_the_file_and_the_preprocessing(tmp_path):
  (tmp_path / "b").mkdir()
  first, same = tmp_path / "a.onnx", tmp_path / "b" / "other.onnx"
  for path in (first, same):
    tiny_files.write(path, {})
  wanted = hashes(first)
  assert hashes(same) == wanted
  others = []
  for items in ({"channels": "RGB"}, {"mean": [1, 2, 3]}, {"normalise": True}):
    tiny_files.write(first, items)
    others.append(hashes(first))
  tiny_files.write(first, {}, seed=1)
  others.append(hashes(first))
  assert len({wanted, *others}) == 5
  record = ForeignNet(same).record
  assert record["file"] == "other.onnx"
  assert len(record["sha256"]) == 64
  assert record["preprocessing"] == {**tiny_files.HOW, "layout": "NCHW", "output": "vectors"}
  assert "same protocol" in record["comparable_with"]
  assert json.loads(json.dumps(record)) == record


def test_weights_in_another_file_are_part_of_the_hashes(tmp_path):
  path = tmp_path / "model.onnx"
  tiny_files.write(path, {}, beside="model.onnx.data")
  before = hashes(path)
  content = bytearray((tmp_path / "model.onnx.data").read_bytes())
  content[2] ^= 1
  (tmp_path / "model.onnx.data").write_bytes(content)
  assert hashes(path) != before
  assert list(ForeignNet(path).record["weights_beside"]) == ["model.onnx.data"]


@pytest.mark.parametrize(
  ("how", "options", "words"),
  [
    ({"size": [32, 64]}, {"axes": [1, 3, 64, 32]},
     r"model\.json says size \[32, 64\] and frames 1, and .*'pictures', tensor\(float\) of shape "
     r"\[1, 3, 64, 32\]: correct the one"),
    ({"frames": 4}, {"axes": ["N", 3, 64, 32]}, r"size \[64, 32\] and frames 4, and"),
    ({}, {"axes": ["N", 2, 3, 64, 32]}, "frames 1, and"),
    ({"layout": "NHWC"}, {"axes": ["N", 3, 64, 32]},
     "and layout NHWC, and .* correct the one that is wrong; layout NCHW would fit"),
    ({}, {"axes": ["N", "a", "b", "c"]}, r"does not say layout: give one of NCHW, NHWC; it is"),
    ({"frames": 3}, {"axes": ["N", 3, 3, 64, 32]}, "not say layout: give one of NTCHW, NCTHW; it"),
    ({}, {"axes": ["N", 1, 64, 32]}, r"size \[64, 32\] and frames 1, and"),
    ({}, {"inputs": ("pictures", "names")}, r"has 2 inputs \(pictures, names\)"),
    ({}, {"kind": TensorProto.INT32}, r"tensor\(int32\).*must be one of tensor\(float\)"),
    ({}, {"out": TensorProto.INT64}, r"output 'vectors' of .* is tensor\(int64\)"),
    ({}, {"outputs": ("vectors", "scores")},
     r"not say output: give one of 'vectors', .*'scores', tensor\(float\).*; it is the output"),
    ({"output": "vector"}, {"outputs": ("vectors", "scores")},
     "has output 'vector', and .* has 'vectors', 'scores': .*did you mean 'vectors'"),
  ],
)  # fmt: skip
def test_what_the_file_says_otherwise_is_one_sentence(tmp_path, how, options, words):
  path = tmp_path / "model.onnx"
  tiny_files.write(path, how, **options)
  with pytest.raises(InputError, match=words):
    ForeignNet(path)


def test_the_named_output_of_several_is_taken(tmp_path):
  path, pictures = tmp_path / "model.onnx", clips(2)
  matrix = tiny_files.write(path, {"output": "scores"}, outputs=("vectors", "scores"))
  close(vectors(ForeignNet(path), pictures), -tiny_files.oracle(pictures, matrix))


def test_a_stated_layout_decides_between_those_that_fit(tmp_path):
  path, pictures = tmp_path / "model.onnx", clips(2)
  for layout in ("NCHW", "NHWC"):
    matrix = tiny_files.write(path, {"layout": layout}, axes=["N", "a", "b", "c"])
    wanted = tiny_files.oracle(pictures, matrix, {}, layout)
    close(vectors(ForeignNet(path), pictures), wanted)


def test_an_output_that_is_no_vector_of_each_is_refused(tmp_path):
  path = tmp_path / "model.onnx"
  tiny_files.write(path, {}, mixed=True)
  with pytest.raises(InputError, match=r"has the shape \[1, 6\] for 2 at once"):
    ForeignNet(path)


@pytest.mark.parametrize("batch", ["N", 3])
def test_vectors_that_depend_on_other_clips_are_refused(tmp_path, batch):
  path = tmp_path / "model.onnx"
  tiny_files.write(path, {}, axes=tiny_files.shape(batch=batch), trained=True)
  with pytest.raises(InputError, match=r"another vector if other clips .*call model\.eval\(\)"):
    ForeignNet(path)


def test_ours_are_told_from_foreign_ones(tmp_path):
  tiny_files.write(tmp_path / "model.onnx", {})
  own = ReidNet("resnet18")
  assert ours(own) is own
  with pytest.raises(InputError, match=r"model\.onnx is a foreign network, which can only be eval"):
    ours(ForeignNet(tmp_path / "model.onnx"))
