"""The flags that only `--mode=link` reads, a row each."""

from cosam_jax.commands.flag_forms import Flag, path_flag

LINK_FLAGS: dict[str, Flag] = {
  "threshold": Flag(
    "number",
    "For --mode=link: the largest mean distance at which groups of tracklets are joined. Default: "
    "that of the calibration, without which it must be given.",
    least=0.0, most=2.0,
  ),
  "least_chance": Flag(
    "number",
    "For --mode=link: join only groups whose link is right with at least this chance, by the "
    "calibration. Fewer links, and fewer wrong ones. Default: as many as link best on the "
    "calibration's people.",
    least=0.0, most=1.0,
  ),
  "corrections": path_flag(
    "For --mode=link: a corrections.json that its page saved. They are applied and kept in the "
    "output folder, where the next call finds them."
  ),
  "starts": path_flag(
    "For --mode=link: a file of lines camera,seconds: when the recording of each camera began, by "
    "one clock. A camera with several recordings has a line for each, by the end of its path. "
    "Default: times are compared only within one video."
  ),
  "travel_times": path_flag(
    "For --mode=link: a file of lines camera,camera,seconds: the least time from one to the other. "
    "Needs --starts."
  ),
  "stitch_gap": Flag(
    "number",
    "For --mode=link: pieces of one track are joined first if at most so many seconds lie between "
    "them (frames, if times are not known); 0: none are.",
    2.0, least=0.0, most=1e6,
  ),
  "memory": Flag(
    "number", "For --mode=link: GiB that tables of pairs may take.", 2.0, least=0.001, most=4096.0
  ),
}  # fmt: skip
"""Name -> row; `flag_rows` takes them in."""
