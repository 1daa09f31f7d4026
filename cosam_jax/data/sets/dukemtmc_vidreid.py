"""DukeMTMC-VideoReID: `{train,query,gallery}/<identity>/<tracklet>/*.jpg`.

The camera and the frame number are in the file name, in either of two forms:
`0001C6F0099X30823.jpg` or `0001_C6_F0099_X30823.jpg`. Tracklets may start at any frame number.
Identities are taken as found, whether they count from 0 or from 1. The gallery holds the
distractors (408 identities that nobody searches for). The public release was withdrawn in 2019.

Wu et al., Exploit the Unknown Gradually: One-Shot Video-Based Person Re-Identification by Stepwise
Learning, CVPR 2018.
"""

import os
import pathlib
import re
from collections.abc import Iterator

from cosam_jax.data import expected, listing
from cosam_jax.data.layouts import require_part
from cosam_jax.data.left_out import LeftOut
from cosam_jax.data.sets.registry import PARTS, About
from cosam_jax.data.tracklets import Tables, TrackletTable
from cosam_jax.errors import InputError

_FILE = re.compile(r"([0-9]+)(_?)C([0-9]+)\2F([0-9]+)\2X([0-9]+)\.jpe?g", re.IGNORECASE)
_CONTENTS = "train/, query/ and gallery/ of DukeMTMC-VideoReID"
ABOUT = About(
  description="DukeMTMC-VideoReID: tracklets of 1,404 pedestrians and 408 distractors.",
  homepage="https://github.com/Yu-Wu/DukeMTMC-VideoReID",
  citation="""@inproceedings{wu2018exploit,
  title={Exploit the Unknown Gradually: One-Shot Video-Based Person Re-Identification by
    Stepwise Learning},
  author={Wu, Yu and Lin, Yutian and Dong, Xuanyi and Yan, Yan and Ouyang, Wanli and Yang, Yi},
  booktitle={IEEE Conference on Computer Vision and Pattern Recognition},
  year={2018}
}""",
  unpacking=(
    "The public release was withdrawn in 2019. With a copy: manual_dir is the folder that holds "
    "DukeMTMC-VideoReID, or train, query and gallery."
  ),
)


def read_dukemtmc_vidreid(data_dir: str | os.PathLike) -> Tables:
  """Reads `data_dir` or `data_dir/DukeMTMC-VideoReID`.

  Returns:
    Tables with the gallery of the release, which is both the reference and the official one.

  Raises:
    InputError: a split is missing, a tracklet is empty or has two cameras, or a file's name has
      neither form or contradicts its folder.
  """
  root = listing.require_directory(data_dir, _CONTENTS)
  if (root / "DukeMTMC-VideoReID").is_dir():
    root = root / "DukeMTMC-VideoReID"
  left_out = LeftOut()
  train, query, gallery = (_read_split(root, split, left_out) for split in PARTS)
  warnings = left_out.sentences()
  return expected.check_counts(Tables("dukemtmc_vidreid", train, query, gallery, None, warnings))


def _read_split(root: pathlib.Path, split: str, left_out: LeftOut) -> TrackletTable:
  require_part(root, split, PARTS, _CONTENTS)
  return listing.table_of(root, _tracklets(root, split, left_out))


def _tracklets(
  root: pathlib.Path, split: str, left_out: LeftOut
) -> Iterator[listing.ListedTracklet]:
  for person in listing.list_folders(root / split, "identities", left_out):
    if not person.isdecimal():
      raise InputError(
        f"folder {root / split / person} must be named by its identity, a number such as 0001; "
        "rename or remove it"
      )
    for tracklet in listing.list_folders(root / split / person, "tracklets", left_out):
      folder = root / split / person / tracklet
      files = listing.list_images(folder, left_out)
      numbers, camera = _check_names(folder, files, int(person))
      files = [file for _, file in sorted(zip(numbers, files))]
      yield listing.ListedTracklet(
        folder=f"{split}/{person}/{tracklet}",
        files=files,
        identity=int(person),
        camera=camera,
        name=f"{person}/{tracklet}",
      )


def _check_names(folder: pathlib.Path, files: list[str], identity: int) -> tuple[list[int], int]:
  """Returns the frame numbers of a tracklet's files and their one camera."""
  numbers: list[int] = []
  cameras: dict[int, str] = {}
  for file in files:
    match = _FILE.fullmatch(file)
    if match is None:
      raise InputError(
        f"file {folder / file} has neither form of name, 0001C6F0099X30823.jpg or "
        "0001_C6_F0099_X30823.jpg; rename or remove it"
      )
    if int(match[1]) != identity:
      raise InputError(
        f"file {file!r} says identity {int(match[1])}, but its folder {folder} says {identity}, so "
        "the tracklet holds two identities; move the file or correct its name"
      )
    cameras.setdefault(int(match[3]), file)
    numbers.append(int(match[4]))
  if len(cameras) > 1:
    one, other = list(cameras.values())[:2]
    raise InputError(
      f"tracklet {folder} holds two cameras: {one!r} and {other!r}; a tracklet has one: move the "
      "files or correct their names"
    )
  return numbers, next(iter(cameras))
