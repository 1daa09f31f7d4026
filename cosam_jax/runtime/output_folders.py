"""Output folders: a call removes the files of an earlier call, and leaves everything else.

Beside its files a mode leaves a list of them with their sizes, such as `search_files.json`. Only
files that are on the list and still have their size are removed or replaced. A file that a user put
there or changed is the user's: an output that would replace it is refused before any work. A folder
of an earlier version has no list; that version's files are known from its own record there
(`earlier`), or are taken for the user's.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.runtime.full_disk import naming
from cosam_jax.runtime.json_files import read_json
from cosam_jax.runtime.made_folders import new_folders, remove_empty
from cosam_jax.runtime.whole_files import whole_file

_PROGRAM = "cosam_jax"
# Name below the folder -> the sizes that it may have. Two while a call replaces another's file.
_Files = dict[str, set[int]]


def no_earlier_names(directory: pathlib.Path) -> Iterable[str]:
  """No names: the `earlier` of a kind of output that had a list in every version."""
  del directory
  return ()


@dataclasses.dataclass(frozen=True)
class OutputFolder:
  """Files of one kind in a folder, which are replaced together.

  Attributes:
    directory: the folder, which need not be there.
    kind: what writes there, such as "search"; names the list.
    patterns: names below the folder that may be written, as `pathlib.Path.glob` takes them. Folders
      that they name must be empty if no file there is ours.
    head: the file that stands for all: it is removed first and written last, so that it is never
      seen beside files of another call.
    earlier: returns the names that a version without lists wrote into the folder.
    remedy: what to do if the folder cannot be used, for the end of a sentence.
    spared: names that stay as they are, even if an earlier call wrote them: somebody edited them.
  """

  directory: pathlib.Path
  kind: str
  patterns: tuple[str, ...]
  head: str
  earlier: Callable[[pathlib.Path], Iterable[str]] = no_earlier_names
  remedy: str = "move it away, or give another --output"
  spared: tuple[str, ...] = ()

  @property
  def list_name(self) -> str:
    """The file that lists the others."""
    return f"{self.kind}_files.json"

  @property
  def source(self) -> Mapping[str, Any] | None:
    """The source of the present files, as `replacing` noted it; None if unknown."""
    source = (self._read_list() or {}).get("source")
    return source if isinstance(source, dict) else None

  @property
  def names(self) -> list[str]:
    """The files that are ours and still there."""
    written = self._written()
    return [name for name in sorted(written) if self._is_ours(name, written)]

  def holds(self, *names: str) -> bool:
    """Whether files are ours and still as they were written."""
    written = self._written()
    return all(self._is_ours(name, written) for name in names)

  def check(self, *inputs: str | os.PathLike) -> None:
    """Refuses, before any work, an output that would destroy a user's files.

    Args:
      inputs: files and folders that are read; a folder must lie apart from the output.

    Raises:
      InputError: the output is not a folder, or is, holds or lies in an input, or has files that
        are not ours.
    """
    for path in inputs:
      _refuse_overlap(self.directory, pathlib.Path(path))
    if os.path.lexists(self.directory) and not self.directory.is_dir():
      raise InputError(f"{self.directory} is not a folder: {self.remedy}")
    if os.path.lexists(self.directory / self.list_name) and self._read_list() is None:
      raise InputError(
        f"{self.directory / self.list_name} is not a list that this program wrote, so nobody "
        f"knows which files may be replaced: {self.remedy}"
      )
    written = self._written()
    taken = {*self._present(), *(name for name in written if self._is_there(name))}
    if not written:
      taken |= {f"{name}/{entry}" for name in self._subfolders()
                for entry in os.listdir(self.directory / name)}  # fmt: skip
    self._refuse([name for name in sorted(taken) if not self._is_ours(name, written)])

  @contextlib.contextmanager
  def replacing(
    self, source: Mapping[str, Any] | None = None, keep: Collection[str] = ()
  ) -> Iterator[pathlib.Path]:
    """Yields an empty folder to write to; if the block ends well, its files take their places.

    If the block fails, the folder stays as it was. All files get the permissions that the process
    gives new files.

    Args:
      source: what they are made from; plain values, kept in the list.
      keep: names of ours that stay, unless the block writes them.

    Raises:
      InputError: as `check`.
    """
    self.check()
    with naming(self.directory), new_folders(self.directory):
      self._remove_unfinished()
      mine = f"{self._unfinished}{socket.gethostname()}-{os.getpid()}-"
      partial = pathlib.Path(tempfile.mkdtemp(prefix=mine, dir=self.directory))
      try:
        self._write_list(partial, {}, None)
        yield partial
        self._put_in_place(partial, source, keep)
      finally:
        shutil.rmtree(partial, ignore_errors=True)

  @property
  def _unfinished(self) -> str:
    return f".{self.kind}_unfinished-"

  def _remove_unfinished(self) -> None:
    """Removes the leftovers of this machine's killed processes, by their list."""
    for left in self.directory.glob(f"{self._unfinished}*"):
      host, _, number = left.name.removeprefix(self._unfinished).rpartition("-")[0].rpartition("-")
      here = host == socket.gethostname() and number.isdigit() and not _is_alive(int(number))
      if here and _read_list(left / self.list_name):
        shutil.rmtree(left, ignore_errors=True)

  def _put_in_place(
    self, partial: pathlib.Path, source: Mapping[str, Any] | None, keep: Collection[str]
  ) -> None:
    mode = stat.S_IMODE((partial / self.list_name).stat().st_mode)
    (partial / self.list_name).unlink()
    new: _Files = {}
    for path in sorted(partial.rglob("*")):
      if path.is_dir():
        path.chmod(mode | (mode & 0o444) >> 2)
      else:
        path.chmod(mode)
        new[path.relative_to(partial).as_posix()] = {path.stat().st_size}
    written = self._written()
    old = {name: sizes for name, sizes in written.items() if self._is_ours(name, written)}
    self._refuse([name for name in new if self._is_there(name) and name not in old])
    # Lists the files of both calls, so that whatever a kill leaves is known as ours.
    both = {name: old.get(name, set()) | new.get(name, set()) for name in {*old, *new}}
    self._write_list(self.directory, both, source)
    gone = sorted({*old} - {*new} - {*keep})
    for name in [*({self.head} - {*keep}), *gone]:
      if name in old:
        (self.directory / name).unlink(missing_ok=True)
    remove_empty(self.directory, gone)
    for name in sorted(new, key=lambda name: (name == self.head, name)):
      place = self.directory / name
      place.parent.mkdir(parents=True, exist_ok=True)
      os.replace(partial / name, place)
    left = {name: sizes for name, sizes in old.items() if name in keep} | new
    if left:
      self._write_list(self.directory, left, source)
    else:
      (self.directory / self.list_name).unlink()

  def _subfolders(self) -> list[str]:
    """Folders that the patterns name and that exist."""
    first = dict.fromkeys(pattern.partition("/")[0] for pattern in self.patterns if "/" in pattern)
    return [name for name in first if (self.directory / name).is_dir()]

  def _is_there(self, name: str) -> bool:
    return os.path.lexists(self.directory / name)

  def _present(self) -> list[str]:
    """Names below the folder that exist and that a call may write."""
    found = set()
    for pattern in self.patterns:
      first, _, rest = pattern.partition("/")
      if rest and os.path.lexists(self.directory / first) and not (self.directory / first).is_dir():
        found.add(first)
        continue
      for path in self.directory.glob(pattern):
        if not ("**" in pattern and path.is_dir()):
          found.add(path.relative_to(self.directory).as_posix())
    return sorted(found - {*self.spared})

  def _is_ours(self, name: str, written: Mapping[str, Collection[int]]) -> bool:
    try:
      status = os.lstat(self.directory / name)
    except OSError:
      return False
    return stat.S_ISREG(status.st_mode) and status.st_size in written.get(name, ())

  def _refuse(self, names: list[str]) -> None:
    if names:
      others = f" and {len(names) - 1:,} others beside it" if len(names) > 1 else ""
      which = "them" if others else "it"
      raise InputError(
        f"{self.directory / names[0]}{others} would be replaced or mixed up with what is written, "
        f"and this program did not write {which}, or somebody changed {which} since: {self.remedy}"
      )

  def _read_list(self) -> dict[str, Any] | None:
    return _read_list(self.directory / self.list_name)

  def _written(self) -> _Files:
    """Name -> sizes of the files of earlier calls, whether they are still there or not."""
    content = self._read_list()
    if content is not None:
      files = content["files"].items()
      return {name: set(sizes) for name, sizes in files if name not in self.spared}
    found: _Files = {}
    for name in self.earlier(self.directory) if self.directory.is_dir() else ():
      with contextlib.suppress(OSError):
        found[name] = {os.lstat(self.directory / name).st_size}
    return found

  def _write_list(
    self, directory: pathlib.Path, files: _Files, source: Mapping[str, Any] | None
  ) -> None:
    content = {
      "program": _PROGRAM,
      "about": "what was written here; the next call replaces and removes these files alone",
      "source": None if source is None else dict(source),
      "files": {name: sorted(sizes) for name, sizes in sorted(files.items())},
    }
    with whole_file(directory / self.list_name) as file:
      file.write((json.dumps(content, indent=1) + "\n").encode())


