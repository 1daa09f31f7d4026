"""From names to files, with a real server on this machine."""

import configparser
import hashlib
import http.server
import pathlib
import threading

import pytest

from cosam_jax.errors import InputError
from cosam_jax.models import weight_register
from cosam_jax.models.backbones.registry import BACKBONES
from cosam_jax.models.weight_files import read_weights
from cosam_jax.models.weight_register import cache_folder, resolve_weights

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONTENT = (pathlib.Path(__file__).parent / "data" / "legacy.pth").read_bytes()
FILE = f"resnet50-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"


@pytest.fixture
def server(tmp_path):
  """Serves `good/` and `bad/` (other content under the same name); notes every request."""
  for folder, content in (("good", CONTENT), ("bad", CONTENT[:-1] + b"?")):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / FILE).write_bytes(content)
  asked = []

  class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args):
      super().__init__(*args, directory=str(tmp_path))

    def log_message(self, *args):
      asked.append(self.path)

  with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_address[1]}", asked
    running.shutdown()
    thread.join()


def _register(monkeypatch, urls):
  entry = {"file": FILE, "urls": urls, "layout": "torchvision"}
  monkeypatch.setattr(weight_register, "weight_register", lambda: {"imagenet": {"resnet50": entry}})


def test_fetches_once_from_the_first_mirror_that_works(server, tmp_path, monkeypatch):
  address, asked = server
  urls = [f"{address}/{folder}/{FILE}" for folder in ("missing", "bad", "good")]
  _register(monkeypatch, urls)
  cache = tmp_path / "cache" / "deep"
  path = resolve_weights("imagenet", "resnet50", cache)
  assert path == cache / FILE
  assert path.read_bytes() == CONTENT
  assert "conv.weight" in read_weights(path)
  assert [p.name for p in cache.iterdir()] == [FILE]
  before = len(asked)
  assert resolve_weights("imagenet", "resnet50", cache) == path
  assert len(asked) == before


def test_says_what_to_put_where_without_a_mirror(server, tmp_path, monkeypatch):
  address, _ = server
  urls = [f"{address}/missing/{FILE}", f"{address}/bad/{FILE}", f"http://127.0.0.1:9/{FILE}"]
  _register(monkeypatch, urls)
  with pytest.raises(InputError) as error:
    resolve_weights("imagenet", "resnet50", tmp_path / "cache")
  message = str(error.value)
  assert all(url in message for url in urls)
  assert f"put it at {tmp_path / 'cache' / FILE}" in message
  assert "HTTP 404" in message
  assert "SHA-256" in message
  assert list((tmp_path / "cache").iterdir()) == []


def test_a_damaged_cached_file_is_not_used(tmp_path, monkeypatch):
  _register(monkeypatch, [])
  (tmp_path / FILE).write_bytes(b"half")
  with pytest.raises(InputError, match=r"SHA-256.*delete it"):
    resolve_weights("imagenet", "resnet50", tmp_path)


def test_a_path_always_works_and_bad_names_say_what_exists(tmp_path):
  path = tmp_path / "mine.pth"
  path.write_bytes(CONTENT)
  assert resolve_weights(path, "resnet18") == path
  with pytest.raises(InputError, match=r"other\.pth does not exist"):
    resolve_weights(tmp_path / "other.pth", "resnet18")
  with pytest.raises(InputError, match="did you mean 'imagenet'"):
    resolve_weights("imagnet", "resnet18")
  with pytest.raises(InputError, match="only for resnet50"):
    resolve_weights("imagenet_resaved", "se_resnet50")


def test_cache_folder(monkeypatch):
  monkeypatch.setenv("COSAM_CACHE", "/somewhere")
  assert cache_folder() == pathlib.Path("/somewhere")
  monkeypatch.delenv("COSAM_CACHE")
  assert cache_folder() == pathlib.Path.home() / ".cache" / "cosam_jax"


def layout_of(backbone):
  if backbone.endswith("_ibn_a"):
    return "ibn_net"
  return "cadene" if backbone.startswith("se_") else "torchvision"


def test_register_is_complete_and_described():
  page = (ROOT / "third_party" / "README.md").read_text()
  register = weight_register.weight_register()
  assert set(register["imagenet"]) <= set(BACKBONES)
  for name, entries in register.items():
    for backbone, entry in entries.items():
      assert f"| `{name}` | `{backbone}` | `{entry['file']}` |" in page
      assert entry["layout"] == layout_of(backbone)
      digits = entry["file"].removesuffix(".pth").rsplit("-", 1)[1]
      assert len(digits) >= 8
      int(digits, 16)
      assert entry["urls"]
      assert all(url.endswith("/" + entry["file"]) for url in entry["urls"])


def test_register_is_packed_into_wheels():
  setup = configparser.ConfigParser()
  setup.read(ROOT / "setup.cfg")
  assert "weights.json" in setup["options.package_data"].get("cosam_jax.models", "")
