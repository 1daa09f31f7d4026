"""Writes the small PyTorch files beside it. It needs torch and safetensors; the tests do not."""

import collections
import pathlib
import sys

import ml_dtypes
import numpy as np


def expected() -> dict[str, np.ndarray]:
  """The values in the files: types, shapes and layouts that state dicts of networks have."""
  grid = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 7
  return {
    "conv.weight": grid,
    "transposed": grid.transpose(2, 0, 1),
    "every_other": grid[:, 1, ::2],
    "tied": grid,
    "tail": grid.reshape(-1)[20:],
    "parameter": np.float32([0.5, -1.5]),
    "half": np.float16([1.5, -0.25, 65504]),
    "bfloat16": np.asarray([1.5, -3.0, 1e30], ml_dtypes.bfloat16),
    "double": np.float64([1 / 3]),
    "norm.num_batches_tracked": np.asarray(7, np.int64),
    "bool": np.asarray([True, False]),
    "bytes": np.asarray([1, 255], np.uint8),
    "empty": np.zeros((0, 3), np.float32),
    "expanded": np.broadcast_to(np.float32(2.5), (3, 2)),
  }


def write(folder: pathlib.Path) -> None:
  """Writes the files, each tensor laid out as its name says."""
  import safetensors.torch
  import torch

  values = expected()
  grid = torch.from_numpy(values["conv.weight"].copy())
  state = collections.OrderedDict(
    {name: torch.from_numpy(v.astype(np.float32)) for name, v in values.items() if v.ndim}
  )
  state |= {
    "conv.weight": grid, "transposed": grid.permute(2, 0, 1), "every_other": grid[:, 1, ::2],
    "tied": grid, "tail": grid.view(-1)[20:], "half": state["half"].half(),
    "bfloat16": state["bfloat16"].bfloat16(), "double": torch.tensor([1 / 3], dtype=torch.float64),
    "norm.num_batches_tracked": torch.tensor(7), "bool": state["bool"].bool(),
    "bytes": state["bytes"].byte(), "expanded": torch.tensor(2.5).expand(3, 2),
    "parameter": torch.nn.Parameter(state["parameter"]),
  }  # fmt: skip
  state = collections.OrderedDict((name, state[name]) for name in values)
  state._metadata = collections.OrderedDict({"": {"version": 1}})
  checkpoint = {
    "state_dict": collections.OrderedDict((f"module.{k}", v) for k, v in state.items()),
    "rank1": np.float64(0.875),
    "epoch": 3,
    "optimizer": {"state": {0: {"step": 5, "exp_avg": torch.ones(4)}}, "param_groups": [{"lr": 3}]},
  }
  old = {"_use_new_zipfile_serialization": False}
  torch.save(state, folder / "zip.pth")
  torch.save(state, folder / "legacy.pth", **old)
  torch.save(checkpoint, folder / "checkpoint.pth.tar", **old)
  torch.save(checkpoint, folder / "checkpoint_zip.pth.tar")
  plain = {name: tensor.contiguous().clone() for name, tensor in state.items()}
  safetensors.torch.save_file(plain, folder / "tensors.safetensors")


if __name__ == "__main__":
  write(pathlib.Path(sys.argv[1]))
