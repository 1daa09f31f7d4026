"""The backbones of `pytorch_network`. Loads nothing, so that `--help` can name them at once."""

RESNETS = {"resnet50": (3, 4, 6, 3), "se_resnet50": (3, 4, 6, 3)}
"""Blocks of each stage."""
OSNETS = {"osnet_x1_0": 1.0, "osnet_x0_75": 0.75, "osnet_x0_5": 0.5, "osnet_x0_25": 0.25}
"""Multipliers of the channels."""
