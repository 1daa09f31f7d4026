"""Damages inputs at random; each may end in a result or in one sentence, and in nothing else.

The environment variable `FUZZ_SEED` draws other damage.
"""

import contextlib
import faulthandler
import os
import random
import sys

from cosam_jax.errors import InputError

SEED = int(os.environ.get("FUZZ_SEED", "0"))
SECONDS = 60
"""An input that takes longer counts as a hang."""

WORDS = (
  b"0", b"-1", b"1", b"65535", b"2147483648", b"9223372036854775808", b"1e308", b"nan", b"inf",
  b"../", b"/", b"/etc/passwd", b"\0", b"\xff", b"\n", b"\r\n", b",", b'"', b"*", b"**", b"[", b"{",
  b"}", b"\xef\xbb\xbf", b"%s", b"~", b"C1T0001F001.jpg", "\u202e\u0661".encode(), b" " * 300,
)  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
  """A few changes of random kinds."""
  content = bytearray(data)
  for _ in range(rng.choice((1, 1, 2, 4, 16))):
    place = rng.randrange(len(content) + 1)
    kind = rng.randrange(7)
    if kind == 0 and content:
      content[place % len(content)] = rng.randrange(256)
    elif kind == 1 and content:
      content[place % len(content)] ^= 1 << rng.randrange(8)
    elif kind == 2:
      content[place:place] = rng.choice(WORDS)
    elif kind == 3:
      del content[place : place + rng.choice((1, 2, 8, 64))]
    elif kind == 4:
      content[place : place + 4] = rng.choice((0, 1, 2**31 - 1, 2**32 - 1)).to_bytes(4, "little")
    elif kind == 5:
      start = rng.randrange(len(content) + 1)
      content[place:place] = content[start : start + rng.choice((1, 8, 64))]
    elif rng.random() < 0.3:
      del content[place:]
  return bytes(content)


@contextlib.contextmanager
def limited():
  """Ends the process with a traceback if the block hangs."""
  faulthandler.dump_traceback_later(SECONDS, exit=True, file=sys.__stderr__)
  try:
    yield
  finally:
    faulthandler.cancel_dump_traceback_later()


def outcome(read) -> str | None:
  """Returns the sentence of an InputError, or None for a result; any other error fails."""
  with limited():
    try:
      read()
    except InputError as error:
      sentence = str(error)
      assert sentence
      assert "\n" not in sentence, sentence
      assert len(sentence) < 2000, sentence
      return sentence
  return None


def tally(outcomes: list[str | None], least: int = 1) -> None:
  """Prints how many inputs were refused; at least `least` must be refused, and as many accepted."""
  refused = sum(sentence is not None for sentence in outcomes)
  print(f"fuzz: {len(outcomes):,} inputs, {refused:,} refused, seed {SEED}")
  assert refused >= least
  assert len(outcomes) - refused >= least
