"""The builder of the API reference refuses undocumented code and misreads no docstring.

The reference itself is built in `.ci/run`.
"""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
pytest.importorskip("pdoc", reason="needs pdoc (the extra docs)")

GOOD = {
  "__init__.py": '"""A package."""\n',
  "deep/__init__.py": '"""Deeper."""\n__all__ = ["late"]\n'
  "def __getattr__(name):\n  if name != 'late':\n    raise AttributeError(name)\n"
  "  from package.deep.code import late\n  return late\n",
  "deep/code.py": '"""Code:\n\n  python code.py\n\nSo.\n"""\nimport math\n'
  'from math import floor\nnumber = 1\ndef late(a):\n  """Gives a*b*c for <a>.\n\n'
  '  Args:\n    a: float[B, D].\n  """\nclass A:\n  """B."""\n  def _f(self):\n    pass\n'
  '  def __call__(self):\n    """Called so."""\n',
  "deep/_hidden.py": "raise ImportError\n",
}


def build(folder: pathlib.Path, files: dict[str, str]) -> subprocess.CompletedProcess:
  for name, text in files.items():
    path = folder / "package" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
  code = "import build_api; from pathlib import Path; build_api.build(Path('package'), Path('out'))"
  return subprocess.run(
    [sys.executable, "-c", code],
    cwd=folder,
    env=os.environ | {"PYTHONPATH": f"{ROOT / 'docs'}{os.pathsep}{folder}"},
    capture_output=True,
    text=True,
    timeout=120,
  )


def test_every_module_gets_a_page(tmp_path):
  done = build(tmp_path, GOOD)
  assert done.returncode == 0, done.stderr
  pages = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.html")}
  assert pages == {"index.html", "package.html", "package/deep.html", "package/deep/code.html"}
  page = (tmp_path / "out/package/deep/code.html").read_text()
  assert "<p>Gives a*b*c for &lt;a>.</p>" in page
  assert "<strong>a:</strong>  float[B, D]." in page
  assert re.search(r"<pre>.*python code.py\n</code></pre>", page)
  assert "Called so." in page
  assert "floor" not in page
  assert "Gives a*b*c" in (tmp_path / "out/package/deep.html").read_text()
  assert 'href="deep/code.html"' in (tmp_path / "out/package/deep.html").read_text()


@pytest.mark.parametrize(
  ("file", "text", "message"),
  [
    ("deep/code.py", GOOD["deep/code.py"] + "def bare():\n  pass\n", "package.deep.code.bare"),
    ("deep/code.py", GOOD["deep/code.py"] + "  def g(self):\n    pass\n", "package.deep.code.A.g"),
    ("deep/__init__.py", "", "without a docstring: package.deep"),
    ("deep/code.py", '"""Code."""\nimport no_such_module\n', "no_such_module"),
    ("deep/__init__.py", '"""Deep."""\n__all__ = ["nothing"]\n', "nothing"),
  ],
)
def test_what_is_missing_is_an_error_that_names_it(tmp_path, file, text, message):
  done = build(tmp_path, {**GOOD, file: text})
  assert done.returncode == 1
  assert message in done.stderr
  assert not (tmp_path / "out").exists()
