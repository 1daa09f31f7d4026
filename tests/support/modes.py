"""The modes that take a configuration and a workdir, as functions of one name each."""

from cosam_jax.commands.attention import attention
from cosam_jax.commands.evaluate import evaluate
from cosam_jax.commands.masks import masks
from cosam_jax.commands.train import train
from cosam_jax.experiment.page_report import report
from cosam_jax.experiment.saved_rankings import embed

__all__ = ["attention", "embed", "evaluate", "masks", "report", "train"]
