"""Every flag of the command line but the configuration's: a row each."""

import dataclasses
from collections.abc import Callable
from typing import Any

from cosam_jax.commands.benchmark.options import PARTS, Options
from cosam_jax.commands.registry import COMMANDS, MODES
from cosam_jax.reports.poster_rows import SWEEPS
from cosam_jax.runtime import compiled_programs, host_memory
from cosam_jax.runtime.text_numbers import whole_number


@dataclasses.dataclass(frozen=True)
class Flag:
  """One flag.

  Attributes:
    kind: text, path, list, choice, whole (a whole number), number, or yes (true or false).
    help: what it says, for `--helpfull`.
    default: its value if it is not given.
    legal: the values of a choice.
    least, most: bounds of a number.
    accepts: whether an item of a list is legal, and the words for what is.
  """

  kind: str
  help: str
  default: Any = None
  legal: tuple[str, ...] = ()
  least: float | None = None
  most: float | None = None
  accepts: tuple[Callable[[str], bool], str] | None = None


def _text(help_text: str, default: str | None = None) -> Flag:
  return Flag("text", help_text, default)


def _path(help_text: str, default: str | None = None) -> Flag:
  return Flag("path", help_text, default)


def _whole(help_text: str, default: int | None = None, least: int = 1) -> Flag:
  return Flag("whole", help_text, default, least=least)


def _choice(help_text: str, *legal: str, default: str | None = None) -> Flag:
  return Flag("choice", help_text, default, legal)


def _list(help_text: str) -> Flag:
  return Flag("list", help_text)


def _yes(help_text: str, default: bool | None = False) -> Flag:
  return Flag("yes", help_text, default)


def _benchmark_list(
  name: str, help_text: str, accepts: Callable[[str], bool], allowed: str
) -> tuple[str, Flag]:
  default = [str(item) for item in getattr(Options(), name)]
  return f"benchmark_{name}", Flag("list", help_text, default, accepts=(accepts, allowed))


GENERAL: dict[str, Flag] = {
  "workdir": _path("Where checkpoints, scalars and results go; the same one continues a run."),
  "mode": _choice(
    " ".join(f"{name}: {COMMANDS[name].help}." for name in MODES), *MODES, default="train"
  ),
  "version": _yes("Print the versions and end."),
  "print_config": _yes(
    "Print every field of the configuration with its value and where that comes from (default, "
    "file, preset or flag), and end."
  ),
  "quiet": _yes(
    "Print warnings and errors alone, on stderr: no progress, no tables. What a mode finds is in "
    "the files that it writes, and whether it worked in its exit status."
  ),
  "coordinator_address": _text(
    "HOST:PORT of process 0, the same for all processes; with --num_processes and --process_id. It "
    "listens there without asking for a password: localhost, or a private network."
  ),
  "num_processes": _whole("How many processes share the work."),
  "process_id": _whole("Which of them this is, from 0.", least=0),
  "hosts": _choice(
    "How several processes find each other if --coordinator_address is not given. auto: by srun "
    "with several tasks, or a TPU slice whose TPU_WORKER_HOSTNAMES has several hosts, else this "
    "process is alone. one: alone. slurm, tpu: by these, or not at all.",
    "auto", "one", "slurm", "tpu", default="auto",
  ),
  "compiled_programs": _path(
    "Where compiled programs are kept, so that the next run starts at once. auto: in "
    "$COSAM_CACHE, else ~/.cache/cosam_jax, at most 4 GiB, unless JAX_COMPILATION_CACHE_DIR says "
    "where. A folder: there. off: nowhere.",
    compiled_programs.AUTO,
  ),
  "host_memory": _choice(
    "On CPUs under Linux. keep: hold on to the memory of a step for the next one, which saves a "
    "fifth to a third of its time and takes up to twice the memory. return: give it back each "
    "time. auto: keep if there is no accelerator and at least "
    f"{host_memory.AUTO_LEAST_BYTES // 2**30} GiB of memory.",
    host_memory.AUTO, host_memory.KEEP, host_memory.RETURN, default=host_memory.AUTO,
  ),
}  # fmt: skip
"""Flags of every command."""

