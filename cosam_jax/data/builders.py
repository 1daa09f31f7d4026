"""tensorflow-datasets builders over the readers, and prepared sets by the readers' names.

    import cosam_jax.data.builders
    config = tfds.download.DownloadConfig(manual_dir="data/mars")
    tfds.load("mars", download_and_prepare_kwargs={"download_config": config})

`packing.py` says what a prepared set holds.
"""

import contextlib
import errno
import os
import pathlib
from collections.abc import Iterator

import tensorflow_datasets as tfds

from cosam_jax.data import load_dataset
from cosam_jax.data.manifest import is_manifest
from cosam_jax.data.packing import TrackletBuilder
from cosam_jax.data.tracklets import Tables
from cosam_jax.errors import InputError, suggestion

NUM_SPLITS = 10


def _configs(description: str) -> list[tfds.core.BuilderConfig]:
  """One configuration for each split, named `split0` to `split9`."""
  return [
    tfds.core.BuilderConfig(name=f"split{i}", description=description.format(i))
    for i in range(NUM_SPLITS)
  ]


class Mars(TrackletBuilder):
  """MARS."""

  DATASET = "mars"
  DESCRIPTION = "MARS: 20,478 tracklets of 1,261 people from six cameras, found by a detector."
  HOMEPAGE = "http://zheng-lab.cecs.anu.edu.au/Project/project_mars.html"
  MANUAL_DOWNLOAD_INSTRUCTIONS = """manual_dir is the directory that holds bbox_train/, bbox_test/
and info/ with train_name.txt, test_name.txt, tracks_train_info.mat, tracks_test_info.mat and
query_IDX.mat. The authors' page links the frames and the repository of the info files."""
  CITATION = """@inproceedings{zheng2016mars,
  title={{MARS}: A Video Benchmark for Large-Scale Person Re-Identification},
  author={Zheng, Liang and Bie, Zhi and Sun, Yifan and Wang, Jingdong and Su, Chi and
    Wang, Shengjin and Tian, Qi},
  booktitle={European Conference on Computer Vision (ECCV)},
  year={2016}
}"""


class DukemtmcVideoReid(TrackletBuilder):
  """DukeMTMC-VideoReID."""

  DATASET = "dukemtmc_vidreid"
  DESCRIPTION = "DukeMTMC-VideoReID: 4,832 tracklets of 1,404 people and 408 distractors."
  HOMEPAGE = "https://github.com/Yu-Wu/DukeMTMC-VideoReID"
  MANUAL_DOWNLOAD_INSTRUCTIONS = """manual_dir is the directory that holds DukeMTMC-VideoReID/ with
train/, query/ and gallery/. Duke University withdrew the videos in 2019; there is no public
download any more."""
  CITATION = """@inproceedings{wu2018exploit,
  title={Exploit the Unknown Gradually: One-Shot Video-Based Person Re-Identification by Stepwise
    Learning},
  author={Wu, Yu and Lin, Yutian and Dong, Xuanyi and Yan, Yan and Ouyang, Wanli and Yang, Yi},
  booktitle={IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year={2018}
}
@inproceedings{ristani2016performance,
  title={Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking},
  author={Ristani, Ergys and Solera, Francesco and Zou, Roger and Cucchiara, Rita and
    Tomasi, Carlo},
  booktitle={European Conference on Computer Vision Workshops},
  year={2016}
}"""


class IlidsVid(TrackletBuilder):
  """iLIDS-VID, a configuration for each of its ten splits."""

  DATASET = "ilids_vid"
  BUILDER_CONFIGS = _configs("published split {} of 10")
  DESCRIPTION = "iLIDS-VID: 300 people in an airport hall, one tracklet from each of two cameras."
  HOMEPAGE = "https://xiatian-zhu.github.io/downloads_qmul_iLIDS-VID_ReID_dataset.html"
  MANUAL_DOWNLOAD_INSTRUCTIONS = """manual_dir is the directory that holds
i-LIDS-VID/sequences/cam1, i-LIDS-VID/sequences/cam2 and
train-test people splits/train_test_splits_ilidsvid.mat, as the archive of the authors' page
unpacks."""
  CITATION = """@inproceedings{wang2014person,
  title={Person Re-Identification by Video Ranking},
  author={Wang, Taiqing and Gong, Shaogang and Zhu, Xiatian and Wang, Shengjin},
  booktitle={European Conference on Computer Vision (ECCV)},
  year={2014}
}"""


class Prid2011(TrackletBuilder):
  """PRID2011, a configuration for each of the ten splits that a seed makes."""

  DATASET = "prid2011"
  SEEDED = True
  BUILDER_CONFIGS = _configs("split {} of the 10 that the seed makes")
  DESCRIPTION = "PRID2011: 178 people seen by both of two outdoor cameras, in random halves."
  HOMEPAGE = (
    "https://www.tugraz.at/institute/icg/research/team-bischof/learning-recognition-surveillance/"
    "downloads/prid11"
  )
  MANUAL_DOWNLOAD_INSTRUCTIONS = """manual_dir is the directory that holds
prid_2011/multi_shot/cam_a and prid_2011/multi_shot/cam_b, as the archive of the authors' page
unpacks."""
  CITATION = """@inproceedings{hirzer2011person,
  title={Person Re-Identification by Descriptive and Discriminative Classification},
  author={Hirzer, Martin and Beleznai, Csaba and Roth, Peter M. and Bischof, Horst},
  booktitle={Scandinavian Conference on Image Analysis (SCIA)},
  year={2011}
}"""


