"""The benchmark's table: every number of a record, with its unit and its ratios by hand."""

import pytest

from cosam_jax.commands.benchmark.table import WIDTH, render

MIB = 2**20
RECORD = {
  "device": {"count": 2, "kind": "Chip X", "host": "x86_64, 8 cores", "jax": "0.10.2"},
  "published_peak": 4e12,
  "peak": {"size": 1536, "dtype": "float32", "flops_per_second": 2e12},
  "parts": {
    "step": {
      "clips": 8, "frames_per_clip": 4, "median_seconds": 0.5, "low_seconds": 0.25,
      "high_seconds": 123.4, "clips_per_second": 16.0, "frames_per_second": 64.0,
      "flops": 250e9, "flops_per_second": 0.5e12, "compile_seconds": 12.5,
      "memory_bytes": {"total": 3 * 2**30}, "peak_memory_bytes": 512 * MIB,
    },
    "cosam": [
      {
        "stage": 5, "frames": 4, "grid": [16, 8], "channels": 2048, "clips": 2, "ratio": 3.0,
        "factored": {"median_seconds": 0.002, "memory_bytes": {"temporary": 4 * MIB}},
        "explicit": {"median_seconds": 0.006, "memory_bytes": {"temporary": 42 * MIB}},
      },
      {
        "stage": 2, "frames": 4, "grid": [64, 32], "channels": 256, "clips": 2,
        "factored": {"median_seconds": 20e-6, "memory_bytes": {"temporary": MIB}},
        "explicit": {"left_out": "its volume does not fit"},
      },
    ],
    "metrics": {
      "queries": 1980, "gallery": 9330, "width": 2048, "ranking_seconds": 1.5,
      "reranking_seconds": 150.0, "ranking_by_distances_seconds": 0.75,
    },
    "input": {"images_per_second": 1234.5, "rates": [1000.0, 1234.5, 2000.0]},
  },
}  # fmt: skip
# Title, number, note.
ROWS = [
  ("matrix product 1536, float32", "2.0 TFLOP/s", ""),
  ("  the chip's published peak", "4.0 TFLOP/s", "the product reaches 50%"),
  ("training step, 8 clips of 4", "500 ms", "250 ms .. 123 s"),
  ("  clips, frames a second", "16.0", "64.0 frames"),
  ("  250.0 GFLOP", "500.0 GFLOP/s", "25.0% of the product"),
  ("  of the chip's published peak", "12.5%", ""),
  ("  memory by XLA's plan", "3.00 GiB", "most so far 512.0 MiB"),
  ("  compilation", "12.50 s", ""),
  ("ranking 1,980 x 9,330 x 2,048", "1.50 s", ""),
  ("re-ranking", "150 s", ""),
  ("ranking by those distances", "750 ms", ""),
  ("input, augmented", "1,234 /s", "1,000 .. 2,000 images/s"),
]
LAYERS = [
  ("  stage 5, T=4, 16x8x2048, time", ["2.00 ms", "6.00 ms", "3.0"]),
  ("  stage 5, T=4, 16x8x2048, temporary memory", ["4.0 MiB", "42.0 MiB", "10.5"]),
  ("  stage 2, T=4, 64x32x256, time", ["20.00 us", "too big", ""]),
  ("  stage 2, T=4, 64x32x256, temporary memory", ["1.0 MiB", "", ""]),
]


def test_every_number_stands_in_its_row():
  lines = render(RECORD).splitlines()
  assert lines[0] == "on 2 x Chip X (x86_64, 8 cores), jax 0.10.2"
  assert max(map(len, lines)) <= WIDTH
  for title, number, note in ROWS:
    assert f"{title:<40}{number:>12}   {note}".rstrip() in lines
  for title, numbers in LAYERS:
    cells = "".join(f"{number:>{width}}" for number, width in zip(numbers, (10, 10, 8)))
    assert f"{title:<50}{cells}".rstrip() in [line.rstrip() for line in lines]
  assert len(lines) == 3 + len(ROWS) + 1 + len(LAYERS)


def test_what_was_not_measured_is_not_shown():
  record = RECORD | {"published_peak": None, "parts": {"input": {"left_out": "no data"}}}
  assert render(record).splitlines()[3:] == [
    f"{'matrix product 1536, float32':<40}{'2.0 TFLOP/s':>12}", "input left out: no data"
  ]  # fmt: skip


def test_why_a_part_was_left_out_is_told_to_its_end():
  path = "/a/long/path/" + "of-many-parts/" * 6 + "mars"
  reason = f"the data set's directory {path} does not exist: give another one with --data_dir"
  lines = render(RECORD | {"parts": {"input": {"left_out": reason}}}).splitlines()[5:]
  assert " ".join(" ".join(lines).split()) == f"input left out: {reason}"
  assert [len(line) > WIDTH for line in lines if path not in line] == [False, False]


@pytest.mark.parametrize(
  ("kept", "free", "line"),
  [(True, 11.6, "memory: kept between calls; 11.6 of 23.5 GiB free"),
   (False, None, "memory: given back after each call; 23.5 GiB in all")],
)  # fmt: skip
def test_the_memory_of_a_host_whose_cpus_compute(kept, free, line):
  free_bytes = None if free is None else free * 2**30
  memory = {"kept": kept, "free_bytes": free_bytes, "machine_bytes": 23.5 * 2**30}
  assert render(RECORD | {"memory": memory}).splitlines()[1] == line
  without = render(RECORD | {"memory": None})
  assert without == render(RECORD)
  assert "memory: " not in without


def test_networks_stand_in_the_order_of_their_measurement():
  """So that the most memory so far never falls."""
  step = RECORD["parts"]["step"]
  embed = step | {"clips": 32, "peak_memory_bytes": 256 * MIB}
  lines = render(RECORD | {"parts": {"embed": embed, "step": step}}).splitlines()
  titles = [line[:40].rstrip() for line in lines if line.startswith(("training", "embedding"))]
  assert titles == ["embedding, 32 clips of 4", "training step, 8 clips of 4"]
  most = [line.rpartition("most so far ")[2] for line in lines if "most so far" in line]
  assert most == ["256.0 MiB", "512.0 MiB"]


def test_products_by_the_compiler_and_fused():
  sizes = {"stage": 2, "frames": 128, "grid": [64, 32], "channels": [64, 256], "normed": True}
  ways = {
    "compiler": {"median_seconds": 0.003, "memory_bytes": {"temporary": 96 * MIB}},
    "fused": {"median_seconds": 0.002, "memory_bytes": {"temporary": 32 * MIB}},
  }
  record = RECORD | {"published_peak": None, "parts": {"products": [sizes | ways | {"ratio": 1.5}]}}
  lines = render(record).splitlines()[4:]
  assert max(map(len, lines)) <= WIDTH
  assert lines[0].startswith("1x1 convolution and norm, both directions, 128 frames")
  assert [" ".join(line.split()) for line in lines[1:]] == [
    "stage 2, 64x32, norm, 64 -> 256, time 3.00 ms 2.00 ms 1.50",
    "temporary memory 96.0 MiB 32.0 MiB",
  ]


def test_why_products_were_left_out_stands_in_one_line():
  record = RECORD | {"published_peak": None, "parts": {"products": {"left_out": "no GPU"}}}
  assert render(record).splitlines()[4:] == ["products left out: no GPU"]
