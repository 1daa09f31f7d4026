"""File names made of the names of tracklets, which may hold any characters."""

import hashlib
import re

MOST_BYTES = 120
"""The longest name; file systems allow 255 bytes for a file name with its prefix and suffix."""


def file_name(text: str) -> str:
  """A name for a file: letters, digits, `_` and `-` stay, runs of anything else become one `-`.

  A name longer than `MOST_BYTES` (in UTF-8) is cut and gets a digest of the whole name, so that
  names that differ only at their ends stay different.
  """
  name = re.sub(r"[^\w-]+", "-", text)
  if len(name.encode()) <= MOST_BYTES:
    return name
  digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]
  return f"{name.encode()[: MOST_BYTES - 13].decode(errors='ignore')}-{digest}"
