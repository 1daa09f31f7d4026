"""A network with its weights, as every use after training takes it."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from cosam_jax.models import ReidNet
from cosam_jax.models.foreign import AnyNet, ForeignNet, ours


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
  """A network with its weights.

  Attributes:
    model: the network.
    variables: its weights; of a foreign network, what distinguishes it.
    flat: the run's configuration, dotted name -> plain value; empty if it is unknown.
    label: names the weights, such as "step 240", a file's name, or `hf:org/name@commit`.
    step: number of steps that they were trained for; 0 for a file's.
    about: values beside the checkpoint, about its training; empty for a file's.
    place: the workdir, checkpoint or file that it was read from; None if unknown.
  """

  model: AnyNet
  variables: dict[str, Any]
  flat: Mapping[str, Any]
  label: str
  step: int = 0
  about: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  place: pathlib.Path | None = None

  @property
  def ours(self) -> ReidNet:
    """The network if it is one of ours; InputError if it is foreign."""
    return ours(self.model)

  @property
  def foreign(self) -> Mapping[str, Any]:
    """The facts about a foreign network for a card; empty for one of ours."""
    return foreign_facts(self.model)

  @property
  def embedding_size(self) -> int:
    """D."""
    if isinstance(self.model, ForeignNet):
      return self.model.embedding_size
    return int(self.variables["params"]["classifier"]["kernel"].shape[0])


def foreign_facts(model: AnyNet) -> Mapping[str, Any]:
  """The facts about a foreign network for a card; empty for one of ours."""
  return model.record if isinstance(model, ForeignNet) else {}
