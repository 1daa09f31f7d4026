"""Templates become pages: escaped, complete, and writable."""

import jinja2
import pytest

from cosam_jax.reports import html_pages


def test_values_are_escaped_and_none_may_be_missing(monkeypatch):
  templates = jinja2.DictLoader({"a.html": "<p>{{ name }}</p>\n{% if more %}\n<b>\n{% endif %}\n"})
  monkeypatch.setattr(jinja2, "PackageLoader", lambda package: templates)
  found = html_pages.filled("a.html", name="<i> \udcff", more=False)
  assert found.startswith("<p>&lt;i&gt; ")
  assert found.count("\n") == 1
  found.encode()  # Half a character cannot be written; `printable` shows it.
  with pytest.raises(jinja2.UndefinedError, match="more"):
    html_pages.filled("a.html", name="")