OWN: dict[str, Flag] = {
  "change_optim": _yes(
    "Of --mode=train: go on from the workdir's checkpoint with other values of config.optim "
    "(learning rate, its decay, weight decay, clip_norm) than it was made with."
  ),
  "embeddings": _path(
    "A file that --mode=embed wrote; --mode=evaluate and --mode=sensitivity rank it, without "
    "network or frames. --config and --workdir may be left out: the run's own settings, and the "
    "file's folder."
  ),
  "first_frames": _list(
    "Of --mode=sensitivity: how many of a tracklet's first frames to try beside all, multiples of "
    "the clip length with commas between them."
  ),
  "input": _path(
    "What --mode=embed embeds instead of the test set: a folder of tracklets (every folder of "
    "images in it is one), or a video. --mode=export takes its example from such a folder, "
    "--mode=masks draws one."
  ),
  "output": _path(
    "The folder that --mode=embed --input, --mode=search and --mode=export write; left out: one "
    "in --workdir."
  ),
  "boxes": _path(
    "The tracked people in --input of --mode=embed and --mode=masks, lines frame,id,x,y,w,h "
    "(MOTChallenge, BoxMOT, KITTI, VisDrone, or columns with names); each id is a tracklet."
  ),
  "box_margin": Flag(
    "number",
    "With --boxes: part of a box's width and height that is added on each side, 0 to 1.",
    least=0.0,
    most=1.0,
  ),
  "boxes_format": _choice(
    "What the columns of --boxes are; left out: found from the whole file, and printed.",
    "results", "ground_truth", "boxmot", "visdrone", "kitti", "named",
  ),
  "boxes_classes": _list(
    "Classes of --boxes that count, with commas between them, or all; left out: people."
  ),
  "boxes_coordinates": _choice(
    "What the four numbers of a box are. sizes (default): x,y,w,h from the upper left corner. "
    "corners: x1,y1,x2,y2. centres: x,y,w,h from the centre.",
    "sizes", "corners", "centres",
  ),
  "boxes_picture": _text(
    "WIDTHxHEIGHT of the picture that --boxes are of, 1x1 for fractions; left out: --input's."
  ),
  "boxes_first_frame": _whole(
    "Number of the first picture in --boxes; left out: 0 if it occurs, the images' own numbers if "
    "their names end in them, else 1.",
    least=0,
  ),
  **{
    name: _path(
      f"Of --mode=search: {what}: embeddings.npz of --mode=embed, a .npy matrix of vectors, or (a "
      "network in --workdir embeds them first) a folder of tracklets or a video."
    )
    for name, what in (("query", "whom to search for"), ("gallery", "where to search"))
  },
  "query_names": _list(
    "Of --mode=search: only these of --query's tracklets, names with commas between them."
  ),
  "top": _whole("Of --mode=search: how many are found for each query; left out: 10."),
  "search_backend": _choice(
    "Of --mode=search: who compares; both are exact. device (default): jax. faiss: needs the extra "
    "of that name.",
    "device", "faiss",
  ),
  "exclude_same_camera": _yes(
    "Of --mode=search: leave out of each query's gallery what the query's own camera saw; the "
    "camera of every tracklet must be known.",
    None,
  ),
  "camera": _text("Of --mode=embed --input: the name of the camera that saw all of it."),
  "camera_from": _text(
    "Of folders of tracklets: a regular expression that is searched in each one's path below the "
    "folder; its first group, or all of it, is the camera. 'cam([0-9]+)' reads cam2/anna as 2."
  ),
  "frame_stride": _whole(
    "Of tracklets that are embedded or drawn: take the first frame and every N-th after it; clips "
    "are made of the taken frames."
  ),
  "most_frames": _whole(
    "Of tracklets that are embedded or drawn: take at most so many frames of each, evenly spread "
    "(of those that --frame_stride leaves)."
  ),
  "tracklets": _list(
    "Of --mode=masks: draw these, names or numbers from 0 with commas between them."
  ),
  "point": _list(
    "Of --mode=masks: frame,y,x in the first tracklet drawn, frames from 1, y and x in pixels or "
    "as fractions (0.5): where the other frames correlate with it."
  ),
  "format": _text(
    "Of --mode=export: some of stablehlo, saved_model, litert, onnx, torch with commas between "
    "them; left out: all, and a line says of each that cannot be written why."
  ),
  "export_input": _choice(
    "Of --mode=export: what the exported programs take. clips (default): float32, normalised. "
    "frames: uint8 RGB of the network's size.",
    "clips", "frames",
  ),
  "allow_mixed_protocols": _yes(
    "Of --mode=compare and --mode=tables: put results of different protocols side by side all the "
    "same, and mark them."
  ),
  "resamples": _whole(
    "Of --mode=compare: how often people are drawn, 100 or more.", 10_000, least=100
  ),
  "sweep": _choice(
    "Run every row of a table of the poster that is not done, each in a folder of its own under "
    "--workdir.",
    *SWEEPS,
  ),
  "sweep_row": _text(
    "Of --sweep, only this run: its number or name, as --dry_run lists them, or a row's name for "
    "all its runs."
  ),
  "seeds": _text(
    "Of --sweep: seeds of each row's repetitions, such as 0,1,2; without, the configuration's own."
  ),
  "dry_run": _yes(
    "Of --sweep: list the runs with state, estimated time and command, and run nothing."
  ),
  **dict([
    _benchmark_list(
      "parts",
      "Parts of --mode=benchmark, separated by commas: step (training), embed (inference), cosam "
      "(the layer alone, both ways), metrics (ranking and re-ranking at MARS scale), input "
      "(reading and augmenting frames; needs the data set).",
      lambda text: text in PARTS, f"among {', '.join(PARTS)}",
    ),
    _benchmark_list(
      "stages",
      "Stages, among 2,3,4,5, whose COSAM layer --mode=benchmark measures alone.",
      lambda text: text in ("2", "3", "4", "5"), "among 2, 3, 4 and 5",
    ),
    _benchmark_list(
      "frames",
      "Clip lengths, 2 or more, of the layers that --mode=benchmark measures alone.",
      lambda text: (whole_number(text) or 0) > 1, "whole numbers, 2 or more",
    ),
  ]),
  "benchmark_repeats": _whole(
    "Measurements of each number in --mode=benchmark, 2 or more.", Options().repeats, least=2
  ),
  "benchmark_clips": _whole("Clips in the batch of those layers, 1 or more.", Options().clips),
}  # fmt: skip
"""Flags of some commands; which ones, the registry says."""
