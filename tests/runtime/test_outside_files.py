"""Strangers' files: no waiting for pipes, no reading of devices, text with or without a mark."""

import codecs
import os
import socket

import pytest

from cosam_jax.errors import InputError
from cosam_jax.runtime.outside_files import UnusableFileError, open_regular, read_bytes, read_text


def test_bytes_of_a_file(tmp_path):
  (tmp_path / "a").write_bytes(b"abc")
  assert read_bytes(tmp_path / "a", 3) == b"abc"
  with pytest.raises(UnusableFileError, match="has 3 bytes, and such a file has at most 2"):
    read_bytes(tmp_path / "a", 2)


def test_what_is_no_file_is_refused_at_once(tmp_path):
  os.mkfifo(tmp_path / "pipe")
  with socket.socket(socket.AF_UNIX) as server:
    server.bind(str(tmp_path / "socket"))
    for name, said in (("pipe", "a named pipe"), (".", "a folder"), ("/dev/zero", "a device")):
      with pytest.raises(UnusableFileError, match=said):
        open_regular(tmp_path / name)
    with pytest.raises(OSError):
      open_regular(tmp_path / "socket")
  with pytest.raises(FileNotFoundError):
    open_regular(tmp_path / "none")


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_text_with_and_without_a_mark(tmp_path, mark):
  (tmp_path / "a.txt").write_bytes(mark + "größe\r\n1\n".encode())
  assert read_text(tmp_path / "a.txt", "boxes", "give others") == "größe\r\n1\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(tmp_path, encoding):
  text = "1,1,105,20,40,80\n" * 4 + "é"
  (tmp_path / "a.txt").write_bytes(text.encode(encoding))
  with pytest.raises(InputError, match=r"boxes .*UTF-16 text.*: give others"):
    read_text(tmp_path / "a.txt", "boxes", "give others")


def test_other_text_is_refused(tmp_path):
  (tmp_path / "a.txt").write_bytes("Straße".encode("latin-1"))
  with pytest.raises(InputError, match="not UTF-8 text"):
    read_text(tmp_path / "a.txt", "boxes", "give others")
  with pytest.raises(InputError, match="No such file"):
    read_text(tmp_path / "none", "boxes", "give others")
