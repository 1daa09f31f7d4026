"""Damaged, cut, spliced and invented inputs end in the documented error or in a result.

Every input has a time limit; past it the whole process ends with a traceback. The environment
variable `FUZZ_SEED` draws other inputs.
"""

import contextlib
import io
import json
import os
import pathlib
import random
import shutil

import layouts
import numpy as np
import PIL.Image
import pytest
from fuzzing import SEED, limited, mutated, outcome, tally

from cosam_jax.data import builders, load_dataset, pipeline, transforms
from cosam_jax.data.attributes import read_attributes
from cosam_jax.data.host_tensorflow import tf

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def pictures() -> list[bytes]:
  """One small picture of each kind that cameras and programs write."""
  pixels = np.random.default_rng(0).integers(0, 256, (16, 8, 3), dtype=np.uint8)
  image = PIL.Image.fromarray(pixels).resize((16, 32))
  made = []
  for mode, kind, options in (
    ("RGB", "JPEG", {}), ("RGB", "JPEG", {"progressive": True}), ("L", "JPEG", {}),
    ("CMYK", "JPEG", {}), ("RGB", "PNG", {}), ("P", "PNG", {}), ("LA", "PNG", {}),
    ("I;16", "PNG", {}), ("RGB", "GIF", {}), ("RGB", "BMP", {}), ("RGB", "WEBP", {}),
  ):  # fmt: skip
    stream = io.BytesIO()
    image.convert("L" if mode == "I;16" else mode).convert(mode).save(stream, kind, **options)
    made.append(stream.getvalue())
  return made


def test_images_are_decoded_or_refused_with_a_reason():
  rng, originals, outcomes = random.Random(SEED), pictures(), []
  for i in range(2500):
    data = mutated(rng.choice(originals), rng) if i % 10 else rng.randbytes(rng.randrange(200))
    with limited():
      reason = transforms.undecodable_reason(data)
      try:
        image = transforms.decode(tf.constant(data))
        assert image.dtype == tf.uint8
        assert image.shape[-1] == 3
        assert 0 < image.shape[0] * image.shape[1] <= transforms.MAX_PIXELS
        assert reason is None
      except (tf.errors.OpError, ValueError):  # Readers in Python raise the second.
        assert reason
        assert "\n" not in reason
    outcomes.append(reason)
  tally(outcomes, least=250)


def test_frames_on_disk_are_batches_or_counted(tmp_path):
  """The parallel pipeline reads a data set of 1,200 pictures, under both policies."""
  rng, originals = random.Random(SEED), pictures()
  bad = {}
  for split, camera in (("train", 1), ("query", 1), ("gallery", 2)):
    for tracklet in range(4):
      for frame in range(100):
        path = tmp_path / split / "1" / str(camera) / str(tracklet) / f"{frame}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = mutated(rng.choice(originals), rng)
        path.write_bytes(data)
        bad[str(path)] = transforms.undecodable_reason(data) is not None
  tables = load_dataset("folder", tmp_path)
  for table in (tables.train, tables.query, tables.gallery):
    options = {"num_frames": 4, "batch_clips": 5, "image_size": (32, 16)}
    with limited():
      skipping = pipeline.evaluation_batches(table, on_unreadable="skip", **options)
      assert all(np.isfinite(batch.clips).all() for batch in skipping)
    wanted = sum(bad[table.frames.name(int(f))] for i in range(4) for f in table.frame_ids(i))
    assert skipping.skipped == wanted > 0
    sentence = outcome(lambda table=table, o=options: list(pipeline.evaluation_batches(table, **o)))
    assert sentence
    assert any(name in sentence for name, is_bad in bad.items() if is_bad)


def manifest(root: pathlib.Path) -> pathlib.Path:
  """A manifest of four rows and its pictures."""
  rows = []
  for split, camera in (("train", 1), ("train", 2), ("query", 1), ("gallery", 2)):
    layouts.image(root / "m" / split / str(camera) / "0.jpg")
    name = f"m/{split}/{camera}/*.jpg"
    rows.append((name, 1 + (split != "train"), camera, f"{split}{camera}", split))
  fields = ("path", "identity", "camera", "tracklet", "split")
  (root / "m.csv").write_text("\n".join(",".join(map(str, row)) for row in [fields, *rows]) + "\n")
  lines = [json.dumps(dict(zip(fields, row, strict=True))) for row in rows]
  (root / "m.jsonl").write_text("\n".join(lines) + "\n")
  return root / "m.csv"


