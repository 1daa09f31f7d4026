"""Invented people drawn walking: their looks, the drawing, and their streets."""

from cosam_jax.data.drawn.body import draw_figure
from cosam_jax.data.drawn.canvas import Pose
from cosam_jax.data.drawn.looks import Look, difference, distinct_looks, random_look
from cosam_jax.data.drawn.scenery import Camera, Scene

__all__ = [
  "Camera",
  "Look",
  "Pose",
  "Scene",
  "difference",
  "distinct_looks",
  "draw_figure",
  "random_look",
]
