"""A sweep's folders with made-up results of the poster's networks."""

from cosam_jax.reports import poster_tables
from cosam_jax.reports.poster_rows import Row
from cosam_jax.reports.results import write_results
from cosam_jax.reports.sweep_results import read_samples

PLAIN = Row("resnet50", (), "tp")
CARD = {
  "protocol": "reference",
  "frames": "all",
  "distance": "sqeuclidean",
  "gallery_size": 9330,
  "valid_queries": 1840,
}
METRICS = ("mAP", "Rank-1", "Rank-5", "Rank-10", "Rank-20", "mINP")


def record(percents, *, dataset="mars", split=None, reranked=False, **card):
  """A result with these percentages for mAP and Rank-1, and others made from them."""
  mean, first = percents
  values = (mean, first, (first + 100) / 2, 97.0, 98.5, mean / 2)
  more = {"dataset": dataset, "split": split, "warnings": [], **card}
  more["reranking"] = {"k1": 20, "k2": 6, "lambda": 0.3} if reranked else None
  metrics = {name: value / 100 for name, value in zip(METRICS, values)}
  return {"card": CARD | more, "metrics": metrics, "label": "after training"}


def write(workdir, name, row, *records, seed=0, step=10, **config):
  """A run's folder."""
  fields = {**row.fields, "seed": seed, "train.epochs": 800, "init.weights": "imagenet", **config}
  write_results(workdir / name / "results.json", records, {"step": step, "config": fields})


def blocks(workdir, **options):
  found = poster_tables.blocks_of(read_samples(workdir), **options)
  return {(block.table, block.dataset): block for block in found}
