"""Tables rendered and parsed back: every number is ours, the poster's, or their difference."""

import csv
import io
import statistics

import pytest

from cosam_jax.errors import InputError
from cosam_jax.experiment.flat_config import trained_with
from cosam_jax.reports import poster_tables, table_formats
from cosam_jax.reports.poster_rows import BEST_ROW, Row
from cosam_jax.reports.published import read_published
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


def published(table, row, dataset, reranked=False):
  (line,) = [one for one in read_published()[table]
             if one.row == row and one.reranked == reranked]  # fmt: skip
  return line.numbers[dataset]


@pytest.fixture
def mars(tmp_path):
  """The best row with three seeds, also re-ranked, and a plain row with one, as on all of MARS."""
  for seed, mean in enumerate((79.0, 80.5, 81.0)):
    records = record((mean, 85.0 + seed)), record((mean + 7, 86.0), reranked=True)
    write(tmp_path, f"best{seed}", BEST_ROW, *records, seed=seed)
  write(tmp_path, "plain", PLAIN, record((75.123, 83.456)))
  return tmp_path


def test_ours_stand_beside_the_published_with_difference_and_spread(mars):
  block = blocks(mars)["positions", "mars"]
  assert block.metrics == ("mAP", "Rank-1", "Rank-5", "Rank-20")
  lines = {line.name: line for line in block.lines}
  assert len(lines) == 12
  plain, best = lines[PLAIN.title], lines[BEST_ROW.title]
  assert plain.ours["mAP"] == pytest.approx(75.123)
  assert plain.published == published("positions", PLAIN, "mars")
  assert plain.difference("Rank-1") == pytest.approx(83.456 - 83.1)
  assert plain.spreads == {}
  assert best.ours["mAP"] == pytest.approx((79.0 + 80.5 + 81.0) / 3)
  assert best.spreads["mAP"] == pytest.approx(statistics.stdev([79.0, 80.5, 81.0]))
  assert best.note == "3 seeds"
  others = [line for line in block.lines if line not in (plain, best)]
  assert {(line.note, line.comparable, *line.ours) for line in others} == {("not run", False)}
  assert all(line.published for line in others)


def test_pages_and_other_evaluations_of_a_run_are_no_rows(mars):
  """A page's folder holds a copy of the results, even if the page is old or was moved."""
  before = blocks(mars)
  copies = ("plain/report", "best0/report", "moved_page")
  for folder in copies:
    write(mars, folder, PLAIN, record((1.0, 2.0)))
    (mars / folder / "index.html").write_text("")
  write(mars, "plain/evaluations/mars_official_step10", PLAIN, record((3.0, 4.0)))
  write(mars, "evaluations/mars_official", PLAIN, record((3.0, 4.0)))
  assert blocks(mars) == before
  alone = blocks(mars / "plain" / "evaluations")["positions", "mars"]  # Somebody names it.
  assert [line.ours["mAP"] for line in alone.lines if line.ours] == [pytest.approx(3.0)]
  with pytest.raises(InputError, match="has no results of the poster's networks"):
    read_samples(mars / "plain")


def test_the_re_ranked_row_has_the_re_ranked_numbers_and_others_methods_are_named(mars):
  block = blocks(mars)["state_of_the_art", "mars"]
  ranked, reranked = block.lines[-2:]
  assert reranked.ours["mAP"] - ranked.ours["mAP"] == pytest.approx(7)
  assert reranked.published["mAP"] == 87.4
  assert [line.note for line in block.lines][:2] == [poster_tables.OTHERS] * 2
  assert block.lines[1].published == {"mAP": 68.5, "Rank-1": 73.9}


