"""The fields of a configuration about its data set and how it is read."""

from cosam_jax.data.sets.registry import DATASETS, splits_in_words
from cosam_jax.experiment.field_kinds import PLACE, TRAINING, Field
from cosam_jax.experiment.field_kinds import choice as _choice

DATA_FIELDS: dict[str, Field] = {
  "data.name": _choice("mars", TRAINING, "The data set, by the name of its reader.", *DATASETS,
    tested=True),
  "data.dir": Field(str, "data/mars", PLACE,
    "Directory of the data set, or a manifest (.csv, .jsonl).", path=True),
  "data.source": _choice("directory", PLACE,
    "Read frames from the directory or the prepared set.", "directory", "prepared"),
  "data.prepared_dir": Field(str, "data/prepared", PLACE,
    "Folder that --mode=prepare writes and `prepared` reads.", path=True),
  "data.split": Field(int, 0, TRAINING,
    f"Number of the split, from 0; sets with several: {splits_in_words()}.", least=0, most=99,
    tested=True),
  "data.split_seed": Field(int, 0, TRAINING, "Seed of splits that are drawn.", least=0,
    most=2**32 - 1, tested=True),
  "data.check_files": Field(bool, True, PLACE,
    "Check before the start that every frame of the index exists."),
  "data.validation_identities": Field(int, 0, TRAINING,
    "Training identities held out for choosing the best checkpoint; 0 for none.", least=0,
    most=10**6),
  "data.on_unreadable": _choice("error", TRAINING,
    "A frame that does not decode: stop, or skip and count it.", "error", "skip", tested=True),
  "data.retry_seconds": Field(int, 300, PLACE,
    "Seconds to wait for a data directory that is out of reach; 0 for no wait.", least=0,
    most=10**7),
  "data.follow_links": Field(bool, False, PLACE,
    "Follow links that lead out of the data directory."),
  "data.single_tracklet": _choice("repeat", TRAINING,
    "Training identities with one tracklet: refuse them, leave them out, or repeat the tracklet "
    "(published).", "error", "drop", "repeat"),
}  # fmt: skip
"""`data.*`."""
