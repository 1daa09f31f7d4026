"""Every flag of the command line except those of the configuration, a row each."""

from collections.abc import Callable

from cosam_jax.commands.benchmark.options import BENCHMARK_PARTS, Options
from cosam_jax.commands.flag_forms import (
  Flag,
  choice_flag,
  list_flag,
  path_flag,
  text_flag,
  whole_flag,
  yes_flag,
)
from cosam_jax.commands.link_flags import LINK_FLAGS
from cosam_jax.commands.publish_flags import PUBLISH_FLAGS
from cosam_jax.commands.registry import COMMANDS, MODES
from cosam_jax.evaluation.calibration_names import (
  ALL_PAIRS,
  IN_WORDS,
  OTHER_CAMERAS,
  PARTS_OF_PEOPLE,
  is_rate,
)
from cosam_jax.experiment.config import CHANGED_OPTIM
from cosam_jax.reports.own_rows import OWN_SWEEPS
from cosam_jax.reports.poster_rows import SWEEPS
from cosam_jax.runtime import compiled_programs, host_memory
from cosam_jax.runtime.text_numbers import whole_number


def _benchmark_list(
  name: str, help_text: str, accepts: Callable[[str], bool], allowed: str
) -> tuple[str, Flag]:
  default = [str(item) for item in getattr(Options(), name)]
  return f"benchmark_{name}", Flag("list", help_text, default, accepts=(accepts, allowed))


GENERAL: dict[str, Flag] = {
  "workdir": path_flag(
    "The run's folder, with checkpoints and results. Give it again to continue."
  ),
  "mode": choice_flag(
    " ".join(f"{name}: {COMMANDS[name].help}." for name in MODES), *MODES, default="train"
  ),
  "version": yes_flag("Print the versions and end."),
  "print_config": yes_flag(
    "Print every field of the configuration, its value and the value's origin (default, file, "
    "preset or flag), and end."
  ),
  "quiet": yes_flag(
    "Print only warnings and errors, on stderr: no progress, no tables. The results are in the "
    "files that a mode writes; the exit status says whether it worked."
  ),
  "coordinator_address": text_flag(
    "HOST:PORT of process 0, the same for all processes; needs --num_processes and --process_id. "
    "Anybody who reaches the port can connect: use localhost or a private network."
  ),
  "num_processes": whole_flag("Number of processes that share the work.", most=65_536),
  "process_id": whole_flag("Number of this process, from 0.", least=0, most=65_535),
  "hosts": choice_flag(
    "How several processes find each other if --coordinator_address is not given. auto: through "
    "SLURM if srun started several tasks, or as a TPU slice if TPU_WORKER_HOSTNAMES has several "
    "hosts; else this process is alone. one: this process is alone. slurm, tpu: only in this way.",
    "auto", "one", "slurm", "tpu", default="auto",
  ),
  "compiled_programs": path_flag(
    "Folder that keeps compiled programs, so that the next run starts at once. auto: in "
    "$COSAM_CACHE, else ~/.cache/cosam_jax, at most 4 GiB, unless JAX_COMPILATION_CACHE_DIR names "
    "a folder. off: keep none.",
    compiled_programs.AUTO,
  ),
  "host_memory": choice_flag(
    "On CPUs under Linux. keep: keep a step's memory for the next one, which saves a fifth to a "
    "third of the time and takes up to twice the memory. return: give it back each time. auto: "
    f"keep on machines with {host_memory.AUTO_LEAST_BYTES // 2**30} GiB or more and no "
    "accelerator, unless two steps' memory is more than what is free once the step is compiled.",
    host_memory.AUTO, host_memory.KEEP, host_memory.RETURN, default=host_memory.AUTO,
  ),
}  # fmt: skip
"""Flags of every command."""

