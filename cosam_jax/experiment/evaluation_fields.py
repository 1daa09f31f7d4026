"""The fields of a configuration about evaluation and reports; `fields.py` has the others."""

from cosam_jax.experiment.field_kinds import MEASURING, REPORT, SPEED, Field
from cosam_jax.experiment.field_kinds import choice as _choice

EVALUATION_FIELDS: dict[str, Field] = {
  "evaluation.gallery": _choice("reference", MEASURING,
    "reference: queries taken out of the gallery; official: left in.", "reference", "official"),
  "evaluation.frames": Field(int, 0, MEASURING,
    "Number of frames of each tracklet, evenly drawn; 0 for all.", least=0, most=10**6),
  "evaluation.batch_clips": Field(int, 32, SPEED, "Clips embedded at once.", least=1, most=4096),
  "evaluation.checkpoint": _choice("last", MEASURING,
    "The checkpoint that is evaluated.", "last", "best"),
  "evaluation.weights": _choice("trained", MEASURING,
    "The weights of a checkpoint: those of its step, or the average of train.average.", "trained",
    "average", late=True),
  "evaluation.flip": Field(bool, False, MEASURING,
    "Embed each clip as the mean of its vector and its mirror image's.", late=True),
  "evaluation.before_training": Field(bool, False, REPORT, "Also evaluate the initial weights."),
  "evaluation.resample": Field(bool, False, MEASURING,
    "Resample a checkpoint's weights to this num_frames and image_size."),
  "evaluation.distance": _choice("sqeuclidean", MEASURING,
    "Ranking distance.", "sqeuclidean", "cosine"),
  "evaluation.rerank": Field(bool, True, MEASURING, "Also report k-reciprocal re-ranking."),
  "evaluation.rerank_k1": Field(int, 20, MEASURING, "Re-ranking: neighbours in a set.", least=1,
    most=10**4),
  "evaluation.rerank_k2": Field(int, 6, MEASURING,
    "Re-ranking: neighbours whose descriptions are averaged.", least=1, most=10**4),
  "evaluation.rerank_lambda": Field(float, 0.3, MEASURING,
    "Re-ranking: weight of the original distance.", least=0, most=1),
  "evaluation.attributes_file": Field(str, "", MEASURING,
    "mars_attributes.csv or duke_attribute.mat, to evaluate by attribute too; empty: do not.",
    path=True),
  "evaluation.attributes": Field(str, "", MEASURING,
    "The attributes, NAME (for yes) or NAME=VALUE, separated by commas; empty: the poster's "
    "handbag,hat,backpack."),
  "report.write": Field(bool, True, REPORT, "Make the report page after training and evaluation."),
  "report.worst": Field(int, 4, REPORT,
    "Ranking sheets: number of queries with the lowest precision.", least=0, most=1000),
  "report.best": Field(int, 2, REPORT,
    "Ranking sheets: number of queries with the highest precision.", least=0, most=1000),
  "report.random": Field(int, 2, REPORT,
    "Ranking sheets: number of queries drawn by the seed.", least=0, most=1000),
  "report.tensorboard": Field(bool, False, REPORT,
    "Also write losses, rates and metrics as TensorBoard event files."),
  "report.queries": Field(str, "", REPORT,
    "Ranking sheets: names of queries, separated by commas."),
}  # fmt: skip
"""`evaluation.*` and `report.*`."""
