"""`--mode=export`: the network for other programs, tried in a process without this package."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import tqdm

from cosam_jax.commands.export import exported
from cosam_jax.commands.export.companions import keep_companions, network_record
from cosam_jax.commands.export.folder import (
  EXAMPLE,
  earlier_formats,
  export_folder,
  formats_there,
)
from cosam_jax.commands.export.formats import (
  FORMATS,
  INPUTS,
  input_shape,
  program_of,
  reads_back,
)
from cosam_jax.data import TrackletTable
from cosam_jax.data.clips import dense_clips
from cosam_jax.data.packing import read_image
from cosam_jax.data.pixel_numbers import IMAGENET_MEAN, IMAGENET_STD
from cosam_jax.data.resizing import pixels_for_network
from cosam_jax.errors import InputError, suggestion
from cosam_jax.experiment.inference import Reading
from cosam_jax.experiment.network import Network
from cosam_jax.models.exported_record import RECORD, SAFETENSORS
from cosam_jax.runtime.library_paths import LibraryPath

TOLERANCE = 1e-4
"""Largest difference of exported features, relative to the largest feature."""
EXAMPLE_CLIPS = 3
_RUNTIMES = {"onnx": ("onnxruntime", "export")}  # Format -> its runtime, and the extra with it.


def parse_formats(text: str) -> tuple[str, ...]:
  """`"stablehlo,onnx"` -> the two names; InputError if a format does not exist."""
  names = tuple(name.strip() for name in text.split(",") if name.strip())
  for name in names:
    if name not in FORMATS:
      raise InputError(
        f"--format names {name!r}: use some of {', '.join(FORMATS)}{suggestion(name, FORMATS)}"
      )
  if not names:
    raise InputError(f"--format is empty: use some of {', '.join(FORMATS)}")
  return names


def export(
  network: Network,
  directory: pathlib.Path,
  table: TrackletTable,
  *,
  formats: Sequence[str] = tuple(FORMATS),
  inputs: str = "clips",
  must: bool = True,
  beside: pathlib.Path | None = None,
) -> dict[str, Any]:
  """Writes the formats, `example.npz` and `export.json`; tries each format; prints a table.

  Args:
    network: the network to export.
    directory: the output folder; all files appear at the end, or none. Formats of an earlier export
      that are not written now stay if they are of the same network and input.
    table: tracklets whose frames are the example.
    formats: names in `FORMATS`.
    inputs: the input of the exported programs, see `formats.INPUTS`.
    beside: the folder with what was measured of the network, which is copied beside the formats,
      see `companions`; None: nothing was.
    must: whether a format that cannot be written is an error; else it is left out with a sentence.

  Returns:
    The content of export.json; `formats` has each format's file, size and largest difference.

  Raises:
    InputError: a format cannot be written (if `must`) or gives different features, or a user's
      files are in the way.
  """
  folder, keep = export_folder(directory), set[str]()
  with folder.replacing(keep=keep) as partial:
    record = _export(network, partial, directory, table, formats, inputs, must)
    record |= keep_companions(network, beside, partial)
    # Programs of the same network stay; those of another network would mislead.
    earlier = earlier_formats(directory, record)
    others = [name for name in formats_there(directory) if name not in earlier]
    gone = [name for name in others if name not in record["formats"]]
    replaced = [name for name in others if name in record["formats"]]
    for name, entry in earlier.items():
      if name not in record["formats"]:
        record["formats"][name] = entry
        keep |= {ours for ours in folder.names if ours.split("/")[0] in entry["files"]}
    (partial / RECORD).write_text(json.dumps(record, indent=1) + "\n")
  if replaced:
    print(f"replaced, though an earlier call exported another network: {', '.join(replaced)}")
  if gone:
    print(f"removed, since an earlier call exported another network: {', '.join(gone)}")
  return record


def _export(
  network: Network,
  partial: pathlib.Path,
  directory: pathlib.Path,
  table: TrackletTable,
  formats: Sequence[str],
  inputs: str,
  must: bool,
) -> dict[str, Any]:
  """Writes the example and the formats into `partial`; returns their part of export.json."""
  example = _example(network, table, inputs)
  np.savez(partial / EXAMPLE, allow_pickle=False, **example)
  features = example["features"]
  spread = float(np.ptp(features, axis=0).max() / max(np.abs(features).max(), 1e-30))
  if len(features) > 1 and spread < 10 * TOLERANCE:
    print(
      f"warning: the example's {len(features)} clips give almost the same features (they differ by "
      f"{spread:.0e}), so equal answers prove little"
    )
  record: dict[str, Any] = {
    **network_record(network),
    "input": {"name": inputs, "dtype": np.dtype(INPUTS[inputs]).name,
              "shape": ["B", *input_shape(network)]},
    "output": {"name": "features", "dtype": "float32",
               "shape": ["B", example["features"].shape[1]]},
    "formats": {},
  }  # fmt: skip
  print(f"{'format':<12}{'MiB':>8}  {'difference':<12}file")
  bar = tqdm.tqdm(formats, desc="export", unit="format", leave=False, disable=None)
  for name in bar:
    try:
      written = _write(name, network, inputs, partial)
    except InputError as error:
      if must:
        raise
      bar.write(f"not written: {error}")
      continue
    record["formats"][name] = written
    difference = written["difference"]
    shown = "untried" if difference is None else f"{difference:.1e}" if difference else "exact"
    size = written["bytes"] / 2**20
    bar.write(f"{name:<12}{size:>8.1f}  {shown:<12}{directory / written['file']}")
    if difference is not None and not difference <= TOLERANCE:
      raise InputError(
        f"{name}: the exported network's features differ by {difference:.1e} from ours, more than "
        f"{TOLERANCE:.0e}: do not use this format with the installed versions; nothing was written"
      )
  return record


def _example(network: Network, table: TrackletTable, inputs: str) -> dict[str, Any]:
  """Real clips in the form that exported programs take, and their features by our forward pass."""
  count, height, width, _ = input_shape(network)
  size, method, clips = (height, width), Reading.of(network.flat).resize_method, []
  for row in range(min(len(table), EXAMPLE_CLIPS)):
    positions = dense_clips(int(table.lengths[row]), count)[0]
    frames = [table.frames.name(int(frame)) for frame in table.frame_ids(row)[positions]]
    clips.append(
      np.stack([pixels_for_network(read_image(frame, size), size, method) for frame in frames])
    )
  example = np.stack(clips)
  if inputs == "frames":  # Rounds to grey levels, so that both inputs mean the same picture.
    mean, std = (np.array(values, np.float32) for values in (IMAGENET_MEAN, IMAGENET_STD))
    example = np.clip(np.rint((example * std + mean) * 255), 0, 255).astype(np.uint8)
  features = np.asarray(jax.jit(program_of(network, inputs))(example))
  return {inputs: example, "features": features}


def _write(name: str, network: Network, inputs: str, directory: pathlib.Path) -> dict[str, Any]:
  """Writes a format into a folder of its own, tries it, and moves it beside the others."""
  file, write = FORMATS[name]
  with tempfile.TemporaryDirectory(dir=directory, prefix=".") as folder:
    apart = pathlib.Path(folder).absolute()
    plain = LibraryPath(apart)  # TensorFlow refuses names that are not UTF-8.
    write(network, inputs, plain.path / file)
    difference = _try(name, apart / file, directory / EXAMPLE, network)
    size = sum(path.stat().st_size for path in apart.rglob("*") if path.is_file())
    names = sorted(path.name for path in apart.iterdir())
    for made in names:
      (apart / made).replace(directory / made)
  first = file if file in names else names[0]
  return {"file": first, "files": names, "bytes": size, "difference": difference}


def _try(name: str, path: pathlib.Path, example: pathlib.Path, network: Network) -> float | None:
  """The largest relative difference in a fresh process; None if the runtime is not installed."""
  if name == "torch":
    return _read_back(path, network)
  if name in _RUNTIMES and importlib.util.find_spec(_RUNTIMES[name][0]) is None:
    print(f"{name}: not tried, pip install 'cosam-jax[{_RUNTIMES[name][1]}]' brings its runtime")
    return None
  # The file is given by name alone, since its library may not accept the path.
  with tempfile.TemporaryDirectory() as folder:
    written = pathlib.Path(folder) / "answer.json"
    files = [path.name, str(example.absolute()), str(written)]
    done = subprocess.run(
      [sys.executable, "-P", exported.__file__, name, *files],
      capture_output=True,
      text=True,
      check=False,
      cwd=path.parent,
      env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    if done.returncode:
      lines = done.stderr.strip().splitlines() or ["no reason given"]
      raise InputError(
        f"{name}: the exported network does not run in a fresh process ({lines[-1]})"
      )
    answer = json.loads(written.read_text())
  if answer["cosam_jax"]:
    raise RuntimeError("the fresh process loaded this package")
  return answer["difference"]


def _read_back(path: pathlib.Path, network: Network) -> float:
  """0 if the written state dicts, read by name, give the same variables bit for bit."""
  for file in (path, path.with_name(SAFETENSORS)):
    if file.is_file() and not reads_back(file, network):
      return float("inf")
  return 0.0
