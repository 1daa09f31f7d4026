"""The names of the choices about COSAM, which `cosam.Cosam` and `reid.ReidNet` explain."""

from typing import Literal, get_args

Summary = Literal["two_layers", "one_layer", "order_free", "position_free"]
SUMMARIES: tuple[str, ...] = get_args(Summary)
DESCRIPTORS = ("stage", "below")
