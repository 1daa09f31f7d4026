"""What the Hub's client raises, in one sentence each. It is loaded only if a name is used."""

import os
import re
from types import ModuleType

from cosam_jax.errors import InputError

_PASSWORD = re.compile(r"://[^/\s@]*@")
_LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"


def hub_client(what: str) -> ModuleType:
  """The package `huggingface_hub`.

  Args:
    what: begins the error's sentence: what it is needed for.

  Raises:
    InputError: it is not installed, or the environment has an address or a token that cannot be
      one.
  """
  try:
    import huggingface_hub
  except ImportError as error:
    raise InputError(
      f"{what} needs the package huggingface_hub, which is not installed ({error}): pip install "
      "huggingface_hub"
    ) from error
  if not endpoint().startswith(("http://", "https://")):
    raise InputError(
      f"HF_ENDPOINT is {address()}: it must begin with http:// or https://; correct it, or leave "
      "it unset for the Hub"
    )
  token = os.environ.get("HF_TOKEN", "").strip()
  if not all("!" <= sign <= "~" for sign in token):
    raise InputError(f"HF_TOKEN has signs that no token has: {_LOG_IN} to what the Hub shows")
  return huggingface_hub


def fetch_refusal(error: Exception, repository: str, revision: str, file: str) -> InputError:
  """The sentence for a file that could not be fetched.

  Args:
    error: whatever the client raised.
    repository, revision, file: what was asked for.
  """
  from huggingface_hub import errors

  server, status = address(), status_of(error)
  if isinstance(error, errors.GatedRepoError):
    return InputError(
      f"{repository} on {server} is open only to those whom its owner admits: ask for access on "
      f"its page, and {_LOG_IN}"
    )
  if isinstance(error, errors.RevisionNotFoundError):
    return InputError(
      f"{repository} on {server} has no revision {revision!r}: give a branch, a tag or a commit "
      "of it"
    )
  # An entry that is missing in the cache alone, without a network, is a kind of the next one.
  if not isinstance(error, errors.LocalEntryNotFoundError):
    if isinstance(error, errors.EntryNotFoundError):
      return InputError(
        f"{repository} on {server} has no file {file} at revision {revision!r}, so it is no "
        "network that --mode=publish made: name another one, or fetch its weights by other means "
        "and give the file with --config"
      )
    if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 403, 404):
      reason = f" (HTTP {status})" if status else ""
      return InputError(
        f"{server} has no repository {repository} that may be read from here{reason}: if the "
        f"name is right, the repository is private, so {_LOG_IN}"
      )
  if isinstance(error, OSError) and error.filename and not status:
    return InputError(
      f"{file} of {repository} could not be kept at {os.fsdecode(error.filename)} "
      f"({error.strerror or error}): set HF_HOME to a folder that can be written to"
    )
  return InputError(
    f"{file} of {repository} at revision {revision!r} could not be fetched from {server} "
    f"({_reason(error)}): check the network; a revision that was fetched before needs none"
  )


def push_refusal(error: Exception, repository: str, folder: str | os.PathLike[str]) -> InputError:
  """The sentence for a folder that could not be uploaded.

  Args:
    error: whatever the client raised.
    repository: where it should go.
    folder: that is complete on disk.
  """
  from huggingface_hub import errors

  status, kept = status_of(error), f"{os.fspath(folder)} is complete"
  if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 403):
    return InputError(
      f"{address()} does not let {repository} be written (HTTP {status}): {_LOG_IN}, with a token "
      f"that may write there, and give the command again; {kept}"
    )
  return InputError(
    f"{repository} could not be uploaded to {address()} ({_reason(error)}): give the command "
    f"again, or upload the folder by other means; {kept}"
  )


def status_of(error: Exception) -> int | None:
  """The status of the answer that an error is about; None if there was no answer."""
  return getattr(getattr(error, "response", None), "status_code", None)


def endpoint() -> str:
  """The address of the Hub: `$HF_ENDPOINT`, also if the client was loaded before it was set."""
  from huggingface_hub import constants

  return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def address() -> str:
  """The address of the Hub for people: without the name and password that it may hold."""
  return _PASSWORD.sub("://", endpoint())


def _reason(error: BaseException) -> str:
  """A few words: the system's own if it is the cause, since the client says little of it."""
  said, first = error, error.__cause__ or error.__context__
  while first is not None:
    if isinstance(first, OSError) and first.errno is not None:
      said = first
    first = first.__cause__ or first.__context__
  words = _PASSWORD.sub("://", " ".join(str(said).split())) or type(said).__name__
  return words if len(words) <= 160 else f"{words[:157]}..."
