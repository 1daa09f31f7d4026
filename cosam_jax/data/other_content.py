"""Recognises wrong contents of a file by its beginning, and says what to do.

A failed download leaves a web page, a clone without its large files leaves git-lfs's pointers, and
some programs save MATLAB matrices in another format under the same suffix.
"""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_SPACE_AND_MARK = b" \t\r\n\xef\xbb\xbf"
FIRST_BYTES = 1024
"""This many bytes of a file are enough to look at."""


def other_content(data: bytes) -> str | None:
  """A clause that says what data really is, with a remedy; None if it is not recognised.

  Args:
    data: the beginning of a file, `FIRST_BYTES` or more, or all of it.
  """
  if not data:
    return "it is empty: copy it again"
  if not data[:FIRST_BYTES].strip(b"\0"):
    return "it holds zeros alone, as a copy that broke off: copy it again"
  text = data[:FIRST_BYTES].lstrip(_SPACE_AND_MARK).lower()
  if text.startswith(b"version https://git-lfs"):
    return "it is a pointer of git-lfs, not the file itself: run `git lfs pull` where it came from"
  if text.startswith((b"<!doctype html", b"<html")) or (text[:5] == b"<?xml" and b"<html" in text):
    return "it is a web page, as a download that failed leaves it: download the file again"
  # MATLAB puts 512 bytes of its own before HDF5's.
  if _HDF5 in (data[:8], data[512:520]) or data.startswith(b"MATLAB 7.3 MAT-file"):
    return "it is HDF5, as MATLAB 7.3 saves: save it with -v7 in MATLAB"
  if data.startswith(b"\x1f\x8b"):
    return "it is compressed by gzip: unpack it with gunzip"
  if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
    return "it is a zip archive: unpack it"
  if data.startswith(b"7z\xbc\xaf\x27\x1c"):
    return "it is a 7z archive: unpack it"
  if data.startswith(b"Rar!"):
    return "it is a RAR archive: unpack it"
  return None