def require_inside(tables, root: pathlib.Path) -> None:
  """Every frame that can be read lies in the directory of the data set."""
  for table in (tables.train, tables.query, tables.gallery):
    for frame in range(len(table.frames)):
      with contextlib.suppress(OSError):
        table.frames.read(frame)
        assert pathlib.Path(table.frames.name(frame)).resolve().is_relative_to(root.resolve())


INDEX_FILES = {
  "mars": ("info/train_name.txt", "info/test_name.txt", "info/tracks_train_info.mat",
           "info/tracks_test_info.mat", "info/query_IDX.mat"),
  "ilids_vid": ("train-test people splits/train_test_splits_ilidsvid.mat",),
  "manifest": ("m.csv", "m.jsonl"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "inputs"), [("mars", 1600), ("ilids_vid", 400),
                                             ("manifest", 1500)])  # fmt: skip
def test_index_files_are_read_or_refused(tmp_path, name, inputs):
  root = tmp_path / "set"
  {"mars": layouts.mars, "ilids_vid": layouts.ilids, "manifest": manifest}[name](root)
  (tmp_path / "secret.jpg").write_bytes(pictures()[0])
  rng, outcomes = random.Random(SEED), []
  originals = {file: (root / file).read_bytes() for file in INDEX_FILES[name]}
  for i in range(inputs):
    file = rng.choice(list(originals))
    (root / file).write_bytes(mutated(originals[file], rng))

    def read(file=file, i=i):
      place = root / file if name == "manifest" else root
      dataset = "folder" if name == "manifest" else name
      tables = load_dataset(dataset, place, check_files=i % 3 > 0, split=i % 2 * (name[0] == "i"))
      require_inside(tables, root)

    outcomes.append(outcome(read))
    (root / file).write_bytes(originals[file])
  tally(outcomes, least=10)


def test_folder_and_file_names_are_read_or_refused(tmp_path):
  """Gives names that no release has to each layout that is listed from disk."""
  rng, outcomes = random.Random(SEED), []
  for i in range(400):
    root = tmp_path / str(i)
    if i % 2:
      layouts.prid(root, *[dict.fromkeys((1, 2), 28)] * 2)
      name = "prid2011"
    else:
      for split, camera in (("train", 1), ("query", 1), ("gallery", 2)):
        layouts.image(root / split / "0001" / "0001" / f"0001C{camera}F0001X00001.jpg")
      name = rng.choice(("dukemtmc_vidreid", "folder"))
    victim = rng.choice(sorted(root.rglob("*")))
    changed = mutated(os.fsencode(victim.name), rng).replace(b"/", b"").replace(b"\0", b"")[:200]
    with contextlib.suppress(OSError):
      os.rename(os.fsencode(victim), os.path.join(os.fsencode(victim.parent), changed or b"x"))

    def read(name=name, root=root):
      require_inside(load_dataset(name, root), root)

    outcomes.append(outcome(read))
    shutil.rmtree(root)
  tally(outcomes, least=50)


def test_prepared_sets_are_read_or_refused(tmp_path):
  """Damages descriptions and records; a changed record never reads as another picture."""
  builders.prepare("mars", layouts.mars(tmp_path / "set"), tmp_path / "out")
  folder = tmp_path / "out" / "mars" / "1.0.0"
  originals = {path: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
  whole = builders.load_prepared("mars", tmp_path / "out")
  pictures_there = {whole.train.frames.read(i) for i in range(len(whole.train.frames))}
  pictures_there |= {whole.query.frames.read(i) for i in range(len(whole.query.frames))}
  rng, outcomes = random.Random(SEED), []
  for _ in range(500):
    path = rng.choice(list(originals))
    path.write_bytes(mutated(originals[path], rng))

    def read():
      tables = builders.load_prepared("mars", tmp_path / "out")
      for store in (tables.train.frames, tables.query.frames):
        for frame in range(len(store)):
          assert store.read(frame) in pictures_there

    outcomes.append(outcome(read))
    path.write_bytes(originals[path])
  tally(outcomes, least=10)


def test_attributes_are_read_or_refused(tmp_path, shared):
  folder = shared / "data" / "attributes"
  table = (folder / "mars_attributes.csv").read_bytes()[:4000]
  originals = {
    ".mat": (folder / "duke_attribute.mat").read_bytes(),
    ".csv": table[: table.rindex(b"\n") + 1],
  }
  rng, outcomes = random.Random(SEED), []
  for _ in range(400):
    suffix = rng.choice(list(originals))
    path = tmp_path / f"a{suffix}"
    path.write_bytes(mutated(originals[suffix], rng))
    outcomes.append(outcome(lambda path=path: read_attributes(path)))
  tally(outcomes, least=10)