BUILDERS: dict[str, type[TrackletBuilder]] = {
  builder.DATASET: builder for builder in (Mars, DukemtmcVideoReid, IlidsVid, Prid2011)
}
"""The builders by the names of `load_dataset`."""


def prepare(
  name: str,
  manual_dir: str | os.PathLike,
  prepared_dir: str | os.PathLike,
  *,
  split: int = 0,
  seed: int = 0,
) -> None:
  """Packs a data set's encoded frames, so that `load_prepared` finds them.

  Stopped at any moment, even by a kill, it leaves nothing that looks complete; run again, it starts
  afresh and removes what was left. A set that is there already is compared with the directory's
  tracklets and kept.

  Args:
    name: a name of `load_dataset` that is in `BUILDERS`.
    manual_dir: the data directory itself, or a manifest.
    prepared_dir: where prepared sets lie, each in a folder of its own.
    split: which of the splits of iLIDS-VID or PRID2011.
    seed: of the reader.

  Raises:
    InputError: bad data, a set of other tracklets in its place, another process that prepares the
      same set, or a disk that cannot take it.
  """
  builder = _builder(name, prepared_dir, split, seed)
  builder.tables = load_dataset(name, manual_dir, split=split, seed=seed)
  builder.seeded |= is_manifest(manual_dir)
  folder = pathlib.Path(builder.data_path)
  if not folder.exists():
    with _failing_in_a_sentence(folder):
      config = tfds.download.DownloadConfig(manual_dir=manual_dir)
      builder.download_and_prepare(download_config=config)
    with contextlib.suppress(OSError):  # Not empty: someone else's.
      os.removedirs(pathlib.Path(prepared_dir).expanduser() / "downloads" / "extracted")
  elif not builder.matches():
    raise InputError(
      f"{folder} was prepared from other tracklets than those of {manual_dir} with split {split} "
      f"and seed {seed}; delete it, or give another prepared_dir"
    )


def load_prepared(
  name: str, prepared_dir: str | os.PathLike, *, split: int = 0, seed: int = 0
) -> Tables:
  """The tables of a prepared set, equal to those of `load_dataset` but for where frames lie.

  Args:
    name, prepared_dir, split, seed: as for `prepare`. The seed has to be that of the preparation
      where the tracklets depend on it: PRID2011 and manifests.

  Returns:
    Tables whose query and gallery share one store; frames are read at random, and checked.

  Raises:
    InputError: there is no such set, it is not complete, or its seed is another.
  """
  builder = _builder(name, prepared_dir, split, seed)
  folder = pathlib.Path(builder.data_path)
  if not folder.exists():
    raise InputError(
      f"there is no prepared {name} in {folder}; make it with --mode=prepare and the same "
      "config.data, or read the directory with config.data.source='directory'"
    )
  builder.require_complete()
  stored = builder.metadata["seed"]
  if stored is not None and stored != seed:
    raise InputError(
      f"{folder} was prepared with seed {stored}, but split_seed is {seed}; use {stored}, or "
      "prepare another prepared_dir with --mode=prepare"
    )
  return builder.load()


def _builder(name: str, prepared_dir: str | os.PathLike, split: int, seed: int) -> TrackletBuilder:
  if name not in BUILDERS:
    raise InputError(
      f"dataset {name!r} has no prepared form, only {', '.join(BUILDERS)} have"
      f"{suggestion(name, BUILDERS)}; use config.data.source='directory'"
    )
  builder = BUILDERS[name]
  splits = max(1, len(builder.BUILDER_CONFIGS))
  if not 0 <= split < splits:
    allowed = f"0 to {splits - 1}" if splits > 1 else "0"
    raise InputError(f"split {split} of {name} does not exist: choose {allowed}")
  config = {"config": f"split{split}"} if splits > 1 else {}
  return builder(data_dir=os.path.expanduser(prepared_dir), seed=seed, **config)


@contextlib.contextmanager
def _failing_in_a_sentence(folder: pathlib.Path) -> Iterator[None]:
  """What a disk says while writing, as an InputError; records are written by C++ and TensorFlow,
  which have other exceptions for it than Python."""
  try:
    yield
  except InputError:
    raise
  except Exception as error:
    text = " ".join(str(error).split())
    if "No space left" in text or getattr(error, "errno", None) == errno.ENOSPC:
      raise InputError(
        f"the disk of {folder.parent} is full, so nothing was prepared; make room or give another "
        "prepared_dir"
      ) from error
    if isinstance(error, OSError):
      raise InputError(
        f"{folder} cannot be written: {error.strerror or text}; give another prepared_dir"
      ) from error
    raise
