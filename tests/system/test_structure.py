"""The package keeps its shape: eight rooms, imports that go down, short files, telling names.

Each test walks all files and lists those that offend.
"""

import ast
import pathlib
import re
import subprocess
import sys

import pytest
from source_files import (
  CONFIGS,
  FILES,
  PACKAGE,
  ROOT,
  imports,
  module_name,
  offenders,
  package_of,
  parse,
)

# From the ground up: a room may import those before it.
ROOMS = (
  "runtime", "data", "models", "training", "evaluation", "reports", "experiment", "commands",
)  # fmt: skip
ENTRANCE = ("__init__.py", "errors.py", "main.py", "py.typed")
# FREE: every room may import these. LAZY: the one import upwards, of `cosam_jax.Embedder`.
FREE = ("cosam_jax", "cosam_jax.errors")
LAZY = ("cosam_jax.experiment", "cosam_jax.experiment.embedder")
# How the entrance knows old names and late ones.
NAMES = ("cosam_jax.runtime", "cosam_jax.runtime.moved_modules", "cosam_jax.runtime.late")
# The other packages that each room must not import.
FORBIDDEN: dict[str, tuple[str, ...]] = {
  "runtime": ("tensorflow", "tensorflow_datasets", "flax", "optax"),
  "data": ("jax", "jaxlib", "flax", "optax", "orbax", "chex"),
  "models": ("tensorflow", "tensorflow_datasets", "optax"),
  "training": ("tensorflow", "tensorflow_datasets"),
  "evaluation": ("tensorflow", "tensorflow_datasets", "optax"),
  "reports": ("jax", "jaxlib", "flax", "optax", "orbax", "chex", "tensorflow"),
  "experiment": ("tensorflow", "tensorflow_datasets"),
  "commands": (),
}
MEANINGLESS = {"util", "utils", "helper", "helpers", "misc", "common", "tools", "stuff", "base"}


def early_imports(tree: ast.Module, package: str) -> set[str]:
  """The imports that run when the module is imported: not late ones, nor those for types alone."""
  found = set()
  for node in tree.body:
    if isinstance(node, ast.Import | ast.ImportFrom):
      found |= imports(ast.Module([node], []), package)
  return found


def room_of(module: str) -> str | None:
  """The room of a module of ours; None for a module at the entrance."""
  parts = module.split(".")
  return parts[1] if parts[0] == "cosam_jax" and len(parts) > 1 and parts[1] in ROOMS else None


def wrong_imports(tree: ast.Module, path: pathlib.Path) -> list[str]:
  """Imports that go up, and those of packages that a room must not know."""
  here = room_of(module_name(path))
  if path == PACKAGE / "main.py":
    return []
  wrong = []
  for module in imports(tree, package_of(path)):
    if here and module.split(".")[0] in FORBIDDEN[here]:
      wrong.append(module)
    if module.split(".")[0] != "cosam_jax" or module in FREE:
      continue
    if module.startswith(("cosam_jax.errors.", "cosam_jax.__version__")):
      continue
    if here is None:
      entrance = path == PACKAGE / "__init__.py"
      if not module.startswith(LAZY) and not (
        entrance and module.removesuffix(".late_names") in NAMES
      ):
        wrong.append(module)
      continue
    there = room_of(module)
    if there is None or ROOMS.index(there) > ROOMS.index(here):
      wrong.append(module)
  if here == "runtime" and path.name != "hosts.py":  # All but the hosts must load without jax.
    wrong += [name for name in early_imports(tree, package_of(path)) if name.startswith("jax")]
  return sorted(wrong)


def test_the_package_has_eight_rooms_and_an_entrance():
  found = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
  assert found == {*ROOMS, *ENTRANCE}
  assert all((PACKAGE / room / "__init__.py").is_file() for room in ROOMS)


def test_imports_go_down():
  assert offenders(FILES, lambda path: wrong_imports(parse(path), path)) == {}


@pytest.mark.parametrize(
  ("where", "code", "wrong"),
  [
    ("data/a.py", "import jax.numpy as jnp", ["jax.numpy"]),
    ("data/a.py", "def f():\n  from jax import tree", ["jax", "jax.tree"]),
    ("data/a.py", "from cosam_jax.errors import InputError\nimport numpy", []),
    ("data/a.py", "from cosam_jax import errors, data", []),
    ("data/a.py", "from cosam_jax.commands import train", ["cosam_jax.commands.train"]),
    ("data/a.py", "from cosam_jax.runtime.whole_files import whole_file", []),
    ("data/drawn/a.py", "from ..sets import x\nfrom . import body", []),
    ("data/a.py", "from ..models import x", ["cosam_jax.models", "cosam_jax.models.x"]),
    ("models/a.py", "import cosam_jax.data, optax", ["optax"]),
    ("models/a.py", "from cosam_jax.training.state import S", ["cosam_jax.training.state"]),
    ("evaluation/a.py", "import tensorflow as tf", ["tensorflow"]),
    ("reports/__init__.py", "from ..evaluation import cards\nimport jax", ["jax"]),
    ("runtime/a.py", "from cosam_jax.data import clips", ["cosam_jax.data.clips"]),
    ("runtime/a.py", "import jax", ["jax"]),
    ("runtime/a.py", "def f():\n  import jax", []),
    ("experiment/a.py", "from cosam_jax.commands import flags", ["cosam_jax.commands.flags"]),
    ("commands/a.py", "import jax, tensorflow\nfrom cosam_jax.reports import results", []),
    ("errors.py", "from cosam_jax.runtime import x", ["cosam_jax.runtime.x"]),
    ("__init__.py", "def f():\n  from cosam_jax.experiment.embedder import Embedder", []),
  ],
)
def test_wrong_imports_are_seen(where, code, wrong):
  found = wrong_imports(ast.parse(code), PACKAGE / where)
  assert set(wrong) <= set(found)
  assert bool(wrong) == bool(found)


