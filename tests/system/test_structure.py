"""The package keeps its shape: imports follow the journey, files are short, names say something."""

import ast
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "cosam_jax"
FILES = sorted(PACKAGE.rglob("*.py"))
CONFIGS = sorted((ROOT / "configs").glob("*.py"))

# A part may import those before it; what stands beside them (main, runs, config, ...) is on top.
JOURNEY = ("data", "models", "training", "evaluation", "reports")
# Packages that stand on top too, because they are several files.
ON_TOP = ("benchmark",)
FREE = ("cosam_jax", "cosam_jax.errors")
# Of other packages: what a part must not import.
FORBIDDEN = {
  "data": ("jax", "jaxlib", "flax", "optax", "orbax", "chex"),
  "models": ("tensorflow", "tensorflow_datasets", "optax"),
  "training": ("tensorflow", "tensorflow_datasets"),
  "evaluation": ("tensorflow", "tensorflow_datasets", "optax"),
  "reports": ("jax", "jaxlib", "flax", "optax", "orbax", "chex", "tensorflow"),
}
MEANINGLESS = {"util", "utils", "helper", "helpers", "misc", "common", "tools", "stuff", "base"}

parametrize_files = pytest.mark.parametrize(
  "path", FILES, ids=lambda path: str(path.relative_to(PACKAGE))
)


def module_name(path: pathlib.Path) -> str:
  parts = path.relative_to(ROOT).with_suffix("").parts
  return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(path: pathlib.Path) -> str:
  name = module_name(path)
  return name if path.name == "__init__.py" else name.rpartition(".")[0]


def imports(tree: ast.AST, package: str) -> set[str]:
  """Every module that is imported anywhere in a file, also late and for types alone.

  `from a import b` counts as both `a` and `a.b`, since `b` may be a module.
  """
  found = set()
  for node in ast.walk(tree):
    if isinstance(node, ast.Import):
      found |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      base = node.module or ""
      if node.level:
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*above, *([base] if base else [])])
      found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
  return found


def part_of(module: str) -> str | None:
  """The part of the journey that a module of ours belongs to; None for those beside."""
  parts = module.split(".")
  return parts[1] if parts[0] == "cosam_jax" and len(parts) > 1 and parts[1] in JOURNEY else None


def wrong_imports(tree: ast.AST, path: pathlib.Path) -> list[str]:
  """Imports against the journey's direction."""
  here = part_of(module_name(path))
  if here is None:
    return []
  wrong = []
  for module in imports(tree, package_of(path)):
    if module.split(".")[0] in FORBIDDEN[here]:
      wrong.append(module)
    if module.split(".")[0] != "cosam_jax" or module in FREE:
      continue
    if module.startswith("cosam_jax.errors."):
      continue
    there = part_of(module)
    if there is None or JOURNEY.index(there) > JOURNEY.index(here):
      wrong.append(module)
  return sorted(wrong)


def parse(path: pathlib.Path) -> ast.Module:
  return ast.parse(path.read_text(), filename=str(path))


def test_the_parts_are_those_of_the_journey():
  folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
  assert folders == {*JOURNEY, *ON_TOP}


@parametrize_files
def test_imports_follow_the_journey(path):
  assert wrong_imports(parse(path), path) == []


@pytest.mark.parametrize(
  ("where", "code", "wrong"),
  [
    ("data/a.py", "import jax.numpy as jnp", ["jax.numpy"]),
    ("data/a.py", "def f():\n  from jax import tree", ["jax", "jax.tree"]),
    ("data/a.py", "from cosam_jax.errors import InputError\nimport numpy", []),
    ("data/a.py", "from cosam_jax import errors, data", []),
    ("data/a.py", "from cosam_jax import runs", ["cosam_jax.commands.runs"]),
    ("data/figures/a.py", "from ..mars import x\nfrom . import body", []),
    ("data/a.py", "from ..models import x", ["cosam_jax.models", "cosam_jax.models.x"]),
    ("models/a.py", "import cosam_jax.data, optax", ["optax"]),
    ("models/a.py", "from cosam_jax.training.state import S", ["cosam_jax.training.state"]),
    ("evaluation/a.py", "import tensorflow as tf", ["tensorflow"]),
    ("reports/__init__.py", "from ..evaluation import cards\nimport jax", ["jax"]),
    ("runs.py", "import jax, tensorflow\nfrom cosam_jax.reports import results", []),
  ],
)
def test_wrong_imports_are_seen(where, code, wrong):
  found = wrong_imports(ast.parse(code), PACKAGE / where)
  assert set(wrong) <= set(found)
  assert bool(wrong) == bool(found)


def test_reports_load_without_jax():
  """Also through what they import: a report is written where no accelerator is."""
  modules = [module_name(path) for path in (PACKAGE / "reports").rglob("*.py")]
  code = f"import sys, {', '.join(modules)}\nsys.exit('jax' in sys.modules)"
  subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=300)


def test_configurations_import_ml_collections_only():
  for path in CONFIGS:
    modules = {module.split(".")[0] for module in imports(parse(path), "configs")}
    assert modules == {"ml_collections"}, path


@pytest.mark.parametrize("path", [*FILES, *CONFIGS], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_long(path):
  lines = len(path.read_text().splitlines())
  assert lines <= 300, f"{path} has {lines} lines: it is two files"


def test_no_module_has_a_name_that_says_nothing():
  names = {part for path in FILES for part in re.split(r"[._]", module_name(path))}
  assert not names & MEANINGLESS


def undocumented(tree: ast.Module) -> list[str]:
  """Public modules, classes, functions and methods without a docstring.

  A method may leave it to the class it overrides only where it is one of Python's own, `__x__`.
  """
  found = [] if ast.get_docstring(tree) else ["the module"]

  def visit(node: ast.AST, prefix: str) -> None:
    for child in ast.iter_child_nodes(node):
      if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        if child.name.startswith("_"):
          continue
        if not ast.get_docstring(child):
          found.append(prefix + child.name)
        if isinstance(child, ast.ClassDef):
          visit(child, f"{prefix}{child.name}.")
      elif isinstance(child, (ast.If, ast.Try, ast.With)):
        visit(child, prefix)

  visit(tree, "")
  return found


@parametrize_files
def test_everything_public_is_documented(path):
  tree = parse(path)
  if path.name == "__init__.py" and not tree.body:
    return
  assert undocumented(tree) == []


def test_missing_docstrings_are_seen():
  code = (
    "class A:\n  def f(self): pass\n  def _g(self): pass\ndef h(): pass\nif 1:\n  def i(): pass"
  )
  assert undocumented(ast.parse(code)) == ["the module", "A", "A.f", "h", "i"]
  assert undocumented(ast.parse('"""M."""\ndef f():\n  """F."""\n  def inner(): pass')) == []


@pytest.mark.parametrize("path", [*FILES, *CONFIGS], ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_left_for_later(path):
  marks = re.findall(r"\b(?:TODO|FIXME|XXX|HACK)\b", path.read_text())
  assert marks == []


def test_every_part_says_what_it_is():
  for part in (*JOURNEY, *ON_TOP):
    assert ast.get_docstring(parse(PACKAGE / part / "__init__.py")), part


def test_the_tests_mirror_the_package():
  folders = {path.name for path in (ROOT / "tests").iterdir() if any(path.glob("test_*.py"))}
  assert folders == {*JOURNEY, *ON_TOP}
