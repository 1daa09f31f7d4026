"""`--mode=evaluate`: evaluates a checkpoint, given weights, or saved embeddings."""

import pathlib
from collections.abc import Sequence

from ml_collections import ConfigDict

from cosam_jax.commands import config_flags
from cosam_jax.commands.call import Call
from cosam_jax.commands.following import following
from cosam_jax.evaluation.cards import Result
from cosam_jax.experiment import evaluation_place
from cosam_jax.experiment.evaluator import Evaluator
from cosam_jax.experiment.mask_report import MaskReport
from cosam_jax.experiment.network import network_to_evaluate
from cosam_jax.experiment.outcome import leave
from cosam_jax.experiment.page_report import check_outputs
from cosam_jax.experiment.parts import OF_START
from cosam_jax.experiment.run import Run
from cosam_jax.experiment.saved_rankings import evaluate_embeddings
from cosam_jax.models.foreign import ForeignNet
from cosam_jax.reports.results import check_replaceable


def run(call: Call) -> None:
  """Runs the mode."""
  if call.flags["embeddings"] is None:
    with call.holding_workdir():
      evaluate(call.run_config, call.folder, call.arguments)
    return
  path = pathlib.Path(call.flags["embeddings"])
  fields = config_flags.fields_of_flags(call.overrides) if call.config is None else {}
  with call.holding_place_of(str(path)):
    evaluate_embeddings(path, call.config, call.workdir, fields)


def evaluate(
  config: ConfigDict, workdir: pathlib.Path, arguments: Sequence[str] | None = None
) -> list[Result]:
  """Evaluates the workdir's checkpoint; without one, the weights that `init.weights` names.

  An evaluation other than the run's own goes to a separate folder, see `evaluation_place`.
  """
  run = Run(config, workdir)
  network = network_to_evaluate(run)
  evaluation_place.settle(run, network.label, network.variables, ranking=True)
  check_outputs(run)
  check_replaceable(run.workdir / "results.json")
  evaluator = Evaluator(run.config, run.tables, run.model)
  run.steps_per_epoch = network.about.get("steps_per_epoch")
  results = list(evaluator(network.variables, label=network.label, checkpoint=network.label))
  page = _page_again(run, results, workdir, foreign=isinstance(run.model, ForeignNet))
  leave(
    run,
    evaluator,
    MaskReport(run),
    results,
    network.variables,
    mode="evaluate",
    label=network.label,
    step=network.step,
    skipped=evaluator.skipped,
    changed=network.about.get("changed", ()),
    start={name: network.about[name] for name in OF_START if name in network.about},
    arguments=arguments,
    following=following("evaluate", arguments, {"report": page}),
  )
  return results


def _page_again(
  run: Run, results: Sequence[Result], workdir: pathlib.Path, *, foreign: bool = False
) -> dict[str, str | None] | None:
  """The flags that make the page again with one query more, an example for people.

  None if there is no page, or the field, a list with commas, can name no query. The configuration
  of a foreign network is left to the results, which have the sizes of its frames.
  """
  names = map(str, results[0].query_names if run.config.report.write else ())
  name = next((name for name in names if name and name == name.strip() and "," not in name), None)
  if name is None:
    return None
  place: dict[str, str | None] = {}
  if run.workdir != workdir:
    place["workdir"] = str(run.workdir)
  if foreign:
    place["config"] = None
  return {**place, "config.report.queries": name}
