"""Fixtures that every part of the tests uses: where data lies, and quiet libraries."""

import os
import pathlib

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
  """The folder with real frames, the official MARS index and trained weights, or a skip."""
  folder = pathlib.Path(os.environ.get("COSAM_SHARED", ROOT.parent / "shared"))
  if not (folder / "data").is_dir():
    pytest.skip(f"needs real data: no folder {folder}/data (set COSAM_SHARED to where it lies)")
  return folder


@pytest.fixture(scope="session")
def golden() -> pathlib.Path:
  """Small outputs of the published PyTorch code, shipped with the tests."""
  return ROOT / "tests" / "golden"
