"""File names made of the names of tracklets, which may hold any characters."""

import hashlib
import re

MOST_BYTES = 120
"""Of a name; file systems take 255 for the whole file name, with prefix and suffix."""


def file_name(text: str) -> str:
  """A name for a file: letters, digits, `_` and `-` stay, runs of anything else become one `-`.

  A name longer than `MOST_BYTES` (in UTF-8) is cut, and ends in a digest of all of it, so that
  names which differ in their ends alone stay different.
  """
  name = re.sub(r"[^\w-]+", "-", text)
  if len(name.encode()) <= MOST_BYTES:
    return name
  digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]
  return f"{name.encode()[: MOST_BYTES - 13].decode(errors='ignore')}-{digest}"
