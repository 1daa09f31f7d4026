"""Builds the API reference from the docstrings: a page for each module, in docs/api.

  python docs/build_api.py [FOLDER]

Fails, and says where, if a module cannot be imported or something public has no docstring.
"""

import pathlib
import re
import sys
import textwrap

import jax
import pdoc

DOCS = pathlib.Path(__file__).resolve().parent
PACKAGE = DOCS.parent / "cosam_jax"
_GENERATED = ("Alias for field number", "Create new instance of")  # By typing.NamedTuple.


def module_names(package: pathlib.Path) -> list[str]:
  """Every public module of a package, packages before what is in them."""
  names = []
  for file in package.rglob("*.py"):
    parts = file.relative_to(package.parent).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    if not any(part.startswith("_") for part in parts):
      names.append(".".join(parts))
  return sorted(names)


def undocumented(docs: pdoc.doc.Namespace) -> list[str]:
  """Full names of the package's own public classes, functions and methods without a docstring."""
  package, found = docs.modulename.split(".")[0], []
  for member in docs.own_members:
    if member.kind == "variable" or member.name.startswith("_"):
      continue
    # A name may also be bound to a function of another package, such as an initialiser of flax's.
    own = (getattr(member.obj, "__module__", None) or package).split(".")[0] == package
    if own and not member.docstring:
      found.append(member.fullname)
    if own and isinstance(member, pdoc.doc.Class):
      found += undocumented(member)
  return found


def as_markdown(docstring: str) -> str:
  """A docstring, written to be read in the source, with what Markdown would misread made plain.

  Commands and tables that stand alone, indented by two spaces, become blocks of code; stars within
  words (h*w) and angle brackets stay what they are.
  """
  if docstring.startswith(_GENERATED):
    return ""
  paragraphs = docstring.split("\n\n")
  for i, paragraph in enumerate(paragraphs):
    if re.fullmatch(r"( {2,}.*\n?)+", paragraph) and not re.match(r" +(\d+\.|[-*]) ", paragraph):
      paragraphs[i] = f"```text\n{textwrap.dedent(paragraph).rstrip()}\n```"
      continue
    parts = paragraph.split("`")  # Every other part is code.
    parts[::2] = [re.sub(r"(?<=\w)(\*)(?=\w)|<(?=\w)", _escape, part) for part in parts[::2]]
    paragraphs[i] = "`".join(parts)
  return "\n\n".join(paragraphs)


def _escape(found: re.Match[str]) -> str:
  return r"\*" if found[1] else "&lt;"


def _prepare(docs: pdoc.doc.Doc) -> None:
  docs.docstring = as_markdown(docs.docstring)
  for member in docs.own_members if isinstance(docs, pdoc.doc.Namespace) else ():
    _prepare(member)


def build(package: pathlib.Path, out: pathlib.Path) -> int:
  """Writes the pages; returns how many.

  Raises:
    RuntimeError: a module that cannot be imported.
    SystemExit: docstrings are missing.
  """
  modules = {name: pdoc.doc.Module.from_name(name) for name in module_names(package)}
  for module in modules.values():
    for name in getattr(module.obj, "__all__", ()):
      setattr(module.obj, name, getattr(module.obj, name))  # Some are loaded when first asked for.
  missing = [name for name, module in modules.items() if not module.docstring]
  missing += [name for module in modules.values() for name in undocumented(module)]
  if missing:
    sys.exit(f"without a docstring: {', '.join(missing)}")
  for module in modules.values():
    _prepare(module)
  jax.Array.__qualname__ = "Array"  # Its own is `jaxlib._jax.Array`.
  pdoc.render.configure(
    docformat="google", show_source=False, template_directory=DOCS / "api_template"
  )
  for name, module in modules.items():
    page = out / f"{name.replace('.', '/')}.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(pdoc.render.html_module(module, modules), encoding="utf-8")
  (out / "index.html").write_text(pdoc.render.html_index(modules), encoding="utf-8")
  (out / "search.js").write_text(pdoc.render.search_index(modules), encoding="utf-8")
  return len(modules)


if __name__ == "__main__":
  folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS / "api"
  print(f"{build(PACKAGE, folder)} modules: {folder / 'index.html'}")
