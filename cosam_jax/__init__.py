"""COSAM, the co-segmentation activation module for video-based person re-identification.

"The paper" is Subramaniam, Nambiar, Mittal: Co-segmentation Inspired Attention Networks for
Video-based Person Re-identification, ICCV 2019; "the poster" is its poster there, whose tables are
the numbers to reproduce; "the published code" is the authors' PyTorch program.
"""

from typing import TYPE_CHECKING

from cosam_jax.runtime import moved_modules
from cosam_jax.runtime.late import late_names

if TYPE_CHECKING:
  from cosam_jax.experiment.embedder import Embedder

__version__ = "0.1.0"
__all__ = ["Embedder", "__version__"]

moved_modules.install()

# Late, so that `import cosam_jax` loads neither jax nor TensorFlow.
__getattr__, __dir__ = late_names(__name__, {"Embedder": "cosam_jax.experiment.embedder"})
