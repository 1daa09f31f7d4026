"""The model card in a folder that is published again: whether somebody edited it, and agrees still.

A card that somebody edited stays. What it should say may have changed since, so a new card is then
written beside it.
"""

import hashlib
import pathlib

from cosam_jax.errors import InputError
from cosam_jax.models.exported_record import CARD, CARD_DIGEST, RECORD, read_record
from cosam_jax.runtime.output_folders import OutputFolder

NEW_CARD = "README.new.md"
"""The card as it would be, beside an edited one that says something else."""


def digest_of(text: str) -> str:
  """The SHA-256 of a card, in hexadecimal digits."""
  return hashlib.sha256(text.encode()).hexdigest()


def written_before(directory: pathlib.Path, entry: str) -> str | None:
  """An entry of the record that the last call left in a folder; None if it has none."""
  record = directory / RECORD
  return read_record(record).get(entry) if record.is_file() else None


def is_edited(directory: pathlib.Path, folder: OutputFolder) -> bool:
  """Whether somebody changed the model card that an earlier call wrote.

  Args:
    directory: has the card.
    folder: the same, with the list of what earlier calls wrote.

  Raises:
    InputError: no earlier call wrote it, or it is no file.
  """
  card = directory / CARD
  if card.is_symlink() or card.is_dir():
    kind = "link" if card.is_symlink() else "folder"
    raise InputError(f"{card} is a {kind}, and the model card goes there: move it away")
  if not card.is_file():
    return False
  written = written_before(directory, CARD_DIGEST)
  if written is not None:
    return written != hashlib.sha256(card.read_bytes()).hexdigest()
  if folder.holds(CARD):  # A killed call left it without its record.
    return False
  raise InputError(
    f"{card} would be replaced, and this program did not write it: move it away, or give another "
    "--output"
  )


def check_licence(card: pathlib.Path, licence: str) -> None:
  """Refuses an edited card that states another licence than the call, or none.

  Raises:
    InputError: it does, or its front matter cannot be read.
  """
  from huggingface_hub import ModelCard

  try:
    front = ModelCard(card.read_text(encoding="utf-8"), ignore_metadata_errors=True).data
    stated = getattr(front, "license", None)
  except Exception as error:  # YAML's errors, and those of texts that are no UTF-8.
    raise InputError(
      f"{card} was edited, and the lines between --- at its head cannot be read "
      f"({' '.join(str(error).split())[:120]}): correct them, or remove the file for a new card"
    ) from error
  if stated != licence:
    raise InputError(
      f"{card} was edited and states {f'the licence {stated}' if stated else 'no licence'}, and "
      f"--licence is {licence}: write `license: {licence}` between the lines --- at its head, give "
      "its licence with --licence, or remove the file for a new card"
    )
