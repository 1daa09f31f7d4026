"""The commands: purpose, flags, needs and module of each.

To add a mode, write a file with `run(call)` and add a row to `COMMANDS`. The rows name modules by
text, so that nothing slow is loaded before the command line has been read.
"""

import dataclasses
from collections.abc import Mapping

NEEDED, OPTIONAL, NONE = "needed", "optional", "none"
RUN, RESULTS = "run", "results"
ALWAYS: tuple[str, ...] = ()
"""Marks a flag that may be given alone."""


@dataclasses.dataclass(frozen=True)
class Command:
  """One mode of the program.

  Attributes:
    help: one line for `--helpfull`, a verb first.
    module: the module with `run(call)`.
    flags: its own flags -> other flags, one of which must be given too (`ALWAYS`: none must).
    without: flags -> others that it does not read together with them.
    needs: flags that must be given -> a remedy.
    config: whether it needs a configuration, may have one, or reads none.
    unless: if one of these flags is given, it needs no data set, and a configuration is optional.
    instead: if one of `unless` is given, flags that must be given in place of `needs`.
    ranks: whether the flags of ranking are read even without a configuration.
    of_run: what of the workdir has the configuration if there is no `--config`: the run itself
      (`RUN`) or the results that lie there (`RESULTS`); empty if nothing has.
    files: flags -> the file in the workdir that each of them names if it is not given.
    shared: whether several processes can share the work, if none of `unless` is given.
    continues: whether the same command goes on after any signal, even before the work begins.
    following: what may be done after it ended well -> the mode that does it.
    computes: whether it computes with jax, so that memory and compiled programs are settled first.
    words: names its arguments without dashes; empty if it takes none.
    flag: the flag that asks for it, if that is not `--mode`.
  """

  help: str
  module: str
  flags: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
  without: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
  needs: Mapping[str, str] = dataclasses.field(default_factory=dict)
  config: str = NEEDED
  unless: tuple[str, ...] = ()
  instead: Mapping[str, str] = dataclasses.field(default_factory=dict)
  ranks: bool = False
  of_run: str = ""
  files: Mapping[str, str] = dataclasses.field(default_factory=dict)
  shared: bool = False
  continues: bool = False
  following: Mapping[str, str] = dataclasses.field(default_factory=dict)
  computes: bool = True
  words: str = ""
  flag: str | None = None


_RUN = {"workdir": "give a directory for checkpoints and results"}
_NETWORK = {"workdir": "give the run whose network is to be used"}
_SIDES = (
  "--mode=search needs --query and --gallery, each embeddings.npz, a .npy file, a folder of "
  "tracklets or a video"
)
_CHOSEN = ("input", "tracklets", "point", "frame_stride", "most_frames")
"""With any of these, `masks` draws chosen frames."""
_BOXES = dict.fromkeys(
  ("box_margin", "boxes_format", "boxes_classes", "boxes_coordinates", "boxes_picture",
   "boxes_first_frame"),
  ("boxes",),
)  # fmt: skip

