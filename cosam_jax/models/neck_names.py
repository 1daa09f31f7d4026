"""The names of the choices about the neck, which `reid.ReidNet` explains."""

NECK_LOSSES = ("classifier", "both")
NECK_PLACES = ("clip", "frame")
EMBEDDINGS = ("before_neck", "after_neck")
