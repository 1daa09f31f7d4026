"""Refuses foreign networks where only one of ours will do; loads nothing slow."""

from ml_collections import ConfigDict

from cosam_jax.errors import InputError
from cosam_jax.models.onnx_sessions import is_onnx


def refuse_foreign(config: ConfigDict, what: str) -> None:
  """Refuses a configuration whose `init.weights` are a foreign network.

  Args:
    config: the configuration, which need not be checked yet.
    what: the use, such as "trained".

  Raises:
    InputError: they are.
  """
  init = config.get("init")
  weights = init.get("weights") if isinstance(init, ConfigDict) else None
  if reason := foreign_refusal(str(weights or ""), what):
    raise InputError(reason)


def foreign_refusal(weights: str, what: str) -> str:
  """The sentence of `refuse_foreign` for a value of `init.weights`; empty if it is not one."""
  if not is_onnx(weights):
    return ""
  return (
    f"{weights} is an ONNX file, a foreign network, which can be evaluated and embedded with and "
    f"not {what}: give weights of a network of this program"
  )
