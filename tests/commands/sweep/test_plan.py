"""The runs of a sweep and their flags: plain data, nothing is run."""

import dataclasses

import pytest
import tiny
from absl import flags

from cosam_jax.commands import config_flags
from cosam_jax.commands.sweep import plan as sweep_plan
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.fields import SCHEMA
from cosam_jax.reports.own_rows import OWN_SWEEPS
from cosam_jax.reports.poster_rows import BEST_ROW, SWEEPS, Row, row_of


def plan(sweep="all", **options):
  fields = options.pop("fields", {})
  return sweep_plan.plan(tiny.config("data", **fields), sweep, **options)


def test_rows_that_several_tables_share_are_one_run():
  together = {job.name for job in plan("all")}
  apart = [job.name for sweep in SWEEPS if sweep != "all" for job in plan(sweep)]
  assert together == set(apart)
  assert len(together) == 23 < len(apart)


def test_names_are_folders_one_for_each_run():
  jobs = plan("all", seeds=[0, 1], fields={"data__name": "ilids_vid"})
  names = [job.name for job in jobs]
  assert len(set(names)) == len(names) == 23 * 2 * 10
  assert all(name.replace("_", "").isalnum() for name in names)
  assert "se_resnet50_cosam45_tp_random_seed1_split9" in names
  assert plan("positions")[0].name == "resnet50_none_tp"


def parsed(job) -> dict:
  return parsed_of(job, {})


def parsed_of(job, base) -> dict:
  """The configuration that a job's flags make, by the command line's own parsers."""
  values = flags.FlagValues()
  for name in config_flags.ABLATION_FLAGS:
    flags.DEFINE_string(name, None, "", flag_values=values)
  fields = {}
  for flag in job.flags:
    if flag.startswith("--config."):
      name, _, text = flag.removeprefix("--config.").partition("=")
      kind = SCHEMA[name].kind
      fields[name] = text == "True" if kind is bool else kind(text)
  values(["program", *(flag for flag in job.flags if not flag.startswith("--config."))])
  given = {name: values[name].value for name in config_flags.ABLATION_FLAGS}
  config = config_flags.apply_ablation_flags(tiny.config("data", **base), given)
  config.update_from_flattened_dict(fields)
  config_rules.check(config)
  return config_rules.plain(config_rules.resolve(config))


def test_flags_make_the_configuration_that_results_are_compared_with():
  for job in plan("all", seeds=[3]):
    made = parsed(job)
    assert made == sweep_plan.configuration(tiny.config("data"), job)
    assert row_of(made) == job.row
    assert made["seed"] == 3


def test_only_the_best_network_is_re_ranked_beyond_the_configuration():
  reranked = [job.row for job in plan("all") if job.fields.get("evaluation.rerank")]
  assert reranked == [BEST_ROW]


def test_the_rnn_head_trains_at_a_third_of_the_rate():
  config = {"optim__learning_rate": 3e-4}
  for job in plan("temporal", fields=config):
    assert job.fields.get("optim.learning_rate") == (1e-4 if job.row.temporal == "rnn" else None)
    assert bool(job.notes) == (job.row.temporal == "rnn")
  given = ["--config.optim.learning_rate=3e-4"]
  assert all(not job.notes for job in plan("temporal", fields=config, arguments=given))


def test_a_file_of_weights_is_given_to_its_own_backbone_only():
  fields = {"init__weights": "some/half.npz", "model__backbone": "resnet50"}
  for job in plan("positions", fields=fields):
    other = job.row.backbone != "resnet50"
    assert job.fields.get("init.weights") == ("" if other else None)
    assert any("half.npz" in note for note in job.notes) == other
  named = plan("positions", fields={"init__weights": "imagenet"})
  assert all("init.weights" not in job.fields for job in named)


def test_seeds_and_splits():
  assert [job.seed for job in plan("frame_selection", seeds=[2, 0, 2])] == [2, 0, 2, 0]
  assert [job.seed for job in plan("frame_selection", fields={"seed": 5})] == [5, 5]
  splits = [job.split for job in plan("frame_selection", fields={"data__name": "ilids_vid"})]
  assert splits == [*range(10), *range(10)]
  assert {job.split for job in plan("frame_selection")} == {None}


