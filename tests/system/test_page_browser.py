"""The report page in a real browser: wide, on a phone, dark, printed, and checked by axe."""

import functools
import http.server
import re
import threading

import browsers
import pytest
import saved_run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("hasty_compilation")]
VIEWS = {
  **browsers.VIEWS,
  "dark phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"},
}


@pytest.fixture(scope="module")
def browser():
  with browsers.started() as browser:
    yield browser


@pytest.fixture(scope="module")
def report(tiny_synthetic, tmp_path_factory):
  """The report folder of an evaluated run."""
  return saved_run.evaluate(tmp_path_factory.mktemp("browser") / "run", tiny_synthetic) / "report"


@pytest.fixture
def opened(browser, report):
  """Opens the page from the disk, as people do; records its complaints and its requests."""
  contexts = []

  def open_page(view, address=None):
    context = browser.new_context(**VIEWS[view])
    contexts.append(context)
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("requestfailed", lambda request: page.complaints.append(request.url))
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(address or (report / "index.html").as_uri())
    # Otherwise pictures further down load only when they are scrolled to.
    page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
    page.wait_for_load_state("networkidle")
    return page

  yield open_page
  for context in contexts:
    context.close()


@pytest.mark.parametrize("view", VIEWS)
def test_every_picture_is_there_and_nothing_complains(opened, view):
  page = opened(view)
  sizes = page.evaluate("[...document.images].map(image => [image.src, image.naturalWidth])")
  assert len(sizes) >= 4
  assert [source for source, width in sizes if width == 0] == []
  assert page.complaints == []
  assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_the_screen(opened, view):
  """Tables may scroll within their place; the page itself may not."""
  page = opened(view)
  wide, screen = page.evaluate(
    "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
  )
  assert wide <= screen


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_no_fault(opened, view):
  """axe checks contrast, names of pictures, headings, tables and landmarks."""
  axe = pytest.importorskip("axe_playwright_python.sync_playwright")
  results = axe.Axe().run(opened(view))
  assert results.response["passes"]
  assert results.violations_count == 0, results.generate_report()


def test_it_works_from_a_web_server_too(opened, report):
  handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=report)
  handler.log_message = lambda *arguments: None
  with http.server.ThreadingHTTPServer(("localhost", 0), handler) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = opened("wide", f"http://localhost:{server.server_port}/index.html")
    widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert len(widths) >= 4
    assert min(widths) > 0
    assert page.complaints == []
    server.shutdown()


def test_it_prints(opened):
  """On light paper, each picture whole on a page, nothing cut off at the right, no navigation."""
  page = opened("dark")
  printed = page.pdf(format="A4")
  sources = page.evaluate("[...new Set([...document.images].map(image => image.src))]")
  assert len(re.findall(rb"/Subtype\s*/Image\b", printed)) >= len(sources) >= 4
  assert 1 < len(re.findall(rb"/Type\s*/Page\b", printed)) < 50
  page.emulate_media(media="print")
  page.set_viewport_size({"width": 688, "height": 1016})  # A4 without its margins, in CSS pixels.
  style = "getComputedStyle(document.querySelector('%s')).%s"
  assert page.evaluate(style % ("nav", "display")) == "none"
  ink = page.evaluate(style % ("body", "color") + ".match(/\\d+/g).slice(0, 3).map(Number)")
  assert max(ink) < 80
  wide, high = page.evaluate(
    "[document.documentElement.scrollWidth, "
    "Math.max(...[...document.images].map(image => image.getBoundingClientRect().height))]"
  )
  assert wide <= 688
  assert high <= 1016


def test_dark_is_dark_and_light_is_light(opened):
  shade = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
  assert min(opened("wide").evaluate(shade)) > 200
  assert max(opened("dark").evaluate(shade)) < 80
