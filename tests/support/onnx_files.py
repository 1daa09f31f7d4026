"""Small ONNX files whose vectors NumPy knows: a matrix times the input's numbers in their order."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = (64, 32)
HOW = {
  "size": list(SIZE), "channels": "BGR", "range": 255, "mean": [104.0, 117.0, 123.0],
  "deviation": [50.0, 60.0, 70.0], "resize": "bilinear", "frames": 1, "normalise": False,
}  # fmt: skip
"""A preprocessing of many Caffe networks; its numbers tell the colours apart."""
WIDTH = 6


def shape(layout="NCHW", size=SIZE, frames=1, batch="N"):
  """The input's shape in the order of a layout; a text is a free axis."""
  sizes = {"N": batch, "C": 3, "H": size[0], "W": size[1], "T": frames}
  return [sizes[axis] for axis in layout]


def write(
  path, how=None, *, axes=None, kind=TensorProto.FLOAT, out=TensorProto.FLOAT, outputs=("vectors",),
  inputs=("pictures",), beside=None, seed=0, grid=False, mixed=False, trained=False,
):  # fmt: skip
  """Writes `path` and the JSON file beside it; returns the matrix, float32[numbers, WIDTH].

  Args:
    path: of the ONNX file.
    how: items of the JSON file, besides those of HOW; None: no file.
    axes: the input's shape; None: that of images of the JSON file's size.
    kind, out: types of input and output.
    outputs, inputs: their names; the first one matters.
    beside: name of a file that takes the weights; None: they stay in the file.
    seed: of the matrix.
    grid: whether the output keeps a grid of one place, as a pool leaves it.
    mixed: whether the output is the mean over all pictures at once, one vector for several.
    trained: whether the mean over all pictures at once is subtracted, as norms do in training mode.
  """
  items = {**HOW, **(how or {})}
  axes = shape(size=items["size"]) if axes is None else axes
  known = all(isinstance(size, int) for size in axes[1:])
  count = int(np.prod(axes[1:] if known else [items["frames"], *items["size"], 3]))
  matrix = np.random.default_rng(seed).standard_normal((count, WIDTH)).astype(np.float32)
  matrix /= np.float32(np.sqrt(count))
  nodes = [
    helper.make_node("Cast", [inputs[0]], ["numbers"], to=TensorProto.FLOAT),
    helper.make_node("Flatten", ["numbers"], ["flat"], axis=1),
    helper.make_node("MatMul", ["flat", "matrix"], ["product"]),
    helper.make_node("Cast", ["product"], ["row" if grid else outputs[0]], to=out),
  ]
  initial = [numpy_helper.from_array(matrix, "matrix")]
  end = ["N", WIDTH]
  if grid:
    initial.append(numpy_helper.from_array(np.array([0, WIDTH, 1, 1]), "ends"))
    nodes.append(helper.make_node("Reshape", ["row", "ends"], [outputs[0]]))
    end += [1, 1]
  if mixed:
    nodes[-1].output[0] = "row"
    nodes.append(helper.make_node("ReduceMean", ["row"], [outputs[0]], axes=[0], keepdims=1))
    end = [1, WIDTH]
  if trained:
    nodes[-1].output[0] = "row"
    nodes.append(helper.make_node("ReduceMean", ["row"], ["mean"], axes=[0], keepdims=1))
    nodes.append(helper.make_node("Sub", ["row", "mean"], [outputs[0]]))
  for name in outputs[1:]:
    nodes.append(helper.make_node("Neg", [outputs[0]], [name]))
  graph = helper.make_graph(
    nodes, "tiny",
    [helper.make_tensor_value_info(name, kind, axes) for name in inputs],
    [helper.make_tensor_value_info(name, out, end) for name in outputs],
    initial,
  )  # fmt: skip
  model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
  if beside is None:
    path.write_bytes(model.SerializeToString())
  else:
    onnx.save_model(model, str(path), save_as_external_data=True, location=beside, size_threshold=0)
  if how is not None:
    path.with_suffix(".json").write_text(json.dumps(items))
  return matrix


def oracle(frames, matrix, how=None, layout="NCHW"):
  """float64[clips, WIDTH] of frames uint8[clips, T, H, W, 3], by the definition, one at a time."""
  items, rows = {**HOW, **(how or {})}, []
  for clip in frames:
    pictures = []
    for frame in clip:
      picture = np.asarray(frame, np.float64)
      if items["channels"] == "BGR":
        picture = np.stack([picture[..., 2], picture[..., 1], picture[..., 0]], axis=-1)
      picture = picture / 255 * items["range"]
      pictures.append((picture - items["mean"]) / items["deviation"])
    axes = "THWC" if "T" in layout else "HWC"
    numbers = np.stack(pictures) if "T" in layout else pictures[0]
    ordered = np.moveaxis(numbers, [axes.index(axis) for axis in layout[1:]], range(len(axes)))
    vector = ordered.reshape(-1) @ matrix.astype(np.float64)
    rows.append(vector / np.linalg.norm(vector) if items["normalise"] else vector)
  return np.stack(rows)