def test_one_run_or_row_alone():
  every = plan("all", seeds=[0, 1])
  assert plan("all", seeds=[0, 1], only="7") == [every[7]]
  assert plan("all", seeds=[0, 1], only=every[7].name) == [every[7]]
  by_row = plan("all", seeds=[0, 1], only="resnet50_cosam3_tp")
  assert {job.row for job in by_row} == {Row("resnet50", (3,), "tp")}
  assert [job.seed for job in by_row] == [0, 1]


@pytest.mark.parametrize(
  ("options", "words"),
  [
    ({"only": "46", "seeds": [0, 1]}, ["--sweep_row is 46", "46 runs", "0 to 45"]),
    ({"only": "resnet50_cosam4_tpp"}, ["no such row", "did you mean 'resnet50_cosam4_tp'?"]),
    ({"arguments": ["--backbone=resnet18"]}, ["--backbone is set", "config.model.backbone"]),
    ({"arguments": ["--config.clips.num_frames", "8"]}, ["--config.clips.num_frames is set"]),
    (
      {"arguments": ["--config.data.split=3"], "fields": {"data__name": "ilids_vid"}},
      ["--config.data.split is set", "all 10 splits"],
    ),
  ],
)
def test_what_cannot_be_planned_is_refused(options, words):
  with pytest.raises(InputError) as caught:
    plan("all", **options)
  for word in words:
    assert word in str(caught.value)


@pytest.mark.parametrize(
  "line",
  [
    "--sweep temporal",
    "--sweep num_frames --seeds 0,1",
    "--workdir backbone --sweep=positions",
    "--sweep=all --data_dir cosam",
    "--sweep all -- --temporal=ta",
  ],
)
def test_values_behind_flags_are_no_flags(line):
  assert plan("temporal", arguments=line.split()) == plan("temporal")


@pytest.mark.parametrize("text", ["", "1,", "a", "-1", "1.5", str(2**32)])
def test_seeds_that_are_none_are_refused(text):
  with pytest.raises(InputError, match=r"--seeds is .*: list integers"):
    sweep_plan.parse_seeds(text)


def test_every_field_of_a_row_has_a_flag_that_is_refused():
  for field in BEST_ROW.fields:
    with pytest.raises(InputError, match=f"decide config.{field}: leave it out"):
      plan(arguments=[f"--config.{field}=1"])
  flags_of_rows = {flag.removeprefix("--").partition("=")[0] for flag in BEST_ROW.flags}
  for flag in flags_of_rows:
    with pytest.raises(InputError, match=f"--{flag} is set, but"):
      plan(arguments=[f"--{flag}", "1"])
  assert len(flags_of_rows) == len(BEST_ROW.fields)


def test_seeds_are_read():
  assert sweep_plan.parse_seeds("0, 1,4294967295") == [0, 1, 2**32 - 1]


def test_the_sweeps_own_flags_are_not_passed_on():
  given = "--sweep=all --config=c.py --seeds 0,1 -workdir w --dry_run --data_dir d"
  given = [*given.split(), "--sweep_row=3", "--nodry_run", "--workdir=v", "--mode=train"]
  kept = ["--config=c.py", "--data_dir", "d", "--mode=train"]
  assert sweep_plan.arguments_without_sweep(given) == kept


def test_fields_that_change_no_number_do_not_matter():
  saved = sweep_plan.configuration(tiny.config("data"), plan("positions")[0])
  same = {**saved, "data.dir": "elsewhere", "evaluation.batch_clips": 64}
  assert sweep_plan.differing(saved, same) == []
  other = {**saved, "train.epochs": 5, "init.weights": "w.npz", "evaluation.gallery": "official"}
  assert sweep_plan.differing(saved, other) == [
    "evaluation.gallery", "init.weights", "train.epochs"
  ]  # fmt: skip