def test_attributes_are_rows_of_their_own_table(tmp_path):
  duke = {"dataset": "dukemtmc_vidreid"}
  records = [record((90.0, 91.0), **duke)]
  for attribute, gallery, mean in (
    ("hat=yes", "whole", 80.0), ("hat=yes", "subset", 85.0), ("hat=no", "whole", 70.0),
    ("handbag=yes", "whole", 75.0), ("top=long", "whole", 60.0),
  ):  # fmt: skip
    card = {"attribute": attribute, "attribute_gallery": gallery, "valid_queries": int(mean)}
    records.append(record((mean, mean), **duke, **card))
  write(tmp_path, "plain", PLAIN, *records)
  found = blocks(tmp_path)
  lines = {line.name: line for line in found["attributes", "dukemtmc_vidreid"].lines}
  wanted = {"handbag": 75.0, "hat": 80.0}
  for attribute in ("handbag", "hat", "backpack"):
    line = lines[f"{PLAIN.title} ({attribute})"]
    assert line.ours.get("mAP") == pytest.approx(wanted.get(attribute))
  assert lines[f"{PLAIN.title} (hat)"].difference("mAP") == pytest.approx(80.0 - 91.1)
  # The poster does not say which gallery it used: its numbers stand beside both.
  assert lines[f"{PLAIN.title} (hat), subset"].difference("mAP") == pytest.approx(85.0 - 91.1)
  assert "people with the attribute only" in lines[f"{PLAIN.title} (hat), subset"].note
  (everybody,) = [line for line in found["positions", "dukemtmc_vidreid"].lines if line.ours]
  assert everybody.ours["mAP"] == pytest.approx(90.0)


def markdown_cells(text):
  rows = [line for line in text.splitlines() if line.startswith("|")]
  cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
  return [cells[0], *cells[2:]]


def latex_cells(text):
  text = text.replace(r"$\pm$", "±").replace(r"\_", "_").replace(r"\%", "%")
  rows = [line.removesuffix(r" \\") for line in text.splitlines() if line.endswith(r"\\")]
  return [[cell.strip() for cell in row.split(" & ")] for row in rows]


def csv_numbers(text):
  rows = csv.DictReader(io.StringIO(text))
  return {(row["row"], row["metric"]): row for row in rows}


def test_every_format_says_the_same_when_parsed_back(mars):
  poster_tables.write_tables(mars)
  block = blocks(mars)["positions", "mars"]
  read = {
    suffix: (mars / "tables" / f"positions.{suffix}").read_text() for suffix in ("md", "csv", "tex")
  }
  cells = markdown_cells(read["md"])
  assert latex_cells(read["tex"]) == cells
  heads, rows = cells[0], cells[1:]
  numbers = csv_numbers(read["csv"])
  assert len(numbers) == len(rows) * len(block.metrics) == 48
  for row, line in zip(rows, block.lines, strict=True):
    found = dict(zip(heads, row, strict=True))
    assert (found["network"], found["note"]) == (line.name, line.note)
    for name in block.metrics:
      exact = numbers[line.name, name]
      wanted = {"ours": line.ours, "spread": line.spreads, "published": line.published}
      for field, values in wanted.items():
        assert (exact[field] == "") == (name not in values)
        if name in values:
          assert float(exact[field]) == pytest.approx(values[name], abs=1e-6)
      ours, _, spread = found[name].partition("±")
      assert (ours == "-") == (exact["ours"] == "")
      if exact["ours"]:
        assert float(ours) == pytest.approx(float(exact["ours"]), abs=0.005001)
        difference = float(exact["ours"]) - float(exact["published"])
        assert float(found[f"{name} difference"]) == pytest.approx(difference, abs=0.005001)
        assert float(exact["difference"]) == pytest.approx(difference, abs=2e-6)
      if exact["spread"]:
        assert float(spread) == pytest.approx(float(exact["spread"]), abs=0.005001)
      assert float(found[f"{name} poster"]) == float(exact["published"])


def terminal_numbers(text):
  """Maps each kind of line to the numbers of its lines."""
  found = {}
  for line in text.splitlines():
    words = line[24:].split()
    if words[:1] in (["ours"], ["poster"], ["difference"]):
      found.setdefault(words[0], []).append(words[1:])
  return found