COMMANDS: dict[str, Command] = {
  "train": Command(
    "train (or continue) and evaluate",
    "cosam_jax.commands.train",
    flags={"change_optim": ALWAYS},
    needs=_RUN,
    shared=True,
    continues=True,
    following={"go on, to twice as many epochs": "train", "evaluate again": "evaluate"},
  ),
  "evaluate": Command(
    "evaluate a checkpoint, or config.init.weights",
    "cosam_jax.commands.evaluate",
    flags={"embeddings": ALWAYS, "weights": ALWAYS},
    without={"embeddings": ("weights",)},
    needs=_RUN,
    of_run=RUN,
    unless=("embeddings",),
    ranks=True,
    shared=True,
    following={"make the page again, with this query too": "report"},
  ),
  "embed": Command(
    "write the vectors of the test set, of other --people, or of --input, to embeddings.npz",
    "cosam_jax.commands.embed",
    flags={
      **dict.fromkeys(("people", "input", "weights"), ALWAYS),
      "output": ("input",),
      "boxes": ("input",),
      **_BOXES,
      **dict.fromkeys(("camera", "camera_from", "frame_stride", "most_frames"), ("input",)),
    },
    needs=_RUN,
    of_run=RUN,
    unless=("input",),
    instead=_NETWORK,
    shared=True,
  ),
  "masks": Command(
    "measure and draw COSAM's masks on test frames",
    "cosam_jax.commands.masks",
    flags={
      **dict.fromkeys(_CHOSEN, ALWAYS),
      "output": _CHOSEN,
      **dict.fromkeys(("boxes", "figures", "weights"), ("input",)),
      **_BOXES,
    },
    needs=_RUN,
    of_run=RUN,
    unless=_CHOSEN,
    instead=_NETWORK,
  ),
  "attention": Command(
    "measure whether the masks do anything",
    "cosam_jax.commands.attention",
    needs=_RUN,
    of_run=RUN,
  ),
  "doctor": Command("check the data directory", "cosam_jax.commands.doctor"),
  "prepare": Command("pack the frames for random access", "cosam_jax.commands.prepare"),
  "compare": Command(
    "compare two sides of results.json files, given after the flags; needs no --config",
    "cosam_jax.commands.compare",
    flags={"allow_mixed_protocols": ALWAYS, "resamples": ALWAYS},
    config=NONE,
    computes=False,
    words="the two sides",
  ),
  "benchmark": Command(
    "measure speed and memory on this machine; only its input part needs data",
    "cosam_jax.commands.benchmark.measure",
    flags=dict.fromkeys(
      (
        "benchmark_parts",
        "benchmark_repeats",
        "benchmark_stages",
        "benchmark_frames",
        "benchmark_clips",
      ),
      ALWAYS,
    ),
    needs=_RUN,
  ),
  "tables": Command(
    "write the poster's tables from a sweep's results; needs no --config",
    "cosam_jax.commands.tables",
    flags={"allow_mixed_protocols": ALWAYS},
    needs={"workdir": "give the directory of a sweep"},
    config=NONE,
    computes=False,
  ),
  "sensitivity": Command(
    "try distances, pooling and numbers of frames on --embeddings",
    "cosam_jax.commands.sensitivity",
    flags={"embeddings": ALWAYS, "first_frames": ALWAYS},
    needs={"embeddings": "give a file that --mode=embed wrote"},
    files={"embeddings": "embeddings.npz"},
    config=NONE,
  ),
  "calibrate": Command(
    "measure on labelled people how often a decision by distance is wrong, and keep thresholds",
    "cosam_jax.commands.calibrate",
    flags={
      **dict.fromkeys(
        (
          "embeddings",
          "people",
          "allow_test_people",
          "fmr",
          "fpir",
          "rank",
          "prior",
          "comparisons",
          "resamples",
        ),
        ALWAYS,
      ),
      "calibration": ("embeddings",),
    },
    without={"calibration": ("fmr", "fpir", "prior", "comparisons", "allow_test_people")},
    needs=_RUN,
    of_run=RUN,
    unless=("embeddings",),
  ),
  "search": Command(
    "find the nearest of --gallery for each of --query; needs no --config",
    "cosam_jax.commands.search",
    flags=dict.fromkeys(
      (
        "output",
        "query",
        "query_names",
        "gallery",
        "top",
        "search_backend",
        "exclude_same_camera",
        "camera_from",
        "frame_stride",
        "most_frames",
        "calibration",
        "weights",
      ),
      ALWAYS,
    ),
    needs={"query": _SIDES, "gallery": _SIDES},
    config=OPTIONAL,
  ),
  "link": Command(
    "find who is who among tracklets of several cameras; needs no --config",
    "cosam_jax.commands.link",
    flags={
      **dict.fromkeys(
        ("boxes", "camera", "camera_from", "frame_stride", "most_frames"), ("input",)
      ),
      **_BOXES,
    }
    | dict.fromkeys(
      (
        "embeddings",
        "input",
        "output",
        "calibration",
        "threshold",
        "least_chance",
        "corrections",
        "starts",
        "travel_times",
        "stitch_gap",
        "memory",
        "weights",
      ),
      ALWAYS,
    ),
    config=OPTIONAL,
  ),
  "export": Command(
    "write the network for other programs; needs no --config",
    "cosam_jax.commands.export.mode",
    flags=dict.fromkeys(("input", "output", "format", "export_input", "weights"), ALWAYS),
    needs=_NETWORK,
    config=OPTIONAL,
  ),
  "publish": Command(
    "make the folder of a network for the Hugging Face Hub; needs no --config",
    "cosam_jax.commands.publish",
    flags=dict.fromkeys(("output", "weights", "licence", "push"), ALWAYS),
    needs={**_NETWORK, "licence": "give the licence of the weights, such as apache-2.0"},
    config=OPTIONAL,
  ),
  "report": Command(
    "make a run's report page again", "cosam_jax.commands.report", needs=_RUN, of_run=RESULTS
  ),
  "sweep": Command(
    "run every unfinished row of a table of the poster",
    "cosam_jax.commands.sweep.command",
    flags={
      "sweep": ALWAYS,
      "change_optim": ALWAYS,
      **dict.fromkeys(("sweep_row", "seeds", "dry_run"), ("sweep",)),
    },
    needs={"workdir": "give a directory for the sweep's runs"},
    continues=True,
    flag="sweep",
  ),
}

MODES = tuple(name for name, command in COMMANDS.items() if command.flag is None)
"""Legal values of `--mode`."""
OF_RUN = tuple(name for name, command in COMMANDS.items() if command.of_run)
"""Modes that take the configuration from a run."""
CONTINUING = tuple(name for name, command in COMMANDS.items() if command.continues)
"""Commands that go on where a signal stopped them."""
MISSING_CONFIG = (
  "--config is missing: give a file, such as configs/synthetic.py, or synthetic; the modes "
  f"{', '.join(OF_RUN)} take it from the --workdir of a run"
)