STRONG = {
  "clips__selection": "restricted",
  "clips__num_frames": 4,
  "model__backbone": "osnet_x0_25",
  "model__cosam_stages": (4, 5),
}
RECIPE = {"clips__erase": 0.5, "model__neck": True, "model__spatial_pool": "max"}


def test_a_recipe_whose_clips_no_row_of_the_poster_has_has_sweeps_of_its_own():
  with pytest.raises(InputError, match=r"'restricted', but the rows of --sweep=all.*own_cosam"):
    plan("all", fields=STRONG)
  names = [job.name for job in plan("own_cosam", fields=STRONG, seeds=[0, 1])]
  assert names == [
    "osnet_x0_25_none_tp_restricted",
    "osnet_x0_25_none_tp_restricted_seed1",
    "osnet_x0_25_cosam45_tp_restricted",
    "osnet_x0_25_cosam45_tp_restricted_seed1",
  ]


@pytest.mark.parametrize("sweep", OWN_SWEEPS)
def test_flags_of_own_rows_make_the_configuration_that_results_are_compared_with(sweep):
  fields = {"model__backbone": "resnet50", "model__cosam_stages": (5,), **RECIPE}
  jobs = plan(sweep, fields=fields)
  for job in jobs:
    made = parsed_of(job, fields)
    assert row_of(made) == dataclasses.replace(job.row, form="", more=())
    assert job.fields.items() <= made.items()
  assert len({job.name for job in jobs}) == len(jobs) > 1


def test_own_rows_decide_what_their_question_is_about_and_nothing_else():
  assert plan("own_cosam", fields=STRONG, arguments=["--cosam=4,5", "--backbone=osnet_x0_25"])
  for sweep, flag in (("own_positions", "--cosam=5"), ("own_temporal", "--temporal=ta"),
                      ("own_num_frames", "--config.clips.num_frames=8"),
                      ("own_frame_selection", "--frame_selection=random"),
                      ("own_masks", "--cosam=5"), ("own_masks", "--config.model.summary=one_layer"),
                      ("own_masks", "--config.init.mask_start=0.9")):  # fmt: skip
    with pytest.raises(InputError, match="the rows of --sweep decide"):
      plan(sweep, fields=STRONG, arguments=[flag])


@pytest.mark.parametrize("sweep", ["own_cosam", "own_temporal"])
def test_with_and_without_cosam_needs_cosam(sweep):
  with pytest.raises(InputError, match=f"--sweep={sweep} compares no COSAM.*is empty"):
    plan(sweep, fields={**STRONG, "model__cosam_stages": ()})


def test_only_the_posters_sweeps_re_rank_the_posters_best_network():
  fields = {"model__backbone": "se_resnet50", "model__cosam_stages": (4, 5)}
  assert not any(job.fields.get("evaluation.rerank") for job in plan("own_cosam", fields=fields))


def test_own_rows_keep_the_rate_of_a_configuration_that_has_their_head():
  fields = STRONG | {"model__temporal": "rnn", "optim__learning_rate": 3e-4}
  assert all("optim.learning_rate" not in job.fields for job in plan("own_cosam", fields=fields))
  rates = [job.fields.get("optim.learning_rate") for job in plan("own_temporal", fields=fields)]
  assert rates == [None] * 6
  averages = plan("own_temporal", fields=fields | {"model__temporal": "tp"})
  assert [job.fields.get("optim.learning_rate") for job in averages] == [None] * 4 + [1e-4] * 2


def test_a_row_that_contradicts_the_configuration_is_refused_before_any_runs():
  fields = STRONG | {"clips__selection": "strided", "clips__stride": 2}
  with pytest.raises(InputError, match=r"row .*_tp cannot be run|cannot be run: .*stride is 2"):
    plan("own_frame_selection", fields=fields)
  frozen = STRONG | {"optim__frozen": "cosam4"}
  with pytest.raises(InputError, match=r"row \S*none\S* of the sweep cannot be run: .*cosam4"):
    plan("own_positions", fields=frozen)