def test_the_terminals_view_fits_and_has_the_same_numbers(mars):
  view = poster_tables.write_tables(mars)
  tables = view.partition("written to")[0]  # The rest holds a path.
  assert max(map(len, tables.splitlines())) <= 79
  block = blocks(mars)["positions", "mars"]
  found = terminal_numbers(table_formats.terminal(block))
  assert found["poster"] == [
    [f"{line.published[name]:.1f}" for name in block.metrics] for line in block.lines
  ]
  measured = [line for line in block.lines if line.ours]
  assert found["ours"] == [
    [f"{line.ours[name]:.2f}" for name in block.metrics] for line in measured
  ]  # fmt: skip
  assert found["difference"] == [
    [f"{line.ours[name] - line.published[name]:+.2f}" for name in block.metrics]
    for line in measured
  ]


@pytest.mark.parametrize(
  ("dataset", "warnings", "reason"),
  [
    ("synthetic", [], "the poster has no data set synthetic"),
    ("mars", ["mars train: expected 8,298, found 24; this is a subset"], "this is a subset"),
  ],
)
def test_other_data_are_marked_and_get_no_published_number(tmp_path, dataset, warnings, reason):
  write(tmp_path, "best", BEST_ROW, record((60.0, 50.0), dataset=dataset, warnings=warnings))
  block = blocks(tmp_path)["positions", dataset]
  assert reason in block.obstacles[0]
  assert not block.has_published
  assert all(line.difference("mAP") is None for line in block.lines)
  poster_tables.write_tables(tmp_path)
  for suffix in ("md", "tex"):
    text = (tmp_path / "tables" / f"positions.{suffix}").read_text()
    assert table_formats.NOT_COMPARABLE in text
    assert "difference" not in text
    assert "79.9" not in text
  rows = csv_numbers((tmp_path / "tables" / "positions.csv").read_text())
  assert {row["published"] + row["difference"] for row in rows.values()} == {""}
  comparison = blocks(tmp_path)["state_of_the_art", dataset]
  assert len(comparison.lines) == 4  # Others' methods have no number on these data.


def test_splits_are_averaged_and_an_incomplete_set_is_said_to_be(tmp_path):
  for split in range(10):
    result = record((50.0, 70.0 + split), dataset="ilids_vid", split=split)
    write(tmp_path, f"best{split}", BEST_ROW, result)
    if split < 3:
      write(tmp_path, f"plain{split}", PLAIN, result)
  block = blocks(tmp_path)["temporal", "ilids_vid"]
  assert block.metrics == ("Rank-1", "Rank-5")
  lines = {line.name: line for line in block.lines}
  assert lines[BEST_ROW.title].ours["Rank-1"] == pytest.approx(74.5)
  assert lines[BEST_ROW.title].difference("Rank-1") == pytest.approx(74.5 - 79.6)
  assert lines[PLAIN.title].ours["Rank-1"] == pytest.approx(71.0)
  assert lines[PLAIN.title].note == "3 of 10 splits"
  assert lines[PLAIN.title].difference("Rank-1") is None


def test_a_seed_that_lacks_splits_is_left_out_and_named(tmp_path):
  for seed, splits in ((0, 10), (1, 4), (2, 10)):
    for split in range(splits):
      result = record((50.0, 70.0 + seed), dataset="ilids_vid", split=split)
      write(tmp_path, f"best{seed}_{split}", BEST_ROW, result, seed=seed)
  (line,) = (x for x in blocks(tmp_path)["temporal", "ilids_vid"].lines if x.name == BEST_ROW.title)
  assert line.ours["Rank-1"] == pytest.approx(71.0)  # Of seeds 0 and 2.
  assert line.note == "2 seeds; without seed 1, which lacks splits"
  assert line.difference("Rank-1") == pytest.approx(71.0 - 79.6)


