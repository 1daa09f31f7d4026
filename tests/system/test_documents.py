"""The documents beside the code: links lead somewhere, and the citation is of this version."""

import pathlib
import re

import pytest
import yaml

import cosam_jax

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_files_lead_to_files(path):
  targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text())
  missing = [
    target for target in targets if "://" not in target and not (path.parent / target).exists()
  ]
  assert missing == []


def test_the_citation_is_of_this_version():
  citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
  assert citation["version"] == cosam_jax.__version__
  assert "version = attr: cosam_jax.__version__\n" in (ROOT / "setup.cfg").read_text()
  assert citation["license"] == "Apache-2.0"
  (paper,) = citation["references"]
  readme = " ".join((ROOT / "README.md").read_text().split())
  assert paper["title"].lower() in readme.lower()
  assert all(author["family-names"] in readme for author in paper["authors"])