def test_reports_load_without_jax():
  """Their own imports load no jax either: reports are also written without an accelerator."""
  modules = [module_name(path) for path in (PACKAGE / "reports").rglob("*.py")]
  code = f"import sys, {', '.join(modules)}\nsys.exit('jax' in sys.modules)"
  subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=300)


def test_no_file_is_long():
  lines = {path: len(path.read_text().splitlines()) for path in [*FILES, *CONFIGS]}
  assert {str(path): number for path, number in lines.items() if number > 300} == {}


def test_no_module_has_a_name_that_says_nothing():
  names = {part for path in FILES for part in re.split(r"[._]", module_name(path))}
  assert not names & MEANINGLESS


def undocumented(tree: ast.Module) -> list[str]:
  """Public modules, classes, functions and methods without a docstring.

  Names that begin with `_` need none. A method that overrides another needs its own.
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


def test_everything_public_is_documented():
  assert offenders(FILES, lambda path: undocumented(parse(path))) == {}


def test_missing_docstrings_are_seen():
  code = (
    "class A:\n  def f(self): pass\n  def _g(self): pass\ndef h(): pass\nif 1:\n  def i(): pass"
  )
  assert undocumented(ast.parse(code)) == ["the module", "A", "A.f", "h", "i"]
  assert undocumented(ast.parse('"""M."""\ndef f():\n  """F."""\n  def inner(): pass')) == []


def test_nothing_is_left_for_later():
  marks = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
  assert offenders([*FILES, *CONFIGS], lambda path: marks.findall(path.read_text())) == {}


def test_the_tests_mirror_the_package():
  """A folder of tests is a room, or a folder in one; whole runs of the program are in `system`."""
  tests = ROOT / "tests"
  for path in tests.rglob("test_*.py"):
    folder = path.parent.relative_to(tests)
    assert folder.parts[:1] in ((), ("system",)) or (PACKAGE / folder).is_dir(), path


def test_every_source_file_with_a_function_is_tested_in_its_folder_of_tests():
  """By a test file of its name there, or by one that imports it."""
  imported: dict[pathlib.Path, set[str]] = {}
  for path in (ROOT / "tests").rglob("test_*.py"):
    imported.setdefault(path.parent, set()).update(imports(parse(path), ""))

  def untested(path: pathlib.Path) -> bool:
    folder = ROOT / "tests" / path.parent.relative_to(PACKAGE)
    has_function = any(isinstance(node, ast.FunctionDef) for node in ast.walk(parse(path)))
    named = (folder / f"test_{path.stem}.py").is_file()
    return has_function and not named and module_name(path) not in imported.get(folder, ())

  assert list(offenders(FILES, untested)) == []


def test_flags_are_read_in_few_places():
  """All other code gets the values it needs from its caller."""
  allowed = {"commands/flags.py", "commands/config_flags.py", "commands/path_flags.py",
             "commands/parsing.py", "runtime/quiet.py"}  # fmt: skip
  readers = offenders(FILES, lambda path: "absl.flags" in imports(parse(path), package_of(path)))
  assert set(readers) == {f"cosam_jax/{name}" for name in allowed}


def test_a_constant_that_others_import_has_one_home():
  """So that a name has one meaning in the whole package."""
  homes: dict[str, set[str]] = {}
  for path in FILES:
    for node in ast.walk(parse(path)):
      for name in node.names if isinstance(node, ast.ImportFrom) else ():
        if name.name.isupper():
          homes.setdefault(name.name, set()).add(node.module)
  assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_the_command_modules_are_the_registrys():
  from cosam_jax.commands.registry import COMMANDS

  with_run = set()
  for path in (PACKAGE / "commands").rglob("*.py"):
    for node in parse(path).body:
      if isinstance(node, ast.FunctionDef) and node.name == "run":
        assert [argument.arg for argument in node.args.args] == ["call"], path
        with_run.add(module_name(path))
  assert with_run == {command.module for command in COMMANDS.values()}
  for module in with_run:  # No command imports another.
    path = ROOT / pathlib.Path(*module.split(".")).with_suffix(".py")
    found = imports(parse(path), package_of(path))
    assert not found & (with_run - {module}), path


def test_the_door_loads_nothing_slow():
  code = (
    "import sys, cosam_jax.main\n"
    "print(sorted({'jax', 'numpy', 'tensorflow', 'flax', 'optax', 'PIL'} & {*sys.modules}))"
  )
  command = [sys.executable, "-c", code]
  done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=300)
  assert done.stdout.strip() == "[]"


def lambdas_as_defaults(tree: ast.Module) -> list[str]:
  """Fields of classes whose default is a lambda, which the API reference takes for a method."""
  fields = [
    node
    for parent in ast.walk(tree)
    if isinstance(parent, ast.ClassDef)
    for node in parent.body
    if isinstance(node, ast.AnnAssign)
  ]
  return [ast.unparse(node.target) for node in fields if isinstance(node.value, ast.Lambda)]


def test_defaults_of_fields_have_names():
  assert lambdas_as_defaults(ast.parse("class A:\n  x: int = 1\n  y: F = lambda: 1")) == ["y"]
  assert offenders(FILES, lambda path: lambdas_as_defaults(parse(path))) == {}
