"""A real browser for pages, and the screens on which they are looked at."""

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
VIEWS = {
  "wide": {"viewport": {"width": 1280, "height": 900}},
  "phone": {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True},
  "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
}


@contextlib.contextmanager
def started() -> Iterator[Any]:
  """Playwright's browser; skips the tests if there is none."""
  sync_api = pytest.importorskip("playwright.sync_api")
  path = next(filter(None, map(shutil.which, BROWSERS)), None)
  if path is None:
    pytest.skip(f"needs a browser: none of {', '.join(BROWSERS)} is installed")
  with sync_api.sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
    yield browser
    browser.close()
