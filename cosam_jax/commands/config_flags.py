"""`--config`, and the flags that set fields of it: the ablations' flags and `--protocol`.

Checks that do not need to run the experiment's file are here; each refuses with one sentence.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from absl import flags
from ml_collections import ConfigDict, config_flags

from cosam_jax.commands import path_flags
from cosam_jax.commands.registry import MISSING_CONFIG, MODES
from cosam_jax.data.sets.registry import DATASETS
from cosam_jax.errors import InputError, suggestion
from cosam_jax.evaluation.protocol_names import LEGAL, parse_protocol
from cosam_jax.experiment import configurations
from cosam_jax.experiment.config import PATHS, check, with_home
from cosam_jax.experiment.fields import FRAME_SELECTIONS, SCHEMA, schema_for
from cosam_jax.experiment.flat_config import add_defaults
from cosam_jax.experiment.origins import describe_config, origins
from cosam_jax.experiment.synthetic_fields import SYNTHETIC_SCHEMA
from cosam_jax.models.backbones.registry import BACKBONES
from cosam_jax.runtime.text_numbers import shown


def parse_stages(text: str) -> tuple[int, ...]:
  """`"4,5"` -> (4, 5); `"none"` -> ().

  Raises:
    InputError: the text is anything else.
  """
  if text.strip().lower() == "none":
    return ()
  if not re.fullmatch(r"\s*[2-5](\s*,\s*[2-5])*\s*", text):
    raise InputError(f"--cosam is {text!r}: list stages among 2, 3, 4 and 5 (such as 4,5), or none")
  return tuple(int(stage) for stage in text.split(","))


# flag -> (field, function that turns its text into a value, help with legal values)
ABLATION_FLAGS: dict[str, tuple[str, Callable[[str], Any], str]] = {
  "backbone": ("model.backbone", str, f"Backbone: {', '.join(BACKBONES)}."),
  "cosam": ("model.cosam_stages", parse_stages,
            "Stages that COSAM follows, a comma-separated list among 2,3,4,5; or none."),
  "temporal": ("model.temporal", str,
               "Temporal head: tp (average), ta (attention), rnn (LSTM), ap (attention pooling)."),
  "num_frames": ("clips.num_frames", int, "Frames in a clip: an integer, 2 or more with COSAM."),
  "frame_selection": ("clips.selection", str,
                      f"Frames of a training clip: {', '.join(FRAME_SELECTIONS)}."),
  "dataset": ("data.name", str, f"Data set: {', '.join(DATASETS)}."),
  "data_dir": ("data.dir", str, "Directory of the data set, or a manifest (.csv, .jsonl)."),
  "attribute": ("evaluation.attributes", str,
                "Also evaluate the queries with these attributes: NAME (for yes) or NAME=VALUE, "
                "separated by commas."),
  "attributes_file": ("evaluation.attributes_file", str,
                      "Annotations for --attribute: mars_attributes.csv or duke_attribute.mat; "
                      "without --attribute: handbag, hat and backpack."),
}  # fmt: skip


# This flag sets two fields.
PROTOCOL_FLAG = "protocol"
SET_BY_PROTOCOL = ("evaluation.gallery", "evaluation.frames")
CONFIG_FLAGS = (*ABLATION_FLAGS, PROTOCOL_FLAG)
"""Flags that override fields of the configuration."""
SETTING_FLAGS: dict[str, str] = {
  PROTOCOL_FLAG: f"How to evaluate: {LEGAL}. Sets config.{' and config.'.join(SET_BY_PROTOCOL)}.",
  **{
    name: f"{text} Overrides config.{field}." for name, (field, _, text) in ABLATION_FLAGS.items()
  },
}
"""The same with their help."""
RANKING_FLAGS = (PROTOCOL_FLAG, "attribute", "attributes_file")
"""Those of them that say how vectors are ranked, and do not change vectors."""


def define() -> None:
  """Registers `--config` and the flags that override fields; flags not given change nothing."""
  if "config" in flags.FLAGS:
    return
  config_flags.DEFINE_config_file("config", None, "The experiment's file.")
  define_overrides()


def define_overrides() -> None:
  """Registers the flags that override fields."""
  for name, text in SETTING_FLAGS.items():
    is_path = name != PROTOCOL_FLAG and ABLATION_FLAGS[name][0] in PATHS
    define_one = path_flags.define if is_path else flags.DEFINE_string
    define_one(name, None, text, module_name="cosam_jax")


def apply_ablation_flags(config: ConfigDict, values: Mapping[str, str | None]) -> ConfigDict:
  """Returns a copy with the fields of the flags that are set, and no `~` in its paths.

  If the data set is another one than the file's, the copy has that one's fields too.

  Raises:
    InputError: a flag's text cannot be read.
  """
  config = ConfigDict(config.to_dict())
  for field, value in fields_of_flags(values).items():
    group, key = field.split(".")
    # `check` refuses a configuration without the group.
    if isinstance(config.get(group), ConfigDict):
      config[group][key] = value
  if not set(SYNTHETIC_SCHEMA).isdisjoint(schema_for(config)):
    add_defaults(config)
  return with_home(config)


def fields_of_flags(values: Mapping[str, str | None]) -> dict[str, Any]:
  """Dotted field -> value, for the flags that are set.

  Raises:
    InputError: a flag's text cannot be read.
  """
  fields: dict[str, Any] = {}
  for name, text in values.items():
    if text is None:
      continue
    if name == PROTOCOL_FLAG:
      gallery, frames = parse_protocol(text)
      fields |= dict(zip(SET_BY_PROTOCOL, (gallery, frames or 0)))
      continue
    field, read, _ = ABLATION_FLAGS[name]
    try:
      fields[field] = read(text)
    except InputError:
      raise
    except ValueError as error:
      raise InputError(
        f"--{name} is {shown(text)}: it must be {SCHEMA[field].allowed()}"
      ) from error
  return fields


def configuration() -> ConfigDict | None:
  """The experiment's file with the fields and flags of the command line; None without `--config`.

  Raises:
    InputError: the file returns something else.
  """
  given = flags.FLAGS["config"].value
  if given is None:
    return None
  if not isinstance(given, ConfigDict):
    raise InputError(
      f"--config gives a {type(given).__name__}: get_config() must return an "
      "ml_collections.ConfigDict"
    )
  return apply_ablation_flags(given, overrides())


def described(arguments: Sequence[str]) -> str:
  """Every field of the configuration, a line each, with its value and the value's origin.

  Args:
    arguments: the command line, without the program.

  Raises:
    InputError: there is no configuration, or it cannot work.
  """
  config = configuration()
  if config is None:
    raise InputError(MISSING_CONFIG)
  check(config)
  given = overrides()
  flags_of = {
    field: f"--{name}"
    for name, text in given.items()
    for field in (fields_of_flags({name: text}) if text is not None else ())
  }
  return describe_config(config, origins(config, file_name() or "", arguments, flags_of))


def overrides() -> dict[str, str | None]:
  """Name -> text, for the flags that override fields."""
  return {name: flags.FLAGS[name].value for name in CONFIG_FLAGS}


def file_name() -> str | None:
  """The file that `--config` names."""
  return config_flags.get_config_filename(flags.FLAGS["config"])


def check_arguments(arguments: list[str]) -> None:
  """Refuses fields that no configuration has.

  ml_collections refuses them too, but in several lines and with an error's name.
  """
  path = configurations.given_in(arguments)
  known = SCHEMA | SYNTHETIC_SCHEMA
  named = any(re.match(r"--?protocol(=|$)", argument) for argument in arguments[1:])
  for argument in arguments[1:]:
    found = re.match(r"--?config\.([^=]+)", argument)
    if found and path is None:
      raise InputError(f"{argument} sets a field, but --config is missing: give it too")
    if found and named and found[1] in SET_BY_PROTOCOL:
      raise InputError(f"{argument} and --protocol set the same field: give one of them")
    if found and found[1] not in known:
      raise InputError(
        f"config.{found[1]} is not a field: --helpfull lists them all{suggestion(found[1], known)}"
      )


def illegal_value(text: str) -> str:
  """One sentence for a value that absl could not read: `flag --NAME=VALUE: reason`."""
  found = re.match(r"flag --([^=]+)=(.*?): (.*)", text, re.DOTALL)
  if found is None:
    return text
  name, value, reason = found.groups()
  field = (SCHEMA | SYNTHETIC_SCHEMA).get(name.removeprefix("config."))
  if field is not None:
    return f"{name} is {shown(value)}: it must be {field.allowed()}"
  if name == "mode":
    return f"--mode is {value!r}: it must be one of {', '.join(MODES)}{suggestion(value, MODES)}"
  if name == "config" and "Traceback (most recent call last)" in reason:
    # The file's own sentence; above it stand the places in our code and in the file.
    given = configurations.given_in(sys.argv) or value
    return f"--config is {given!r}, whose get_config failed: {reason.strip().splitlines()[-1]}"
  if name in flags.FLAGS:
    parser = flags.FLAGS[name].parser
    if isinstance(parser, flags.IntegerParser | flags.FloatParser):
      reason = f"it must be {parser.syntactic_help}"
    elif isinstance(parser, flags.EnumParser):
      reason += suggestion(value, parser.enum_values)
  return f"--{name} is {shown(value)}: {reason}"
