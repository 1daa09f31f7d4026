"""What each mode needs, in sentences."""

import pytest

from cosam_jax.commands.needs import needs_in_words
from cosam_jax.commands.registry import COMMANDS


def shown(flag: str) -> str:
  return f"`{flag}`"


def test_the_sentences_of_three_modes():
  assert needs_in_words(COMMANDS["train"], shown) == [
    "Configuration: `--config`.",
    "`--workdir`: give a directory for checkpoints and results.",
  ]
  assert needs_in_words(COMMANDS["embed"]) == [
    "Configuration: --config, or that of the run in --workdir.",
    "--workdir: give a directory for checkpoints and results.",
    "With --input, no configuration is needed.",
    "--workdir with --input: give the run whose network is to be used.",
  ]
  assert needs_in_words(COMMANDS["compare"])[0] == "Reads no configuration."


@pytest.mark.parametrize("mode", COMMANDS)
def test_each_needed_flag_is_named_with_its_remedy(mode):
  command, text = COMMANDS[mode], " ".join(needs_in_words(COMMANDS[mode], shown))
  for flag in (*command.needs, *command.instead, *command.unless):
    assert f"--{flag}" in text
  for remedy in (*command.needs.values(), *command.instead.values()):
    assert remedy in text
  assert command.words in text
