"""What is asked of a trained network, beside its own data set: the flags, and who reads which.

python -m cosam_jax.main --mode=embed --workdir=runs/mars --input=a.mp4 --boxes=a.txt
python -m cosam_jax.main --mode=search --query=A/embeddings.npz --gallery=B/embeddings.npz
python -m cosam_jax.main --mode=export --workdir=runs/mars --format=onnx,torch
"""

import pathlib
from typing import TYPE_CHECKING

from absl import flags
from ml_collections import ConfigDict

from cosam_jax.commands import box_flags, path_flags
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules

if TYPE_CHECKING:
  from cosam_jax.data.taken_frames import Taking

# flag -> the modes that read it
READERS = {
  "input": ("embed", "export", "masks"),
  "output": ("embed", "search", "export", "masks"),
  "tracklets": ("masks",),
  "point": ("masks",),
  "boxes": ("embed", "masks"),
  "box_margin": ("embed", "masks"),
  **dict.fromkeys(box_flags.NAMES, ("embed", "masks")),
  "query": ("search",),
  "query_names": ("search",),
  "gallery": ("search",),
  "top": ("search",),
  "search_backend": ("search",),
  "exclude_same_camera": ("search",),
  "camera": ("embed",),
  "camera_from": ("embed", "search"),
  "frame_stride": ("embed", "search", "masks"),
  "most_frames": ("embed", "search", "masks"),
  "format": ("export",),
  "export_input": ("export",),
}


def define_flags() -> None:
  """Registers the flags that this module reads."""

  def text(name: str, sentence: str) -> None:
    flags.DEFINE_string(name, None, sentence, module_name="cosam_jax")

  def path(name: str, sentence: str) -> None:
    path_flags.define(name, None, sentence, module_name="cosam_jax")

  def integer(name: str, sentence: str) -> None:
    flags.DEFINE_integer(name, None, sentence, lower_bound=1, module_name="cosam_jax")

  path(
    "input",
    "What --mode=embed embeds instead of the test set: a folder of tracklets (every folder of "
    "images in it is one), or a video. --mode=export takes its example from such a folder, "
    "--mode=masks draws one.",
  )
  path(
    "output",
    "The folder that --mode=embed --input, --mode=search and --mode=export write; left out: one "
    "in --workdir.",
  )
  path(
    "boxes",
    "The tracked people in --input of --mode=embed and --mode=masks, lines frame,id,x,y,w,h "
    "(MOTChallenge, BoxMOT, KITTI, VisDrone, or columns with names); each id is a tracklet.",
  )
  box_flags.define_flags()
  flags.DEFINE_float(
    "box_margin",
    None,
    "With --boxes: part of a box's width and height that is added on each side, 0 to 1.",
    lower_bound=0.0,
    upper_bound=1.0,
    module_name="cosam_jax",
  )
  for name, what in (("query", "whom to search for"), ("gallery", "where to search")):
    path(
      name,
      f"Of --mode=search: {what}: embeddings.npz of --mode=embed, a .npy matrix of vectors, or (a "
      "network in --workdir embeds them first) a folder of tracklets or a video.",
    )
  flags.DEFINE_list(
    "query_names",
    None,
    "Of --mode=search: only these of --query's tracklets, names with commas between them.",
    module_name="cosam_jax",
  )
  integer("top", "Of --mode=search: how many are found for each query; left out: 10.")
  flags.DEFINE_enum(
    "search_backend",
    None,
    ("device", "faiss"),
    "Of --mode=search: who compares; both are exact. device (default): jax. faiss: needs the extra "
    "of that name.",
    module_name="cosam_jax",
  )
  flags.DEFINE_boolean(
    "exclude_same_camera",
    None,
    "Of --mode=search: leave out of each query's gallery what the query's own camera saw; the "
    "camera of every tracklet must be known.",
    module_name="cosam_jax",
  )
  text("camera", "Of --mode=embed --input: the name of the camera that saw all of it.")
  text(
    "camera_from",
    "Of folders of tracklets: a regular expression that is searched in each one's path below the "
    "folder; its first group, or all of it, is the camera. 'cam([0-9]+)' reads cam2/anna as 2.",
  )
  integer(
    "frame_stride",
    "Of tracklets that are embedded or drawn: take the first frame and every N-th after it; clips "
    "are made of the taken frames.",
  )
  integer(
    "most_frames",
    "Of tracklets that are embedded or drawn: take at most so many frames of each, evenly spread "
    "(of those that --frame_stride leaves).",
  )
  flags.DEFINE_list(
    "tracklets",
    None,
    "Of --mode=masks: draw these, names or numbers from 0 with commas between them.",
    module_name="cosam_jax",
  )
  flags.DEFINE_list(
    "point",
    None,
    "Of --mode=masks: frame,y,x in the first tracklet drawn, frames from 1, y and x in pixels or "
    "as fractions (0.5): where the other frames correlate with it.",
    module_name="cosam_jax",
  )
  text(
    "format",
    "Of --mode=export: some of stablehlo, saved_model, litert, onnx, torch with commas between "
    "them; left out: all, and those that cannot be written are told.",
  )
  flags.DEFINE_enum(
    "export_input",
    None,
    ("clips", "frames"),
    "Of --mode=export: what the exported programs take. clips (default): float32, normalised. "
    "frames: uint8 RGB of the network's size.",
    module_name="cosam_jax",
  )


