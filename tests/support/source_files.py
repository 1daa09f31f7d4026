"""The package's source files, and what each of them imports."""

import ast
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "cosam_jax"
FILES = sorted(PACKAGE.rglob("*.py"))
CONFIGS = sorted((ROOT / "configs").glob("*.py"))


def module_name(path: pathlib.Path) -> str:
  """The name by which a file of the package is imported."""
  parts = path.relative_to(ROOT).with_suffix("").parts
  return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(path: pathlib.Path) -> str:
  """The package from which a file's relative imports start."""
  name = module_name(path)
  return name if path.name == "__init__.py" else name.rpartition(".")[0]


def imports(tree: ast.AST, package: str) -> set[str]:
  """Every module imported anywhere in a file, even late or for types alone.

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


def parse(path: pathlib.Path) -> ast.Module:
  """The syntax tree of a file."""
  return ast.parse(path.read_text(), filename=str(path))


def offenders(paths, found) -> dict[str, object]:
  """Maps each file that offends to its faults."""
  return {str(path.relative_to(ROOT)): wrong for path in paths if (wrong := found(path))}
