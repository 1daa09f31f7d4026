"""Fixtures that every part of the tests uses: where data lies, and quiet libraries."""

import os
import pathlib
import signal
import tempfile
from collections.abc import Iterator

import hypothesis
import pytest

from cosam_jax.runtime import cycles

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Most of the tests' time goes into compiling networks that run once: compile them in haste.
os.environ.setdefault(
  "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)
# The tests, and the processes that they start, keep compiled programs apart from the user's: all
# workers in one folder, which lasts for this call, or longer if COSAM_TESTS_CACHE names one.
if "COSAM_TESTS_CACHE" not in os.environ:
  _CACHE = tempfile.TemporaryDirectory()
  os.environ["COSAM_TESTS_CACHE"] = _CACHE.name
os.environ["COSAM_CACHE"] = os.environ["COSAM_TESTS_CACHE"]

cycles.collect_rarely()  # As the program does.

# A run under `nohup`, or behind `&` in a script, ignores these, and so would the processes that the
# tests send them to.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
  signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
  signal.signal(signal.SIGINT, signal.default_int_handler)

# How long a machine takes says nothing of what is tested.
hypothesis.settings.register_profile(
  "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
  """Whole runs and processes come first, so that no worker waits for a long file at the end.

  Before `-m` chooses among them, tests that ask for `torch` are marked so.
  """
  for item in items:
    if "torch" in getattr(item, "fixturenames", ()):
      item.add_marker("torch")
  items.sort(key=lambda item: "system" not in item.path.parts)


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
  """The folder with real frames, the official MARS index and trained weights, or a skip."""
  folder = pathlib.Path(os.environ.get("COSAM_SHARED", ROOT.parent / "shared"))
  if not (folder / "data").is_dir():
    pytest.skip(f"needs real data: no folder {folder}/data (set COSAM_SHARED to where it lies)")
  return folder


@pytest.fixture(scope="session")
def torch():
  """PyTorch, an oracle of some tests; they are left out where it is not installed."""
  return pytest.importorskip("torch", reason="PyTorch is not installed, and is the oracle here")


@pytest.fixture(scope="session")
def golden() -> pathlib.Path:
  """Small outputs of the published PyTorch code, shipped with the tests."""
  return ROOT / "tests" / "golden"


@pytest.fixture(scope="session")
def tiny_synthetic(tmp_path_factory) -> pathlib.Path:
  """A drawn data set in MARS's layout, 6 + 4 people; see `tiny.py` for runs on it."""
  import tiny

  from cosam_jax.data.drawn.synthetic import write_synthetic

  directory = tmp_path_factory.mktemp("tiny") / "set"
  drawing = {name.split(".")[1]: value for name, value in tiny.DRAWING.items()}
  write_synthetic(directory, **drawing)
  return directory


@pytest.fixture(scope="session")
def compilation_cache() -> Iterator[dict[str, str]]:
  """Keeps compiled programs for the session, here and in processes with this environment.

  Yields the environment's variables.
  """
  import jax

  options = {
    "jax_compilation_cache_dir": str(pathlib.Path(os.environ["COSAM_TESTS_CACHE"]) / "tests"),
    "jax_compilation_cache_max_size": 4 * 2**30,  # With a limit, JAX locks the folder.
    "jax_persistent_cache_min_compile_time_secs": 0.1,
    "jax_persistent_cache_min_entry_size_bytes": -1,
  }
  before = {name: getattr(jax.config, name) for name in options}
  for name, value in options.items():
    jax.config.update(name, value)
  yield {name.upper(): str(value) for name, value in options.items()}
  for name, value in before.items():
    jax.config.update(name, value)


@pytest.fixture(scope="module")
def hasty_compilation(compilation_cache) -> Iterator[dict[str, str]]:
  """Compiles programs in a fraction of the time; they run slower. For tests of tiny networks.

  Yields the environment variables for it, including those of `compilation_cache`.
  """
  import jax

  jax.config.update("jax_disable_most_optimizations", True)
  yield compilation_cache | {"JAX_DISABLE_MOST_OPTIMIZATIONS": "true"}
  jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="session")
def saved_run(tiny_synthetic, tmp_path_factory) -> pathlib.Path:
  """The workdir of a tiny network on `tiny_synthetic`, with a checkpoint of drawn weights."""
  import saved_run as saved

  return saved.write(tmp_path_factory.mktemp("saved") / "run", tiny_synthetic)
