"""Builds docs/options.md: every mode, flag and field, from the tables that the program reads.

  python docs/build_options.py [FILE]

A test fails if docs/options.md is not what this writes. Loads neither jax, numpy nor TensorFlow.
"""

import pathlib
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from cosam_jax.commands import config_flags
from cosam_jax.commands.flag_forms import Flag
from cosam_jax.commands.flag_rows import GENERAL, OWN
from cosam_jax.commands.needs import needs_in_words
from cosam_jax.commands.registry import COMMANDS, Command
from cosam_jax.experiment.field_kinds import ROLES, Field
from cosam_jax.experiment.fields import FIELDS, PRESETS

DOCS = pathlib.Path(__file__).resolve().parent

_BEGINNING = """\
# Options: modes, flags, fields

*Written by `python docs/build_options.py` from `cosam_jax/commands/registry.py`,
`cosam_jax/commands/flag_rows.py`, `cosam_jax/commands/config_flags.py` and
`cosam_jax/experiment/fields.py` with the files that it includes. Edit those, then run it again.*

A command line names a mode (`--mode`, default `train`), usually a configuration
(`--config=configs/mars.py`) and a workdir, and changes single fields of the configuration with
`--config.group.field=value`. A misspelt flag or field is refused with the nearest right one.
`--mode=MODE --help` prints what one mode needs and reads, `--help` everything.
[glossary.md](glossary.md) explains the words. *The poster* is the poster of the ICCV 2019 paper on
COSAM ([fidelity.md](fidelity.md)).
"""

_ABOUT_FIELDS = """\
`--config.group.field=value` sets a field. Defaults are those of the published recipe on MARS. A
configuration's file may state others; `--helpfull` shows the values of the `--config` that is
given.

Each field has a role. If a training continues in its workdir, some fields may have other values
than before: those of four roles, and a few others, marked *may change*.
"""

_ABOUT_PRESETS = """\
Fields with the default `preset` take the value that `config.preset` has for them:
"""

_FLAG_HEADS = ("flag", "values", "default", "meaning")
_GROUPS = {
  "": "The whole experiment",
  "data": "Data set",
  "clips": "Frames and clips",
  "model": "Network",
  "init": "Initial weights",
  "loss": "Objective",
  "optim": "Optimiser",
  "train": "Training",
  "evaluation": "Evaluation",
  "report": "Report page",
  "synthetic": "The drawn data set, for `--dataset=synthetic` only",
}


def page() -> str:
  """The whole document."""
  parts = [_BEGINNING, "## Modes\n", _modes()]
  parts += [_mode(name, command) for name, command in COMMANDS.items()]
  parts += ["## Flags of every mode\n", _flags(GENERAL)]
  parts += [
    "## Flags that set fields\n\nEach is short for one or two fields of the configuration, and "
    "overrides them.\n",
    _setting_flags(),
  ]
  parts += ["## Fields\n", _about_fields()]
  groups = dict.fromkeys(name.rpartition(".")[0] for name in FIELDS)
  parts += [_group(group) for group in groups]
  return re.sub(r"\n{3,}", "\n\n", "\n".join(parts))


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
  """A Markdown table; stands between empty lines."""
  heads = tuple(heads)
  lines = [heads, ("---",) * len(heads), *rows]
  return "".join(f"| {' | '.join(_cell(text) for text in line)} |\n" for line in lines)


def _cell(text: str) -> str:
  return text.replace("|", "\\|").replace("*", "\\*")


def _code(value: Any) -> str:
  """A value as it is typed on the command line."""
  if isinstance(value, list):
    value = ",".join(str(item) for item in value)
  return f"`{value}`" if str(value) else "empty"


def _sentence(text: str) -> str:
  return f"{text[:1].upper()}{text[1:]}."


def _asks(name: str, command: Command) -> str:
  return f"`--{command.flag}=...`" if command.flag else f"`--mode={name}`"


def _source(command: Command) -> str:
  path = f"{command.module.replace('.', '/')}.py"
  return f"[{path.removeprefix('cosam_jax/')}](../{path})"


