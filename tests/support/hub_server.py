"""A Hub on this machine: as much of the Hugging Face Hub's protocol as its client needs.

Repositories are commits in memory. `running` starts a server, and makes `huggingface_hub` ask it,
and keep files in a folder of the test.
"""

import base64
import contextlib
import dataclasses
import hashlib
import http.server
import json
import re
import threading
import urllib.parse

from huggingface_hub import constants, file_download

TOKEN = "hf_of_the_tests"
_LARGE = (".safetensors", ".npz")
"""Ends of the names of files that are stored apart, by their SHA-256 (LFS)."""


def published(files: dict[str, bytes], /, **changes) -> dict[str, bytes]:
  """The files of a repository as `--mode=publish` would make it of these; others in its record."""
  digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
  record = {"format": 1, "config": {"seed": 0}, "files": digests, **changes}
  return {"export.json": json.dumps(record).encode(), "README.md": b"card", **files}


@dataclasses.dataclass
class Repository:
  """Commits by name, branches and tags."""

  private: bool = False
  gated: bool = False
  commits: dict[str, dict[str, bytes]] = dataclasses.field(default_factory=dict)
  refs: dict[str, str] = dataclasses.field(default_factory=dict)

  def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
    """Adds a commit, after which the branch has exactly these files; returns its name."""
    parts = [f"{len(self.commits)}"] + [f"{name} {files[name]!r}" for name in sorted(files)]
    name = hashlib.sha1("\n".join(parts).encode()).hexdigest()
    self.commits[name], self.refs[branch] = dict(files), name
    return name

  def resolved(self, revision: str) -> str | None:
    """The commit of a revision."""
    return self.refs.get(revision, revision if revision in self.commits else None)


