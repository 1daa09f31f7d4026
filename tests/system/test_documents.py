"""The documents: links and files exist, lists are complete, the citation names this version."""

import importlib.util
import pathlib
import re
import string
import subprocess
import sys

import pytest
import yaml

import cosam_jax
from cosam_jax.commands.registry import COMMANDS
from cosam_jax.data.sets.registry import DATASETS

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = [
  *sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "third_party/README.md",
]  # fmt: skip
FOLDERS = "cosam_jax|tests|docs|configs|launch|benchmarks|third_party"
BUILT = {"docs/api/index.html"}


def prose(path: pathlib.Path) -> str:
  """A document without its blocks of code."""
  return re.sub(r"^ *```.*?^ *```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def links(path: pathlib.Path) -> list[tuple[str, str]]:
  """(file, anchor) of each relative link; either may be empty."""
  text = re.sub(r"`[^`]*`", "", prose(path))
  targets = re.findall(r"\]\(([^)\s]+)\)", text)
  return [
    tuple((target.split("#") + [""])[:2])
    for target in targets
    if not re.match(r"[a-z]+:", target)
  ]  # fmt: skip


def anchors(path: pathlib.Path) -> set[str]:
  """A document's anchors: its headings as GitHub names them."""
  found: list[str] = []
  dropped = "".join(set(string.punctuation) - set("-_"))
  for heading in re.findall(r"^#+ (.*)$", prose(path), flags=re.MULTILINE):
    name = heading.lower().translate(str.maketrans("", "", dropped)).strip().replace(" ", "-")
    found.append(f"{name}-{found.count(name)}" if name in found else name)
  return set(found)


@pytest.mark.parametrize(
  ("text", "expected"),
  [
    ("## 24 people: frozen, with COSAM4,5", {"24-people-frozen-with-cosam45"}),
    ("# A `b_c`\n```\n# no heading\n```\n### A b_c", {"a-b_c", "a-b_c-1"}),
  ],
)
def test_anchors_are_those_of_github(tmp_path, text, expected):
  path = tmp_path / "page.md"
  path.write_text(text)
  assert anchors(path) == expected


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(path):
  missing = []
  for target, anchor in links(path):
    file = path.parent / target if target else path
    if not file.exists() or (anchor and anchor not in anchors(file)):
      missing.append(f"{target}#{anchor}")
  assert missing == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_exist(path):
  named = re.findall(rf"(?<![\w./$-])(?:{FOLDERS})/[\w./-]*\w\.[a-z]\w*", path.read_text())
  assert [name for name in named if name not in BUILT and not (ROOT / name).exists()] == []


def test_every_document_can_be_reached_from_the_readme():
  reached, waiting = set(), [ROOT / "README.md"]
  while waiting:
    path = waiting.pop()
    if path in reached:
      continue
    reached.add(path)
    if path.suffix == ".md":
      waiting += [(path.parent / target).resolve() for target, _ in links(path) if target]
  assert {path for path in DOCUMENTS if path not in reached} == set()


def test_the_readme_has_every_mode_with_its_file():
  readme = (ROOT / "README.md").read_text()
  files = {
    f"--{command.flag}" if command.flag else name: f"{command.module.replace('.', '/')}.py"
    for name, command in COMMANDS.items()
  }
  assert [name for name, file in files.items()
          if not re.search(rf"\| `{name}` \| \[[^]]+\]\({file}\) \|", readme)] == []  # fmt: skip


def test_the_page_of_data_sets_has_every_one():
  lines = (ROOT / "docs/data_sets.md").read_text().splitlines()
  rows = [line for line in lines if re.match(r"\|.*(configs/|--dataset=)", line)]
  named = [re.search(r"configs/(\w+)\.py|--dataset=(\w+)", row).groups() for row in rows]
  assert {config or flag for config, flag in named} == set(DATASETS)


def built_by(name):
  spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/{name}.py")
  module = importlib.util.module_from_spec(spec)
  sys.modules[name] = module  # Its dataclasses ask for it.
  spec.loader.exec_module(module)
  return module


@pytest.fixture(scope="module")
def build_options():
  return built_by("build_options")


@pytest.fixture(scope="module")
def build_results():
  return built_by("build_results")


def test_every_measured_result_is_in_a_table(build_results):
  written = (ROOT / "docs/results.md").read_text()
  files = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs/measured").rglob("*.json")]
  assert len(files) > 5
  assert [file for file in files if f"]({file})" not in written] == []


@pytest.mark.slow
def test_the_tables_of_results_are_those_of_the_measured_results(build_results):
  written = (ROOT / "docs/results.md").read_text()
  assert written == build_results.filled(written), "run: python docs/build_results.py"


def test_the_page_of_options_is_what_the_program_reads(build_options):
  written = (ROOT / "docs/options.md").read_text()
  assert written == build_options.page(), "run: python docs/build_options.py"


@pytest.mark.parametrize("mode", COMMANDS)
def test_the_page_of_options_needs_what_the_program_needs(build_options, mode):
  command = COMMANDS[mode]
  said = build_options._needs(command)
  spared = {flag for flag in command.needs if command.unless and flag not in command.instead}
  for flag in spared:
    assert any(line.startswith("With ") and f"no `--{flag}`" in line for line in said)
  for remedy in {*command.needs.values(), *command.instead.values()}:
    assert any(line.endswith(f": {remedy}.") for line in said)
  (shared,) = [line for line in said if "processes" in line] or [""]
  assert bool(shared) == command.shared
  assert all(f"`--{flag}`" in shared for flag in command.unless if shared)


def test_the_poster_is_introduced_before_it_is_used():
  """The word has a meaning of its own here, which readers of a page alone cannot know."""
  pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "configs").glob("*.py")]
  for path in pages:
    text = " ".join(re.sub(r"`[^`\n]*`|\]\([^)]*\)", " ", path.read_text()).split())
    used = re.search(r"\b[Pp]oster('s)?\b", text)
    if used:
      assert re.search("ICCV 2019|its authors", text[: used.end() + 200]), path.name


def test_building_the_page_of_options_loads_nothing_slow(tmp_path):
  code = (
    "import runpy, sys\n"
    "sys.argv[1:] = [sys.argv[2]]\n"
    f"runpy.run_path({str(ROOT / 'docs/build_options.py')!r}, run_name='__main__')\n"
    "assert not {'jax', 'numpy', 'tensorflow', 'flax'} & {*sys.modules}, sorted(sys.modules)\n"
  )
  command = [sys.executable, "-c", code, "", str(tmp_path / "options.md")]
  subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
  assert (tmp_path / "options.md").read_text() == (ROOT / "docs/options.md").read_text()


def test_the_citation_is_of_this_version():
  citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
  assert citation["version"] == cosam_jax.__version__
  assert "version = attr: cosam_jax.__version__\n" in (ROOT / "setup.cfg").read_text()
  assert f"## [{cosam_jax.__version__}]" in (ROOT / "CHANGELOG.md").read_text()
  assert citation["license"] == "Apache-2.0"
  (paper,) = citation["references"]
  readme = " ".join((ROOT / "README.md").read_text().split())
  assert paper["title"].lower() in readme.lower()
  assert all(author["family-names"] in readme for author in paper["authors"])
