"""Names of a network's parts, as its tree of parameters begins; loads nothing slow."""

BACKBONE = ("stem", "stage2", "stage3", "stage4", "stage5", "frame_layers")
TRAINED_PARTS = (
  *BACKBONE, "cosam2", "cosam3", "cosam4", "cosam5", "pool", "head", "neck", "classifier"
)  # fmt: skip
"""A parameter is in the part whose name the first name of its path is, or is up to a `_`."""
