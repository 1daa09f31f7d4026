"""Decides whether a run may continue from the checkpoint of another configuration."""

from collections.abc import Mapping
from typing import Any

from cosam_jax.errors import InputError

REMEDY = (
  "give the same values, or another --workdir; --change_optim goes on with other config.optim "
  "(and other train.epochs of a cosine)"
)


def optim_changes(saved: Mapping[str, Any], asked: Mapping[str, Any], step: int) -> list[str]:
  """Sentences on the fields of `optim` that differ from the checkpoint's, after `step` steps.

  With a cosine, the number of epochs counts among them, since the cosine ends at the last epoch.
  """
  cosine = "cosine" in (saved.get("optim.schedule"), asked.get("optim.schedule"))
  return [
    f"from step {step + 1} on, {name} is {asked.get(name)!r} instead of {saved.get(name)!r}"
    for name in sorted({*saved, *asked})
    if (name.startswith("optim.") or (cosine and name == "train.epochs"))
    and plain(saved.get(name)) != plain(asked.get(name))
  ]


def plain(value: Any) -> Any:
  """The value as a checkpoint keeps it: a list for a tuple."""
  return list(value) if isinstance(value, tuple) else value


def check_same(
  saved: Mapping[str, Any],
  asked: Mapping[str, Any],
  free: tuple[str, ...],
  where: str,
  remedy: str = "give the same values, or another --workdir",
) -> None:
  """Refuses to continue from a checkpoint of another configuration.

  Args:
    saved: flat configuration of the checkpoint, dotted name -> value.
    asked: the configuration of this run.
    free: names, or groups of names, that may differ.
    where: the checkpoint, for the message.
    remedy: what to do, for the message.

  Raises:
    InputError: it names each differing field and both values.
  """
  differences = [
    f"{name} was {saved.get(name)!r} and is now {asked.get(name)!r}"
    for name in differing(saved, asked, free)
  ]
  if differences:
    raise InputError(
      f"the checkpoint in {where} was made with another configuration ({'; '.join(differences)}): "
      + remedy
    )


def differing(
  saved: Mapping[str, Any], asked: Mapping[str, Any], free: tuple[str, ...]
) -> list[str]:
  """The fields for which `check_same` refuses, sorted."""

  def matters(name: str) -> bool:
    return not any(name == field or name.startswith(f"{field}.") for field in free)

  return [
    name
    for name in sorted({*saved, *asked})
    if matters(name) and plain(saved.get(name)) != plain(asked.get(name))
  ]