class Server:
  """The state of the Hub.

  Attributes:
    address: `http://127.0.0.1:PORT`.
    repositories: `org/name` -> repository.
    asked: method and path of every request.
    damaged: names of files that are sent with one byte changed, as long as they are here.
  """

  def __init__(self):
    self.address = ""
    self.repositories: dict[str, Repository] = {}
    self.asked: list[tuple[str, str]] = []
    self.damaged: set[str] = set()
    self.stored: dict[str, bytes] = {}
    self.stop = lambda: None

  def add(self, name: str, files: dict[str, bytes], **facts) -> str:
    """Adds a repository with one commit; returns the commit's name."""
    return self.repositories.setdefault(name, Repository(**facts)).commit(files)

  def add_folder(self, name: str, folder, **facts) -> str:
    """The same with the files of a folder, but for the list of what was written there."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    listed = [name for name in files if name.endswith("_files.json")]
    return self.add(name, {n: files[n] for n in files if n not in listed}, **facts)

  def downloads(self) -> list[str]:
    """The files that were sent."""
    gets = [path for method, path in self.asked if method == "GET" and "/resolve/" in path]
    return [path.rpartition("/")[2] for path in gets]


class _Handler(http.server.BaseHTTPRequestHandler):
  hub: Server

  def log_message(self, *args):
    self.hub.asked.append((self.command, self.path.partition("?")[0]))

  def do_HEAD(self):
    self._serve()

  def do_GET(self):
    self._serve()

  def do_POST(self):
    self._serve()

  def do_PUT(self):
    self._serve()

  def _serve(self):
    path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
    body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
    sent = [body] if self.command in ("POST", "PUT") else []
    for methods, pattern, answer in _ROUTES:
      match = re.fullmatch(pattern, path)
      if match and self.command in methods:
        answer(self, *match.groups(), *sent)
        return
    self._send(404, {"error": f"no route for {self.command} {path}"})

  def _send(self, status, content, **headers):
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    self.send_response(status)
    self.send_header("Content-Length", str(len(data)))
    for name, value in headers.items():
      self.send_header(name.replace("_", "-"), value)
    self.end_headers()
    if self.command != "HEAD":
      self.wfile.write(data)

  def _refuse(self, status, code, message):
    self._send(status, {"error": message}, X_Error_Code=code, X_Error_Message=message)

  @property
  def _known(self) -> bool:
    return self.headers.get("Authorization") == f"Bearer {TOKEN}"

  def _repository(self, name, files=False) -> Repository | None:
    """The repository if it may be read; else it answers as the Hub does."""
    found = self.hub.repositories.get(name)
    if found is None or (found.private and not self._known):
      # The Hub does not tell strangers whether a repository exists.
      self._refuse(404 if self._known else 401, "RepoNotFound", "Repository not found")
      return None
    if files and found.gated and not self._known:
      self._refuse(403, "GatedRepo", "Access to this model is restricted")
      return None
    return found

  def resolve(self, name, revision, file):
    if (found := self._repository(name, files=True)) is None:
      return
    if (commit := found.resolved(revision)) is None:
      self._refuse(404, "RevisionNotFound", "Invalid rev id")
      return
    content = found.commits[commit].get(file)
    if content is None:
      self._send(404, {}, X_Error_Code="EntryNotFound", X_Repo_Commit=commit)
      return
    large = file.endswith(_LARGE)
    plain = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    etag = f'"{hashlib.sha256(content).hexdigest() if large else plain}"'
    linked = {"X_Linked_Etag": etag, "X_Linked_Size": str(len(content))} if large else {}
    if file in self.hub.damaged:
      content = bytes([content[0] ^ 1]) + content[1:]
    self._send(200, content, ETag=etag, X_Repo_Commit=commit, **linked)

  def info(self, name, revision=None):
    if (found := self._repository(name)) is None:
      return
    commit = found.resolved(revision or "main")
    if revision and commit is None:
      self._refuse(404, "RevisionNotFound", "Invalid rev id")
      return
    files = found.commits.get(commit, {})
    self._send(200, {
      "_id": "0", "id": name, "modelId": name, "sha": commit, "private": found.private, "tags": [],
      "siblings": [{"rfilename": file} for file in files], "downloads": 0, "likes": 0,
    })  # fmt: skip

  def create(self, body):
    asked = json.loads(body)
    name = f"{asked['organization']}/{asked['name']}"
    if not self._known:
      self._refuse(401, "", "Invalid username or password.")
    elif name in self.hub.repositories:
      self._send(409, {"url": f"{self.hub.address}/{name}"})
    else:
      private = asked.get("private", asked.get("visibility") == "private")
      self.hub.repositories[name] = Repository(private=bool(private))
      self.hub.repositories[name].commit({".gitattributes": b""})  # As the Hub begins each.
      self._send(200, {"url": f"{self.hub.address}/{name}", "name": name})

  def validate(self, body):
    text = json.loads(body)["content"]
    sound = text.startswith("---\n") and "\nlicense: " in text.partition("\n---\n")[0]
    errors = [] if sound else [{"message": '"license" is missing'}]
    self._send(200 if sound else 400, {"errors": errors, "warnings": []})

  def preupload(self, name, _revision, body):
    if self._repository(name) is None:
      return
    files = [one["path"] for one in json.loads(body)["files"]]
    self._send(200, {"files": [
      {"path": file, "uploadMode": "lfs" if file.endswith(_LARGE) else "regular",
       "shouldIgnore": False} for file in files
    ]})  # fmt: skip

  def batch(self, _name, body):
    self._send(200, {"transfer": "basic", "objects": [
      {"oid": one["oid"], "size": one["size"], "authenticated": True,
       "actions": {"upload": {"href": f"{self.hub.address}/stored/{one['oid']}", "header": {}}}}
      for one in json.loads(body)["objects"]
    ]})  # fmt: skip

  def store(self, oid, body):
    assert hashlib.sha256(body).hexdigest() == oid
    self.hub.stored[oid] = body
    self._send(200, {})

  def commit(self, name, revision, body):
    if (found := self._repository(name)) is None:
      return
    files = dict(found.commits.get(found.resolved(revision), {}))
    for line in body.splitlines():
      one = json.loads(line)
      value = one["value"]
      if one["key"] == "file":
        files[value["path"]] = base64.b64decode(value["content"])
      elif one["key"] == "lfsFile":
        files[value["path"]] = self.hub.stored[value["oid"]]
      elif one["key"] == "deletedFile":
        del files[value["path"]]
    made = found.commit(files, revision)
    url = f"{self.hub.address}/{name}/commit/{made}"
    self._send(200, {"success": True, "commitOid": made, "commitUrl": url})


_NAME = r"([\w.-]+/[\w.-]+)"
_ROUTES = [
  (("GET", "HEAD"), rf"/{_NAME}/resolve/([^/]+)/(.+)", _Handler.resolve),
  (("GET",), rf"/api/models/{_NAME}/revision/(.+)", _Handler.info),
  (("GET",), rf"/api/models/{_NAME}", _Handler.info),
  (("POST",), "/api/repos/create", _Handler.create),
  (("POST",), "/api/validate-yaml", _Handler.validate),
  (("POST",), rf"/api/models/{_NAME}/preupload/(.+)", _Handler.preupload),
  (("POST",), rf"/{_NAME}\.git/info/lfs/objects/batch", _Handler.batch),
  (("PUT",), r"/stored/(\w+)", _Handler.store),
  (("POST",), rf"/api/models/{_NAME}/commit/(.+)", _Handler.commit),
]


@contextlib.contextmanager
def running(cache, monkeypatch):
  """Yields a server without repositories.

  Args:
    cache: the folder in which the client keeps files.
    monkeypatch: of the test.
  """
  hub = Server()
  handler = type("Handler", (_Handler,), {"hub": hub})
  with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    hub.address = f"http://127.0.0.1:{listening.server_address[1]}"

    def stop():
      if thread.is_alive():
        listening.shutdown()
        thread.join()
        listening.server_close()

    hub.stop = stop
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    # The client keeps what the environment said when it was loaded.
    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
    for module in (constants, file_download):
      monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
      monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(cache / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    # Its own upload protocol for large files is a library of its own, which knows no such server.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True, raising=False)
    try:
      yield hub
    finally:
      stop()