def _read_list(path: pathlib.Path) -> dict[str, Any] | None:
  """The content of a list of ours; None for everything else."""
  try:
    content = read_json(path, "list", "move it away")
    files = content["files"]
    sound = content["program"] == _PROGRAM and all(
      _is_below(name) and all(type(size) is int for size in sizes) for name, sizes in files.items()
    )
  except (InputError, KeyError, TypeError, AttributeError):
    return None
  return content if sound else None


def _is_alive(process: int) -> bool:
  try:
    os.kill(process, 0)
  except ProcessLookupError:
    return False
  except OSError:  # Another user's process.
    pass
  return True


def _is_below(name: str) -> bool:
  path = pathlib.PurePosixPath(name)
  return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _refuse_overlap(output: pathlib.Path, source: pathlib.Path) -> None:
  """Refuses an output that is, holds, or lies in a folder of input, by whatever links."""
  if not source.is_dir():
    return  # A file is replaced only if the list says that it is ours.

  def above(path: pathlib.Path, folder: pathlib.Path) -> bool:
    path = path.resolve()
    there = [one for one in (path, *path.parents) if one.exists()]
    return folder.exists() and any(os.path.samefile(one, folder) for one in there)

  both = above(output, source), above(source, output)
  if any(both):
    how = "is" if all(both) else "lies in" if both[0] else "holds"
    raise InputError(
      f"the output {output} {how} the input {source}: what is written would be read as input the "
      "next time, or replace it; give an --output apart from it"
    )