OWN: dict[str, Flag] = {
  "change_optim": yes_flag(
    "For --mode=train: continue from the workdir's checkpoint although these fields have changed: "
    f"{', '.join(CHANGED_OPTIM)}; with a cosine, train.epochs too."
  ),
  "embeddings": path_flag(
    "A file that --mode=embed wrote. --mode=evaluate and --mode=sensitivity rank its vectors, and "
    "--mode=calibrate compares them, without network or frames. By default, --config is that of "
    "its run, --workdir its folder. --mode=link takes several, separated by commas."
  ),
  "first_frames": list_flag(
    "For --mode=sensitivity: numbers of first frames of each tracklet to try besides all frames; "
    "multiples of the clip length, separated by commas."
  ),
  "input": path_flag(
    "A folder of tracklets (every folder of images in it is one), or a video. --mode=embed embeds "
    "it instead of the test set, --mode=masks draws its masks, --mode=link links its tracklets (or "
    "those of several, separated by commas), and --mode=export takes its example from such a "
    "folder."
  ),
  "output": path_flag(
    "The folder that --mode=embed --input, --mode=masks, --mode=search, --mode=link, --mode=export "
    "and --mode=publish write. Default: a folder in --workdir; without it, `search` beside the "
    "gallery, or `people_linked` beside the first file to link."
  ),
  "weights": path_flag(
    "The network to use in place of --workdir's: hf:org/name@revision on the Hugging Face Hub, an "
    "export's folder or weights, which know their configuration; a foreign network, model.onnx "
    "with model.json beside it; or, with --config, any weights. With a data set, --mode=evaluate "
    "and --mode=embed take the names and files that config.init.weights takes."
  ),
  "boxes": path_flag(
    "A file of the tracked people in --input of --mode=embed, --mode=masks and --mode=link, with "
    "lines frame,id,x,y,w,h (MOTChallenge, BoxMOT, KITTI, VisDrone, or columns with names); each "
    "id is a tracklet. --mode=link takes several, one for each of its --input."
  ),
  "box_margin": Flag(
    "number",
    "With --boxes: share of a box's width and height to add on each side, 0 to 1.",
    least=0.0,
    most=1.0,
  ),
  "boxes_format": choice_flag(
    "Format of --boxes. Default: it is found from the whole file, and printed.",
    "results", "ground_truth", "boxmot", "visdrone", "kitti", "named",
  ),
  "boxes_classes": list_flag(
    "Classes of --boxes that count, separated by commas, or all. Default: people."
  ),
  "boxes_coordinates": choice_flag(
    "Meaning of a box's four numbers. sizes (default): x,y,w,h from the upper left corner. "
    "corners: x1,y1,x2,y2. centres: x,y,w,h from the centre.",
    "sizes", "corners", "centres",
  ),
  "boxes_picture": text_flag(
    "WIDTHxHEIGHT of the picture that --boxes refer to, 1x1 for fractions. Default: --input's."
  ),
  "boxes_first_frame": whole_flag(
    "Number of the first picture in --boxes. Default: 0 if it occurs, the images' own numbers if "
    "their names have them, else 1.",
    least=0, most=1_000_000_000,
  ),
  **{
    name: path_flag(
      f"For --mode=search: {what}: embeddings.npz of --mode=embed, a .npy matrix of vectors, or a "
      "folder of tracklets or a video, which the network in --workdir embeds first."
    )
    for name, what in (("query", "the people to search for"), ("gallery", "the people to rank"))
  },
  "people": choice_flag(
    "For --mode=embed and --mode=calibrate: whose tracklets are embedded. test: the test set, the "
    "default of embed. held_out: the training people that config.data.validation_identities held "
    "out, the default of calibrate. training: those trained on.",
    *PARTS_OF_PEOPLE,
  ),
  "allow_test_people": yes_flag(
    "For --mode=calibrate: calibrate on the test set of a known data set, whose results then say "
    "nothing about other people."
  ),
  "fmr": Flag(
    "list",
    "For --mode=calibrate: wished false match rates, more than 0 and less than 1, separated by "
    "commas. The threshold of the first one decides.",
    ["0.001", "0.01", "0.0001"], accepts=(is_rate, IN_WORDS),
  ),
  "fpir": Flag(
    "list",
    "For --mode=calibrate: wished false positive identification rates of open-set searches, "
    "separated by commas.",
    ["0.1", "0.01"], accepts=(is_rate, IN_WORDS),
  ),
  "rank": whole_flag(
    "For --mode=calibrate: the rank, besides 1, of the false negative identification rate.", 10
  ),
  "prior": text_flag(
    "For --mode=calibrate: the share of pairs of one person among those to be judged, above 0 and "
    "below 1, for probabilities. Default: their share among the labelled pairs."
  ),
  "comparisons": choice_flag(
    "For --mode=calibrate: which tracklets are compared. other_cameras (default): those of "
    "different cameras. all: any two.",
    OTHER_CAMERAS, ALL_PAIRS,
  ),
  "calibration": path_flag(
    "A calibration.json of --mode=calibrate, or the folder that has it. --mode=search gives each "
    "distance its rates; default: the one in --workdir, or near --gallery or --query, if it is of "
    "the same network. "
    "--mode=calibrate measures its thresholds on the people of --embeddings, and finds none. "
    "--mode=link reads the linking.npz beside it, or the one that is given."
  ),
  **LINK_FLAGS,
  **PUBLISH_FLAGS,
  "query_names": list_flag(
    "For --mode=search: search only for these tracklets of --query; names separated by commas."
  ),
  "top": whole_flag("For --mode=search: number of tracklets to find for each query. Default: 10."),
  "search_backend": choice_flag(
    "For --mode=search: the library that compares vectors; both are exact. device (default): jax. "
    "faiss: needs the extra of that name.",
    "device", "faiss",
  ),
  "exclude_same_camera": yes_flag(
    "For --mode=search: leave tracklets of the query's own camera out of its gallery; the camera "
    "of every tracklet must be known.",
    None,
  ),
  "camera": text_flag(
    "For --mode=embed --input and --mode=link --input: the name of the camera that saw all of it. "
    "--mode=link takes several, one for each of its --input."
  ),
  "camera_from": text_flag(
    "For folders of tracklets: a regular expression that is searched in each tracklet's path below "
    "the folder; its first group, or the whole match, is the camera. 'cam([0-9]+)' reads cam2/anna "
    "as 2."
  ),
  "frame_stride": whole_flag(
    "For tracklets that are embedded or drawn: take the first frame and every N-th after it; clips "
    "are made of these frames."
  ),
  "most_frames": whole_flag(
    "For tracklets that are embedded or drawn: take at most N frames of each, evenly spread (of "
    "those that --frame_stride leaves)."
  ),
  "tracklets": list_flag(
    "For --mode=masks: draw the masks of these tracklets; names, or numbers from 0, separated by "
    "commas."
  ),
  "point": list_flag(
    "For --mode=masks: a place frame,y,x in the first tracklet that is drawn, frames from 1, y and "
    "x in pixels or as fractions (0.5). A picture shows where the other frames correlate with it."
  ),
  "figures": path_flag(
    "For --mode=masks with --input=FOLDER: a folder with the silhouette of the person in each "
    "frame, a PNG of the frame's name and size, 0 off the person. The share of the masks' weight "
    "on them is measured."
  ),
  "format": text_flag(
    "For --mode=export: some of stablehlo, saved_model, litert, onnx, torch, separated by commas. "
    "Default: all that can be written; for each other one a line gives the reason."
  ),
  "export_input": choice_flag(
    "For --mode=export: input of the exported programs. clips (default): float32, normalised. "
    "frames: uint8 RGB of the network's size.",
    "clips", "frames",
  ),
  "allow_mixed_protocols": yes_flag(
    "For --mode=compare and --mode=tables: accept results of different protocols, and mark them."
  ),
  "resamples": whole_flag(
    "For --mode=compare and --mode=calibrate: number of times to draw people, 100 or more.",
    10_000, least=100,
  ),
  "sweep": choice_flag(
    "Run every unfinished row of a table of the poster of the ICCV 2019 paper, or (own_...) of the "
    "configuration's own network and recipe, each in a folder of its own under --workdir.",
    *SWEEPS,
    *OWN_SWEEPS,
  ),
  "sweep_row": text_flag(
    "With --sweep: run only this one, given by the number or name that --dry_run lists; or all "
    "runs of a row, given by its name."
  ),
  "seeds": text_flag(
    "With --sweep: repeat each row with these seeds, such as 0,1,2. Default: the configuration's."
  ),
  "dry_run": yes_flag(
    "With --sweep: only list the runs, with their state, estimated time and command."
  ),
  **dict([
    _benchmark_list(
      "parts",
      "Parts of --mode=benchmark, separated by commas: step (training), embed (inference), cosam "
      "(the layer alone, with and without the cost volume), metrics (ranking and re-ranking at "
      "MARS scale), input (reading and augmenting frames; needs the data set), products (1x1 "
      "convolutions and their norms alone, with and without fused kernels; needs an NVIDIA GPU).",
      lambda text: text in BENCHMARK_PARTS, f"among {', '.join(BENCHMARK_PARTS)}",
    ),
    _benchmark_list(
      "stages",
      "Stages, among 2,3,4,5, whose COSAM layers and products --mode=benchmark measures alone.",
      lambda text: text in ("2", "3", "4", "5"), "among 2, 3, 4 and 5",
    ),
    _benchmark_list(
      "frames",
      "Clip lengths, 2 to 1024, of the COSAM layers that --mode=benchmark measures alone.",
      lambda text: 1 < (whole_number(text) or 0) <= 1024, "whole numbers from 2 to 1024",
    ),
  ]),
  "benchmark_repeats": whole_flag(
    "Measurements of each number in --mode=benchmark, 2 or more.", Options().repeats, least=2,
    most=10_000,
  ),
  "benchmark_clips": whole_flag(
    "Clips in the batch of those layers, 1 or more.", Options().clips, most=4096
  ),
}  # fmt: skip
"""Flags of some commands; the registry says which."""
