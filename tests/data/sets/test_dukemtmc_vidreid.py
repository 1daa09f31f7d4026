"""DukeMTMC-VideoReID's two forms of file names, frame order, and contradictions."""

import layouts
import pytest

from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError

# The two forms of file names: identity, camera, frame, X.
PLAIN = "{:04d}C{}F{:04d}X{}.jpg"
LOW_LINES = "{:04d}_C{}_F{:04d}_X{}.jpg"


def write(root, form, base=1):
  """Identities from `base`; returns the directory that holds the data set's own folder."""
  for split, who, tracklet, camera in [
    ("train", base, "0000", 6),
    ("train", base, "0001", 2),
    ("train", base + 3, "0002", 1),
    ("query", base + 1, "0000", 3),
    ("gallery", base + 1, "0004", 5),
    ("gallery", base + 9, "0005", 5),
  ]:
    folder = root / "DukeMTMC-VideoReID" / split / f"{who:04d}" / tracklet
    # Frame 2 has the largest X: F decides the order.
    for frame, x in ((10, 100), (2, 99999), (9, 5)):
      layouts.image(folder / form.format(who, camera, frame, x))
  return root


@pytest.mark.parametrize("form", [PLAIN, LOW_LINES])
@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("inside", [False, True])
def test_both_forms_and_both_ways_of_counting(tmp_path, form, base, inside):
  root = write(tmp_path, form, base)
  tables = load_dataset("dukemtmc_vidreid", root / "DukeMTMC-VideoReID" if inside else root)
  assert tables.train.identities.tolist() == [base, base, base + 3]
  assert tables.train.cameras.tolist() == [6, 2, 1]
  assert (tables.query.identities.tolist(), tables.query.cameras.tolist()) == ([base + 1], [3])
  assert tables.gallery.identities.tolist() == [base + 1, base + 9], "the distractor stays"
  assert tables.gallery_with_queries() is tables.gallery
  frames = [tables.train.frames.name(f).rsplit("/", 1)[1] for f in tables.train.frame_ids(0)]
  order = [(2, 99999), (9, 5), (10, 100)]
  assert frames == [form.format(base, 6, frame, x) for frame, x in order]
  assert tables.train.frames.read(0).startswith(b"\xff\xd8")
  assert "expected 2,196 tracklets of 702" in tables.warnings[0]
  assert "found 3 tracklets of 2" in tables.warnings[0]


@pytest.mark.parametrize(
  ("path", "message"),
  [
    ("train/0001/0000/0002C6F0011X1.jpg", r"'0002C6F0011X1.jpg' says identity 2, but its folder "
     r".*train/0001/0000 says 1, so the tracklet holds two identities"),
    ("train/0001/0000/0001C5F0011X1.jpg", r"holds two cameras: '0001C.*' and '0001C"),
    ("train/0001/0000/0001_C6F0011X1.jpg", r"0001_C6F0011X1.jpg has neither form of name"),
    ("train/0001/0000/picture.png", r"picture.png has neither form of name"),
    ("query/nobody/0000/0001C5F0011X1.jpg", r"query/nobody must be named by its identity"),
  ],
)  # fmt: skip
def test_names_that_contradict(tmp_path, path, message):
  root = write(tmp_path, PLAIN)
  layouts.image(root / "DukeMTMC-VideoReID" / path)
  with pytest.raises(InputError, match=message):
    load_dataset("dukemtmc_vidreid", root)


def test_what_is_missing_is_named(tmp_path):
  root = write(tmp_path, PLAIN) / "DukeMTMC-VideoReID"
  (root / "gallery" / "0002" / "0009").mkdir()
  with pytest.raises(InputError, match=r"tracklet folder .*gallery/0002/0009 is empty"):
    load_dataset("dukemtmc_vidreid", tmp_path)
  (root / "query").rename(root / "queries")
  with pytest.raises(InputError, match=r"data directory .*/query does not exist"):
    load_dataset("dukemtmc_vidreid", tmp_path)
  with pytest.raises(InputError, match="split 1 of dukemtmc_vidreid does not exist"):
    load_dataset("dukemtmc_vidreid", tmp_path, split=1)
