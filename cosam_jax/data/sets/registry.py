"""The data sets, a row for each, which holds all that is known about a set before it is read.

Readers are named by text and loaded when they are used, so that this module loads nothing slow.
To add a data set: write its reader in a file of this folder, and add a row here.
"""

import dataclasses
import importlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from cosam_jax.data.tracklets import Tables

PARTS = ("train", "query", "gallery")
"""The three tables of every data set; folders and prepared sets have the same names."""


@dataclasses.dataclass(frozen=True)
class Counts:
  """Numbers of tracklets and identities of one table; in a gallery the distractors count too."""

  tracklets: int
  identities: int

  def __str__(self) -> str:
    return f"{self.tracklets:,} tracklets of {self.identities:,} identities"


@dataclasses.dataclass(frozen=True)
class About:
  """Texts about a data set that can be prepared; its file calls them `ABOUT`.

  Attributes:
    description: one sentence.
    homepage: an address.
    citation: BibTeX.
    unpacking: how to unpack the images before they are prepared.
  """

  description: str
  homepage: str
  citation: str
  unpacking: str


@dataclasses.dataclass(frozen=True)
class DataSet:
  """One data set.

  Attributes:
    read: `module:function` of its reader, from a directory to `Tables`.
    options: the keyword arguments of `load_dataset` that the reader takes; `name` is the set's own.
    num_splits: number of divisions of the identities into training and test; results are means over
      them.
    expected: published counts by part; empty for users' own data. Sources: the official
      MARS index; the data sets' own papers for DukeMTMC-VideoReID (the gallery holds 702 test
      identities and 408 distractors), iLIDS-VID and PRID2011 (half of the identities for training,
      one tracklet of each identity and camera).
    distractor: the identity that is nobody in particular; None if there is none.
    prepared: class name of its tensorflow-datasets builder, from which tensorflow-datasets derives
      its own name; empty for a set that has no prepared form.
    drawn: whether its frames are drawn by the fields `synthetic.*` if they do not exist yet.
    own: whether it is a user's own data in a layout of ours.
  """

  read: str
  options: tuple[str, ...] = ()
  num_splits: int = 1
  expected: Mapping[str, Counts] = dataclasses.field(default_factory=dict)
  distractor: int | None = None
  prepared: str = ""
  drawn: bool = False
  own: bool = False

  def tables(self, data_dir: str | os.PathLike, **options: Any) -> "Tables":
    """Reads the set with the given options, except those that its reader does not take."""
    module, _, function = self.read.partition(":")
    reader = getattr(importlib.import_module(module), function)
    return reader(data_dir, **{key: options[key] for key in self.options if key in options})

  def about(self) -> About:
    """The texts in the reader's file."""
    return importlib.import_module(self.read.partition(":")[0]).ABOUT


def _counts(train: Counts, query: Counts, gallery: Counts) -> Mapping[str, Counts]:
  return dict(zip(PARTS, (train, query, gallery)))


DATASETS: dict[str, DataSet] = {
  "mars": DataSet(
    read="cosam_jax.data.sets.mars:read_mars",
    options=("check_files", "name", "follow_links"),
    expected=_counts(Counts(8298, 625), Counts(1980, 626), Counts(9330, 621)),
    distractor=0,
    prepared="Mars",
  ),
  "dukemtmc_vidreid": DataSet(
    read="cosam_jax.data.sets.dukemtmc_vidreid:read_dukemtmc_vidreid",
    expected=_counts(Counts(2196, 702), Counts(702, 702), Counts(2636, 1110)),
    prepared="DukemtmcVideoReid",
  ),
  "ilids_vid": DataSet(
    read="cosam_jax.data.sets.ilids_vid:read_ilids_vid",
    options=("split", "follow_links"),
    num_splits=10,
    expected=_counts(Counts(300, 150), Counts(150, 150), Counts(150, 150)),
    prepared="IlidsVid",
  ),
  "prid2011": DataSet(
    read="cosam_jax.data.sets.prid2011:read_prid2011",
    options=("split", "seed"),
    num_splits=10,
    expected=_counts(Counts(178, 89), Counts(89, 89), Counts(89, 89)),
    prepared="Prid2011",
  ),
  "folder": DataSet(read="cosam_jax.data.sets.folder:read_folder", own=True),
  "synthetic": DataSet(
    read="cosam_jax.data.sets.mars:read_mars",
    options=("check_files", "name", "follow_links"),
    distractor=0,
    drawn=True,
  ),
}
"""Every name that `load_dataset` knows; `synthetic` is drawn figures in MARS's layout."""


_UNKNOWN = DataSet(read="")


def data_set_of(name: str) -> DataSet:
  """The row of a data set; an empty row for an unknown name, as of tables of other programs."""
  return DATASETS.get(name, _UNKNOWN)


def has_splits(name: str) -> bool:
  """Whether a data set has several splits, over which results are averaged."""
  return data_set_of(name).num_splits > 1


def splits_in_words() -> str:
  """The data sets with several splits, such as "ilids_vid (10)"."""
  return ", ".join(f"{name} ({DATASETS[name].num_splits})" for name in DATASETS if has_splits(name))