def _modes() -> str:
  rows = (
    (f"[{_asks(name, command)}](#{name})", command.help, _source(command))
    for name, command in COMMANDS.items()
  )
  return _table(("command", "does", "file"), rows)


def _mode(name: str, command: Command) -> str:
  """The section of one mode: what it needs, and the flags that it alone or few others read."""
  lines = [f"### {name}\n", f"{_asks(name, command)}: {command.help}. In {_source(command)}.\n"]
  lines += [f"- {line}\n" for line in _needs(command)]
  rows = []
  for flag, others in command.flags.items():
    given = " or ".join(f"`--{other}`" for other in others)
    rows.append((*_flag_cells(flag, OWN[flag]), f"{OWN[flag].help}{_only_with(given)}"))
  table = ["\n", _table(_FLAG_HEADS, rows)] if rows else []
  return "".join([*lines[:1], "\n", lines[1], "\n", *lines[2:], *table])


def _only_with(given: str) -> str:
  return f" Only together with {given}." if given else ""


def _needs(command: Command) -> list[str]:
  """Sentences on what must be given."""
  found = needs_in_words(command, lambda flag: f"`{flag}`")
  if command.shared:
    unless = " or ".join(f"`--{flag}`" for flag in command.unless)
    alone = f", except with {unless}" if unless else ""
    found.append(f"Several processes can share the work ([scale.md](scale.md)){alone}.")
  return found


def _flag_cells(name: str, row: Flag) -> tuple[str, str, str]:
  """A flag, its legal values, and its default."""
  if row.kind == "yes":
    return f"`--{name}`", "", "no"
  return f"`--{name}`", row.allowed(_code), "" if row.default is None else _code(row.default)


def _flags(rows: Mapping[str, Flag]) -> str:
  cells = ((*_flag_cells(name, row), row.help) for name, row in rows.items())
  return _table(_FLAG_HEADS, cells)


def _setting_flags() -> str:
  rows = [
    (f"`--{name}`", f"`config.{field}`", text)
    for name, (field, _, text) in config_flags.ABLATION_FLAGS.items()
  ]
  fields = ", ".join(f"`config.{field}`" for field in config_flags.SET_BY_PROTOCOL)
  text = f"How to evaluate: {config_flags.LEGAL}."
  rows.append((f"`--{config_flags.PROTOCOL_FLAG}`", fields, text))
  return _table(("flag", "field", "meaning"), rows)


def _about_fields() -> str:
  """What roles and presets are."""
  roles = _table(
    ("role", "meaning", "may change when a training continues"),
    (
      (role, text, "yes" if Field(str, "", role, "").free_on_resume else "no")
      for role, text in ROLES.items()
    ),
  )
  names = dict.fromkeys(field for values in PRESETS.values() for field in values)
  rows = ((f"`{field}`", *(_code(values[field]) for values in PRESETS.values())) for field in names)
  presets = _table(("field", *(f"`{name}`" for name in PRESETS)), rows)
  return f"{_ABOUT_FIELDS}\n{roles}\n{_ABOUT_PRESETS}\n{presets}"


def _group(group: str) -> str:
  fields = {name: field for name, field in FIELDS.items() if name.rpartition(".")[0] == group}
  rows = ((f"`{name}`", _code(field.default), _legal(field), field.help, _role(field))
          for name, field in fields.items())  # fmt: skip
  title = f"### config{f'.{group}' if group else ''}"
  about = f"{_GROUPS.get(group, _sentence(group))}"
  heads = ("field", "default", "legal values", "meaning", "role")
  return f"{title}\n\n{about}.\n\n{_table(heads, rows)}"


def _legal(field: Field) -> str:
  if field.legal is None:
    return field.allowed()
  return ", ".join(_code(value) for value in field.legal)


def _role(field: Field) -> str:
  return f"{field.role}, may change" if field.resumable else field.role


def main(arguments: list[str]) -> None:
  """Writes the page."""
  path = pathlib.Path(arguments[0]) if arguments else DOCS / "options.md"
  path.write_text(page(), encoding="utf-8")
  print(path)


if __name__ == "__main__":
  main(sys.argv[1:])
