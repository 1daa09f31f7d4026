"""`--mode=X --help` is the help of that mode, and of no other."""

import re

import pytest

from cosam_jax.commands import parsing
from cosam_jax.commands.config_flags import CONFIG_FLAGS
from cosam_jax.commands.flag_rows import GENERAL, OWN
from cosam_jax.commands.mode_help import help_of
from cosam_jax.commands.registry import COMMANDS, MODES


def listed(text: str) -> list[str]:
  """The flags that a help explains, in order."""
  return re.findall(r"^  --(\w+)$", text, flags=re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_mode_is_explained_with_its_flags_and_those_of_every_mode(name):
  command, text = COMMANDS[name], help_of(name)
  assert " ".join(text.split()).startswith(
    f"python -m cosam_jax.main --{'sweep=...' if name == 'sweep' else f'mode={name}'}: "
    f"{command.help}. "
  )
  found = listed(text)
  assert len(found) == len(set(found))
  reads = command.config != "none"
  wanted = {*command.flags, *GENERAL} - {"mode"} | ({"config", *CONFIG_FLAGS} if reads else set())
  assert set(found) == wanted
  for flag in {*command.flags, *GENERAL} - {"mode"}:
    assert " ".join((GENERAL | OWN)[flag].help.split()) in " ".join(text.split())
  assert text.splitlines()[-1].startswith("--help lists all flags")
  for line in text.splitlines():
    assert len(line) <= 80 or " " not in line.strip(), line


@pytest.mark.parametrize(
  ("name", "first"),
  [
    ("train", ["config", "workdir", "change_optim"]),
    ("search", ["query", "gallery", "config", "output", "query_names"]),
    ("sensitivity", ["embeddings", "first_frames", "workdir"]),
    ("compare", ["allow_mixed_protocols", "resamples", "workdir"]),
    ("embed", ["config", "workdir", "people", "input"]),
  ],
)
def test_needed_flags_come_first(name, first):
  assert listed(help_of(name))[: len(first)] == first


def test_values_and_defaults_are_those_of_the_rows():
  text = " ".join(help_of("benchmark").split())
  assert "2 or more. (an integer at least 2 and at most 10000) (default: 10)" in text
  assert "(a list, with commas) (default: step,embed,cosam,metrics" in text
  assert "With --input, no configuration is needed." in help_of("embed")


@pytest.mark.parametrize(
  ("name", "flag", "others"),
  [
    ("evaluate", "config", "a run in --workdir or --embeddings"),
    ("evaluate", "workdir", "--embeddings"),
    ("embed", "config", "a run in --workdir or --input"),
    ("embed", "workdir", None),  # With --input it names the network.
    ("attention", "config", "a run in --workdir"),
    ("attention", "workdir", None),
    ("report", "config", "a run in --workdir"),
    ("sensitivity", "embeddings", "embeddings.npz in --workdir"),
    ("train", "config", None),
    ("sweep", "config", None),
  ],
)
def test_what_spares_a_needed_flag_is_said_at_the_flag(name, flag, others):
  part = re.search(rf"^  --{flag}\n((?:      .*\n)+)", help_of(name), flags=re.MULTILINE)[1]
  said = re.search(r"One of these is needed: this or (.*)\.$", " ".join(part.split()))
  assert (said and said[1]) == others


@pytest.mark.parametrize(
  ("arguments", "name"),
  [
    (["--mode=embed", "--help"], "embed"),
    (["-help", "--mode", "search", "--query=a"], "search"),
    (["--mode=train", "-?"], "train"),
    (["--sweep=all", "--config=mars", "--help"], "sweep"),
  ],
)
def test_it_is_asked_for_with_the_mode(arguments, name, capsys):
  with pytest.raises(SystemExit) as ended:
    parsing.parse(["cosam-jax", *arguments])
  assert ended.value.code == 0
  assert capsys.readouterr().out == help_of(name) + "\n"


def test_without_a_mode_or_with_helpfull_it_is_not():
  assert parsing._command_in(["cosam-jax", "--help", "--config=mars"]) is None
  assert parsing._command_in(["cosam-jax", "--help", "--mode=embd"]) is None
  assert parsing._command_in(["cosam-jax", "--help", "--", "--mode=embed"]) is None
  assert not parsing._HELP & {"--helpfull", "-helpfull"}
  assert {parsing._command_in(["cosam-jax", f"--mode={mode}"]) for mode in MODES} == {*MODES}


def test_a_flag_that_is_about_another_one_says_so():
  text = " ".join(help_of("masks").split())
  assert "0 to 1. (a number at least 0 and at most 1) Only with --boxes." in text
  assert "Only with --input or --tracklets or --point or --frame_stride or --most_frames." in text