@pytest.mark.parametrize(
  "change", [{"protocol": "official", "gallery_size": 11310}, {"distance": "cosine"},
             {"valid_queries": 1800}, {"flip": True}]
)  # fmt: skip
def test_different_protocols_are_refused_or_marked(tmp_path, change):
  write(tmp_path, "best", BEST_ROW, record((80.0, 85.0)))
  write(tmp_path, "plain", PLAIN, record((75.0, 83.0), **change))
  with pytest.raises(InputError) as caught:
    blocks(tmp_path)
  for word in ("different protocols", "/best/", "/plain/", "--allow_mixed_protocols"):
    assert word in str(caught.value)
  block = blocks(tmp_path, allow_mixed_protocols=True)["positions", "mars"]
  notes = {line.name: line.note for line in block.lines}
  value = "with mirror images" if "flip" in change else str(next(iter(change.values())))
  assert value in notes[PLAIN.title].replace(",", "")
  assert "protocol reference" in notes[BEST_ROW.title]


def test_numbers_of_another_protocol_are_not_subtracted(tmp_path):
  card = {"protocol": "official", "gallery_size": 11310}
  write(tmp_path, "best", BEST_ROW, record((80.0, 85.0), **card))
  line = next(line for line in blocks(tmp_path)["positions", "mars"].lines if line.ours)
  assert line.difference("mAP") is None
  assert "the poster's is reference" in line.note


def test_settings_in_which_rows_differ_are_told(tmp_path):
  write(tmp_path, "a", PLAIN, record((75.0, 83.0)), **{"train.epochs": 4})
  write(tmp_path, "b", BEST_ROW, record((80.0, 85.0)), step=1240)
  notes = "\n".join(blocks(tmp_path)["positions", "mars"].notes)
  assert f"rows differ in train.epochs: 4 ({PLAIN.name}); 800 ({BEST_ROW.name})" in notes
  assert "init.weights imagenet" in notes
  assert "steps 10 to 1,240" in notes


def test_settings_that_train_no_other_network_are_passed_over(tmp_path):
  others = {"report.worst": 9, "model.remat": True, "data.retry_seconds": 5}
  write(tmp_path, "plain", PLAIN, record((70.0, 80.0)), **others)
  write(
    tmp_path, "best", BEST_ROW, record((79.0, 85.0)), **{"report.worst": 3, "model.remat": False}
  )
  write(tmp_path, "best1", BEST_ROW, record((79.0, 85.0)), seed=1, **{"init.mask_start": 0.9})
  found = blocks(tmp_path, trained_with=trained_with)["positions", "mars"].notes
  differing = [note for note in found if note.startswith("rows differ")]
  # The other two are older than the field.
  wanted = f"0.5 ({PLAIN.name}, {BEST_ROW.name}); 0.9 ({BEST_ROW.name})"
  assert differing == [f"rows differ in init.mask_start: {wanted}"]


def test_what_is_no_rows_result_is_left_out_and_two_of_one_row_are_refused(tmp_path):
  with pytest.raises(InputError, match="no results of the poster's networks"):
    read_samples(tmp_path)
  write(tmp_path, "small", Row("resnet18", (4, 5), "tp"), record((1.0, 1.0)))
  write(tmp_path, "untrained", BEST_ROW, record((2.0, 2.0)), step=0)
  with pytest.raises(InputError, match="no results of the poster's networks"):
    read_samples(tmp_path)
  write(tmp_path / "deeper", "one", BEST_ROW, record((3.0, 3.0)))
  assert [sample.metrics["mAP"] for sample in read_samples(tmp_path)] == [3.0]
  write(tmp_path, "again", BEST_ROW, record((4.0, 4.0)))
  with pytest.raises(InputError, match=r"again.*one.*are both se_resnet50_cosam45_tp"):
    read_samples(tmp_path)


def test_tables_of_an_earlier_call_do_not_stay(mars):
  stale = mars / "tables" / "attributes.md"  # There are no results with attributes.
  stale.parent.mkdir()
  for name in ("attributes.md", "positions.md"):
    (stale.parent / name).write_text("old")
  poster_tables.write_tables(mars)
  assert not stale.exists()
  assert "old" not in (stale.parent / "positions.md").read_text().split()