def asked(mode: str) -> bool:
  """Whether this module runs the mode, as the flags are."""
  values = flags.FLAGS
  if mode == "masks":
    ours = ("input", "tracklets", "point", "frame_stride", "most_frames")
    return any(values[name].value is not None for name in ours)
  return mode in ("search", "export") or (mode == "embed" and values.input is not None)


def check_flags(mode: str) -> None:
  """Raises InputError where a flag is given that the mode does not read, or lacks another one."""
  values = flags.FLAGS
  for name, modes in READERS.items():
    if values[name].value is not None and mode not in modes:
      raise InputError(
        f"--{name} is for --mode={' and --mode='.join(modes)}, and the mode is {mode}"
      )
  about = [("boxes", "input"), *((name, "boxes") for name in ("box_margin", *box_flags.NAMES))]
  if mode == "embed":
    about += [(name, "input") for name in ("camera", "camera_from", "frame_stride", "most_frames")]
  for name, other in about:
    if values[name].value is not None and values[other].value is None:
      raise InputError(f"--{name} is about --{other}: give that too")
  if mode == "masks" and values.output is not None and not asked(mode):
    raise InputError("--output is about --input, --tracklets or --point here: give one of them")
  if mode == "embed" and values.output is not None and values.input is None:
    raise InputError("--output is about --input here: the test set's vectors go to --workdir")
  for name in ("query", "gallery") if mode == "search" else ():
    if values[name].value is None:
      raise InputError(
        f"--{name} is missing: --mode=search needs --query and --gallery, each embeddings.npz, a "
        ".npy file, a folder of tracklets or a video"
      )


def _taking() -> "Taking":
  from cosam_jax.data.taken_frames import Taking

  values = flags.FLAGS
  return Taking(values.frame_stride or 1, values.most_frames)


def run(mode: str, config: ConfigDict | None, workdir: str | None) -> None:
  """Runs the mode.

  Args:
    mode: one that is `asked`.
    config: with the fields of the command line; None where --config is left out.
    workdir: where the network's checkpoint lies.

  Raises:
    InputError: input that cannot work.
  """
  values = flags.FLAGS
  for name in config_rules.CONFIG_FLAGS if config is None else ():
    if values[name].value is not None:
      raise InputError(f"--{name} changes a configuration: give --config too, or leave it out")
  output = pathlib.Path(values.output) if values.output else None
  place = pathlib.Path(workdir) if workdir else None
  # Only now the libraries that take seconds to load.
  if mode == "search":
    from cosam_jax.commands import search as own_search

    own_search.search(
      own_search.Networks(config, place),
      pathlib.Path(values.query),
      pathlib.Path(values.gallery),
      output,
      names=values.query_names,
      top=values.top or 10,
      backend=values.search_backend or "device",
      exclude_same_camera=bool(values.exclude_same_camera),
      taking=_taking(),
      camera_from=values.camera_from,
    )
    return
  if place is None:
    raise InputError("--workdir is missing: give the run whose network is to be used")
  if mode == "masks":
    from cosam_jax.experiment import mask_gallery
    from cosam_jax.experiment import network as saved_network

    mask_gallery.draw(
      saved_network.network_asked_for(config, place),
      output or place / "masks_chosen",
      folder=values.input,
      tracklets=values.tracklets,
      point=values.point,
      boxes=values.boxes,
      margin=values.box_margin or 0.0,
      reading=box_flags.reading(),
      taking=_taking(),
    )
    return
  if mode == "embed":
    from cosam_jax.experiment import network as saved_network
    from cosam_jax.experiment import own_videos

    own_videos.embed_input(
      saved_network.network_asked_for(config, place),
      pathlib.Path(values.input),
      output,
      workdir=place,
      boxes=values.boxes,
      margin=values.box_margin or 0.0,
      reading=box_flags.reading(),
      taking=_taking(),
      camera=values.camera,
      camera_from=values.camera_from,
    )
    return
  from cosam_jax.commands.export import mode as export_mode

  export_mode.export(
    config,
    place,
    output or place / "export",
    given=values.format,
    inputs=values.export_input or "clips",
    folder=values.input,
  )
