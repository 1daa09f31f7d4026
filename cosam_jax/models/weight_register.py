"""Weights by name: the file that a name means, its addresses, and the folder that keeps it.

The register is `weights.json` beside this module; `third_party/README.md` explains its entries.
"""

import hashlib
import http.client
import json
import os
import pathlib
import shutil
import tempfile
import urllib.error
import urllib.request
from importlib import resources
from typing import TypedDict

import tqdm

from cosam_jax.errors import InputError, suggestion
from cosam_jax.models.exported_record import check_digests
from cosam_jax.models.hub_files import Found, fetched
from cosam_jax.models.hub_names import hub_name, is_hub_name, why_no_name
from cosam_jax.runtime.cache import cache_folder, why_unusable
from cosam_jax.runtime.user_paths import user_path

_CHUNK = 1 << 20
_TIMEOUT = 30  # seconds without a byte; dead hosts should not hold up the next mirror for long
_SUFFIXES = (".pth", ".pt", ".tar", ".safetensors", ".npz", ".onnx")


class Entry(TypedDict):
  """One weights file of the register."""

  file: str  # ends in -<first digits of its SHA-256>.<suffix>
  urls: list[str]  # tried in this order
  layout: str  # the program whose names its tensors have


def weight_register() -> dict[str, dict[str, Entry]]:
  """The register: weights' name -> backbone -> entry."""
  # Package data, because third_party/ is outside the package and would not be in a wheel.
  text = resources.files("cosam_jax.models").joinpath("weights.json").read_text("utf-8")
  return json.loads(text)


def find_weights(
  name_or_path: str | os.PathLike[str],
  backbone: str,
  cache_dir: str | os.PathLike[str] | None = None,
) -> Found:
  """Finds a weights file; fetches it if a name is given.

  Args:
    name_or_path: a file, a name in the register such as `"imagenet"`, or `hf:org/name@revision`.
    backbone: a key of `backbones.registry.BACKBONES`; decides which file the name means.
    cache_dir: where fetched files are kept; None is `cache_folder()`.

  Returns:
    The path of an existing file, and its name for people; a file that was fetched has the SHA-256
    that its name or its record says.

  Raises:
    InputError: there is no such file or name, none for this backbone, it cannot be fetched, or a
      published file is not as its record says.
  """
  text = os.fspath(name_or_path)
  if is_hub_name(text):
    return fetched(hub_name(text))
  path, label = user_path(text), pathlib.Path(text).name
  register = weight_register()
  if path.is_file() or (text not in register and path.exists()):
    check_digests(path)
    return Found(path, label)  # `read_weights` refuses a path that is not a file.
  if missing := missing_weights(text):
    raise InputError(missing)
  if backbone not in register[text]:
    raise InputError(
      f"there are no {text!r} weights for backbone {backbone!r}, only for "
      f"{', '.join(register[text])}: choose one of these, or give the path of a file"
    )
  folder = user_path(cache_dir) if cache_dir is not None else cache_folder()
  return Found(_fetch(register[text][backbone], folder), label)


def resolve_weights(
  name_or_path: str | os.PathLike[str],
  backbone: str,
  cache_dir: str | os.PathLike[str] | None = None,
) -> pathlib.Path:
  """The path of `find_weights`, which see."""
  return find_weights(name_or_path, backbone, cache_dir).path


def missing_weights(name_or_path: str) -> str:
  """The sentence on weights of which there is neither a file nor a name; empty if there is one.

  A name on the Hub is not looked up.
  """
  if is_hub_name(name_or_path):
    return why_no_name(name_or_path)
  register, path = weight_register(), user_path(name_or_path)
  if name_or_path in register or path.exists():
    return ""
  names = ", ".join(register)
  if path.name != name_or_path or path.suffix in _SUFFIXES:
    seen = "" if path.is_absolute() else f" (seen from {pathlib.Path.cwd()})"
    return (
      f"weights file {name_or_path} does not exist{seen}: give the path of a file with "
      f"--config.init.weights, or a name ({names})"
    )
  return (
    f"no weights are called {name_or_path!r}: choose one of {names}, or give the path of a file"
    f"{suggestion(name_or_path, register)}"
  )


def _fetch(entry: Entry, folder: pathlib.Path) -> pathlib.Path:
  target = folder / entry["file"]
  if target.is_file():
    _check_digest(target, entry["file"])
    return target
  if reason := why_unusable(folder):
    raise InputError(
      f"the weights' cache {folder} cannot be used ({reason}): set COSAM_CACHE to a folder that "
      "can be written to"
    )
  failures = []
  for url in entry["urls"]:
    try:
      _download(url, target)
      return target
    # These are URLError, timeouts, a full disk, a wrong digest, and a connection that breaks off.
    except (OSError, ValueError, http.client.HTTPException) as error:
      failures.append(f"{url} ({_reason(error)})")
  raise InputError(
    f"weights {entry['file']} could not be fetched from {' nor from '.join(failures)}: get the "
    f"file by other means and put it at {target}, or give its path"
  )


def _download(url: str, target: pathlib.Path) -> None:
  """Fetches `url` into `target`, which appears only when it is complete and checked."""
  descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
  part = pathlib.Path(name)
  try:
    with os.fdopen(descriptor, "wb") as file, urllib.request.urlopen(url, timeout=_TIMEOUT) as body:
      size = int(body.headers.get("Content-Length") or 0) or None
      with tqdm.tqdm.wrapattr(body, "read", total=size, desc=target.name, disable=None) as counted:
        shutil.copyfileobj(counted, file, _CHUNK)
    _check_digest(part, target.name)
    part.chmod(0o644)  # mkstemp lets only the owner read, and a cache may be shared
    part.replace(target)
  finally:
    part.unlink(missing_ok=True)


def _check_digest(path: pathlib.Path, name: str) -> None:
  """Compares a file's SHA-256 with the digits in `name`."""
  wanted = name.split(".")[0].rsplit("-", 1)[-1]
  with path.open("rb") as file:
    found = hashlib.file_digest(file, "sha256").hexdigest()
  if not found.startswith(wanted):
    raise InputError(
      f"weights file {path} has SHA-256 {found[:16]}..., but its name promises {wanted}...: it is "
      "damaged or a different file, so delete it and fetch it again"
    )


def _reason(error: Exception) -> str:
  """A few words on why a download failed."""
  if isinstance(error, InputError):
    return "the content does not have the SHA-256 that the name promises"
  if isinstance(error, urllib.error.HTTPError):
    return f"HTTP {error.code}"
  if isinstance(error, urllib.error.URLError):
    return str(error.reason)
  return str(error) or type(error).__name__
