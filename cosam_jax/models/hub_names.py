"""Networks by name: `hf:ORGANISATION/NAME@REVISION`, a repository on the Hugging Face Hub.

The revision is a branch, a tag or a commit; without one it is the branch `main`. A text that begins
so is a name even if a file is called like it.
"""

import os
import re
from typing import NamedTuple

from cosam_jax.errors import InputError
from cosam_jax.runtime.text_numbers import shown

NEWEST = "main"
"""The revision of a name without one."""
_PREFIX = "hf:"
_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_LONGEST = 96  # Letters of a repository's name, by the Hub's rules.
# What git refuses in the name of a branch or a tag, so far as it matters for an address and a path.
_NO_REVISION = re.compile(r"[\s~^:?*\[\\@]|\.\.|//|^[-/.]|/$")
_FORM = (
  "write hf:ORGANISATION/NAME, or hf:ORGANISATION/NAME@REVISION with a branch, a tag or a commit"
)


class HubName(NamedTuple):
  """A repository on the Hub at a revision.

  Attributes:
    repository: `organisation/name`.
    revision: a branch, a tag or a commit.
  """

  repository: str
  revision: str = NEWEST

  def __str__(self) -> str:
    return f"{_PREFIX}{self.repository}@{self.revision}"


def is_hub_name(text: str | os.PathLike[str]) -> bool:
  """Whether a text names a network on the Hub, well or badly, and not a file."""
  return os.fspath(text).startswith(_PREFIX)


def hub_name(text: str | os.PathLike[str]) -> HubName:
  """The repository and revision that a text with `hf:` names.

  Raises:
    InputError: it names none; the error shows the form.
  """
  text = os.fspath(text)
  repository, at, revision = text.removeprefix(_PREFIX).partition("@")
  if why := why_no_repository(repository):
    raise InputError(f"{text!r} names no network on the Hub, since {why}: {_FORM}")
  if at and not revision:
    raise InputError(f"{text!r} ends with @ and names no revision: {_FORM}")
  if at and _NO_REVISION.search(revision):
    raise InputError(f"{text!r} has no revision's name after the @: {_FORM}")
  return HubName(repository, revision or NEWEST)


def pretrained_name(name: str, revision: str | None = None) -> HubName:
  """The repository and revision of two texts, as the Hub's own programs take them.

  Args:
    name: `organisation/name`.
    revision: a branch, a tag or a commit; None: the newest.

  Raises:
    InputError: the name is that of a folder here, or has a prefix or a revision in it.
  """
  if not isinstance(name, str):
    raise InputError(f"the network's name is {shown(name)}: give 'org/name'")
  if os.path.isdir(name) and (why_no_repository(name) or name.startswith(".")):
    raise InputError(
      f"{name!r} is a folder here, and no name on the Hub: Embedder.from_checkpoint loads it"
    )
  if is_hub_name(name) or "@" in name:
    raise InputError(
      f"{name!r} is a name with {_PREFIX} or a revision, as --weights takes it: give 'org/name', "
      "and revision="
    )
  return HubName(name, NEWEST if revision is None else revision)


def why_no_name(text: str | os.PathLike[str]) -> str:
  """The sentence on a text with `hf:` that names no network; empty if it may name one."""
  try:
    hub_name(text)
  except InputError as error:
    return str(error)
  return ""


def why_no_repository(text: str) -> str:
  """The reason why a text cannot be a repository's name; empty if it can."""
  organisation, slash, name = text.partition("/")
  if not (organisation and slash and name):
    return "it lacks an organisation or a name"
  if "/" in name or not (_PART.fullmatch(organisation) and _PART.fullmatch(name)):
    return "both parts are made of letters, digits, '-', '_' and '.', and end with neither sign"
  if len(text) > _LONGEST or "--" in text or ".." in text or text.endswith(".git"):
    return f"the Hub has no names with '--', '..', the end .git, or over {_LONGEST} letters"
  return ""
