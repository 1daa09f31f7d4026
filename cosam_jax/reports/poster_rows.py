"""The networks of each of the poster's tables. Data only: nothing is run here."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from cosam_jax.errors import InputError

_TITLES = {"resnet50": "ResNet-50", "se_resnet50": "SE-ResNet-50"}


@dataclasses.dataclass(frozen=True)
class Row:
  """One network of the poster, or of the configuration; the rest comes from the configuration.

  Attributes:
    backbone, cosam, temporal, num_frames, frame_selection: values of the flags of these names.
    form: the end of its name, if it decides more; see `own_rows.MASK_FORMS`.
    more: what it decides then: pairs of a field and its value.
  """

  backbone: str
  cosam: tuple[int, ...]
  temporal: str
  num_frames: int = 4
  frame_selection: str = "sequential"
  form: str = ""
  more: tuple[tuple[str, Any], ...] = ()

  @property
  def name(self) -> str:
    """Its folder, such as se_resnet50_cosam45_tp, with `_n8` or `_random` if not the default."""
    cosam = f"cosam{''.join(map(str, self.cosam))}" if self.cosam else "none"
    parts = [self.backbone, cosam, self.temporal]
    parts += [f"n{self.num_frames}"] if self.num_frames != 4 else []
    parts += [self.frame_selection] if self.frame_selection != "sequential" else []
    parts += [self.form] if self.form else []
    return "_".join(parts)

  @property
  def title(self) -> str:
    """The same for people, such as "SE-ResNet-50 COSAM4,5 TP, N=8"; not the form."""
    cosam = f"COSAM{','.join(map(str, self.cosam))}" if self.cosam else "no COSAM"
    title = f"{_TITLES.get(self.backbone, self.backbone)} {cosam} {self.temporal.upper()}"
    title += f", N={self.num_frames}" if self.num_frames != 4 else ""
    return title + (f", {self.frame_selection}" if self.frame_selection != "sequential" else "")

  @property
  def fields(self) -> dict[str, Any]:
    """Configuration field -> value."""
    return {
      "model.backbone": self.backbone,
      "model.cosam_stages": list(self.cosam),
      "model.temporal": self.temporal,
      "clips.num_frames": self.num_frames,
      "clips.selection": self.frame_selection,
      **dict(self.more),
    }

  @property
  def flags(self) -> list[str]:
    """The same as flags."""
    return [
      f"--backbone={self.backbone}",
      f"--cosam={','.join(map(str, self.cosam)) or 'none'}",
      f"--temporal={self.temporal}",
      f"--num_frames={self.num_frames}",
      f"--frame_selection={self.frame_selection}",
      *(f"--config.{field}={value}" for field, value in self.more),
    ]


def row_of(config: Mapping[str, Any]) -> Row | None:
  """The row that a flat configuration (dotted name -> value) trains; None if a field is missing.

  The row decides no more than flags do: forms of masks are the configuration's.
  """
  try:
    return Row(
      config["model.backbone"],
      tuple(sorted(config["model.cosam_stages"])),
      config["model.temporal"],
      config["clips.num_frames"],
      config["clips.selection"],
    )
  except (KeyError, TypeError, InputError):  # Results from a file raise InputError.
    return None


POSTER_BACKBONES = ("resnet50", "se_resnet50")
BEST_ROW = Row("se_resnet50", (4, 5), "tp")
"""The poster's best network; its re-ranked results are a row of the comparison as well."""

# The table of baselines has no row that `temporal` lacks.
SWEEPS: dict[str, tuple[Row, ...]] = {
  "positions": tuple(
    Row(backbone, cosam, "tp")
    for backbone in POSTER_BACKBONES
    for cosam in ((), (2,), (3,), (4,), (5,), (4, 5))
  ),
  "temporal": tuple(
    Row(backbone, cosam, temporal)
    for backbone in POSTER_BACKBONES
    for temporal in ("tp", "ta", "rnn")
    for cosam in ((), (4, 5))
  ),
  "num_frames": tuple(dataclasses.replace(BEST_ROW, num_frames=number) for number in (2, 4, 8)),
  "frame_selection": (BEST_ROW, dataclasses.replace(BEST_ROW, frame_selection="random")),
  "attributes": tuple(
    Row(backbone, cosam, "tp") for backbone in POSTER_BACKBONES for cosam in ((), (4, 5))
  ),
  "state_of_the_art": (Row("resnet50", (), "ta"), Row("se_resnet50", (), "tp"), BEST_ROW),
}
"""Name of a sweep -> the networks that its table needs."""

SWEEPS["all"] = tuple(dict.fromkeys(row for rows in SWEEPS.values() for row in rows))
