"""The doctor finds what was broken on purpose, and nothing in a sound data set."""

import layouts
import numpy as np
import PIL.Image
import pytest

from cosam_jax.data import load_dataset
from cosam_jax.data.doctor import diagnose


def sound(root):
  for split, people in (("train", (1, 2)), ("test", (3, 4))):
    for who in people:
      for camera in (1, 2):
        part = split if split == "train" else ("query" if camera == 1 else "gallery")
        for frame in range(4):
          layouts.image(root / part / str(who) / str(camera) / "0" / f"{frame}.jpg", (16, 32))
  return root


def found(diagnosis, words):
  matches = [finding for finding in diagnosis.findings if words in finding.what]
  assert len(matches) == 1, diagnosis.render()
  return matches[0]


def test_a_sound_data_set(tmp_path):
  diagnosis = diagnose(load_dataset("folder", sound(tmp_path)))
  assert diagnosis.findings == diagnosis.errors == ()
  text = diagnosis.render()
  assert "train: 4 tracklets of 2 identities, 16 frames, cameras 1, 2" in text
  assert "frames decoded: 32" in text
  assert text.endswith("nothing found: the data set is ready")


def test_unreadable_frames_are_errors_and_named(tmp_path):
  root = sound(tmp_path)
  cut, empty, text = (root / "train" / "1" / "1" / "0" / f"{i}.jpg" for i in range(3))
  noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
  PIL.Image.fromarray(noise).save(cut)
  cut.write_bytes(cut.read_bytes()[:-900])
  empty.write_bytes(b"")
  text.write_bytes(b"not an image")
  diagnosis = diagnose(load_dataset("folder", root))
  finding = found(diagnosis, "3 of 32 decoded frames cannot be read")
  assert diagnosis.errors == (finding,)
  for path, example in zip((cut, empty, text), finding.examples):
    assert example.startswith(f"{path}: ")
    assert "BytesIO" not in example
  assert "truncated" in finding.examples[0]
  rendered = diagnosis.render()
  assert str(cut) in rendered
  assert rendered.endswith("found 1 error")


def test_what_training_refuses_doctor_refuses(tmp_path):
  path = sound(tmp_path) / "train" / "1" / "1" / "0" / "0.jpg"
  noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
  PIL.Image.fromarray(noise).save(path, progressive=True)
  data = path.read_bytes()
  last = data.rindex(b"\xff\xda")
  path.write_bytes(data[:last] + data[last:-2] * 200 + data[-2:])
  finding = found(diagnose(load_dataset("folder", tmp_path)), "1 of 32 decoded frames")
  assert "scans, and a frame may have at most 100" in finding.examples[0]


def test_names_make_no_lines_of_the_report(tmp_path):
  place = sound(tmp_path)
  (place / "train" / "1").rename(place / "train" / "a\nnothing found: \udce9")
  text = diagnose(load_dataset("folder", place), num_frames=5).render()
  assert r"    a\nnothing found: \udce9/1/0 (4 frames)" in text.splitlines()
  assert "\nnothing found" not in text


def test_missing_frames_are_listed(tmp_path):
  root = layouts.mars(tmp_path)
  (root / "bbox_train" / "0007" / "0007C1T0001F002.jpg").unlink()
  diagnosis = diagnose(load_dataset("mars", root, check_files=False))
  finding = found(diagnosis, "1 of 22 frames are missing")
  assert finding in diagnosis.errors
  assert finding.examples[0].endswith("bbox_train/0007/0007C1T0001F002.jpg")
  assert "frames decoded: 21" in diagnosis.render()
  assert "expected 8,298" in found(diagnosis, "mars train").what


def test_odd_sizes_are_listed(tmp_path):
  root = sound(tmp_path)
  odd = layouts.image(root / "gallery" / "3" / "2" / "0" / "2.jpg", (40, 20))
  diagnosis = diagnose(load_dataset("folder", root))
  finding = found(diagnosis, "1 of 32 decoded frames are not 16 wide and 32 high")
  assert finding.severity == "warning"
  assert finding.examples == (f"40x20: 1, first {odd}",)
  assert diagnosis.errors == ()


def test_the_protocols_weak_places(tmp_path):
  root = sound(tmp_path)
  layouts.image(root / "train" / "8" / "1" / "0" / "0.jpg", (16, 32))
  layouts.image(root / "query" / "9" / "2" / "0" / "0.jpg", (16, 32))
  layouts.image(root / "gallery" / "9" / "2" / "0" / "0.jpg", (16, 32))
  diagnosis = diagnose(load_dataset("folder", root), num_frames=4)
  assert found(diagnosis, "1 of 5 train tracklets have fewer than 4").examples == (
    "8/1/0 (1 frames)",
  )
  assert found(diagnosis, "have a single tracklet").examples == ("identity 8",)
  assert found(diagnosis, "seen by one camera").what.startswith("1 of 3 training")
  assert found(diagnosis, "queries have no match").what.startswith("1 of 3 queries")
  assert diagnosis.errors == ()
  assert "1 of 5 train" not in diagnose(load_dataset("folder", root), num_frames=1).render()


def test_no_query_with_a_match_is_an_error(tmp_path):
  root = sound(tmp_path)
  for who in "34":
    (root / "query" / who / "1").rename(root / "query" / who / "2")
  diagnosis = diagnose(load_dataset("folder", root))
  assert diagnosis.errors == (found(diagnosis, "2 of 2 queries have no match"),)


@pytest.mark.parametrize(("sample", "decoded"), [(0, 0), (5, 5), (32, 32), (99, 32), (None, 32)])
def test_a_sample_is_enough_when_asked(tmp_path, sample, decoded):
  diagnosis = diagnose(load_dataset("folder", sound(tmp_path)), sample=sample)
  assert f"frames decoded: {decoded}" in diagnosis.render()


def test_a_bar_is_shown_when_asked(tmp_path, capsys):
  tables = load_dataset("folder", sound(tmp_path))
  diagnose(tables)
  assert capsys.readouterr().err == "", "no bar where there is no terminal"
  diagnose(tables, progress=True)
  assert "decoding" in capsys.readouterr().err


def test_real_frames_are_sound(shared):
  diagnosis = diagnose(load_dataset("mars", shared / "data" / "mars_mini"), sample=300)
  assert diagnosis.errors == ()
  assert "12 of 16 training identities are seen by one camera" in diagnosis.render()


def picture(path, seed):
  """Writes noise that depends on the seed alone, in the format of the path's suffix."""
  path.parent.mkdir(parents=True, exist_ok=True)
  noise = np.random.default_rng(seed).integers(0, 255, (32, 16, 3), np.uint8)
  PIL.Image.fromarray(noise).save(path)


def different(root):
  """As `sound`, with a picture of its own for every frame."""
  for number, path in enumerate(sorted(sound(root).rglob("*.jpg"))):
    picture(path.with_suffix(".png"), number)
    path.unlink()
  return root


def test_the_same_picture_as_query_and_gallery_or_of_two_people(tmp_path):
  root = different(tmp_path)
  assert diagnose(load_dataset("folder", root)).findings == ()
  picture(root / "train" / "1" / "1" / "0" / "0.png", 99)
  picture(root / "train" / "2" / "2" / "0" / "9.bmp", 99)  # Another file, the same picture.
  diagnosis = diagnose(load_dataset("folder", root))
  finding = found(diagnosis, "1 pictures stand under two identities")
  for words in ("train/1/1/0/0.png (train, identity 1)", "9.bmp (train, identity 2)"):
    assert words in finding.examples[0]
  assert not diagnosis.errors
  for frame in range(4):
    picture(root / "query" / "3" / "1" / "0" / f"{frame}.png", 200 + frame)
    picture(root / "gallery" / "3" / "2" / "0" / f"{frame}.png", 200 + frame)
  finding = found(diagnose(load_dataset("folder", root)), "4 pictures are both in the query and")
  assert finding.severity == "error"
  assert "identity 3" in finding.examples[0]
  # A query is never compared with its own camera's pictures of the same person.
  for frame in range(4):
    picture(root / "gallery" / "3" / "1" / "0" / f"{frame}.png", 200 + frame)
    picture(root / "gallery" / "3" / "2" / "0" / f"{frame}.png", 300 + frame)
  assert not diagnose(load_dataset("folder", root)).errors


def manifest(root, people, split=""):
  """A list of `people`: (identity, cameras), with a picture of its own for each camera."""
  rows = ["path,identity,camera,tracklet" + (",split" if split else "")]
  for who, cameras in people:
    for camera in cameras:
      picture(root / who / f"{camera}.png", len(rows))
      rows.append(f"{who}/{camera}.png,{who},{camera},{who}{camera}{split and ','}{split}")
  (root / "own.csv").write_text("\n".join(rows))
  return root / "own.csv"


def test_a_manifest_gets_advice_on_a_manifest(tmp_path):
  path = manifest(tmp_path, [("anna", "ab"), ("bob", "ab"), ("carl", "ab"), ("dora", "ab")])
  finding = found(diagnose(load_dataset("folder", path)), "has no 'split'")
  assert finding.what.endswith("; a column split chooses them")
  assert finding.advice == "ignore it if that is meant, else correct the manifest"
  # A published set's configuration compares its counts with the manifest's.
  diagnosis = diagnose(load_dataset("mars", path))
  assert "--dataset=folder" in found(diagnosis, "mars train: expected 8,298").advice
  assert "unpack" not in diagnosis.render()
  (tmp_path / "anna" / "a.png").unlink()
  missing = found(diagnose(load_dataset("folder", path, check_files=False)), "frames are missing")
  assert missing.advice == "correct the manifest, or correct data_dir"


def test_test_people_of_one_camera_give_no_query(tmp_path):
  path = manifest(tmp_path, [("anna", "a"), ("bob", "a"), ("carl", "b")])
  finding = found(diagnose(load_dataset("folder", path)), "query has no tracklets")
  assert "those who are tested tracklets of two cameras" in finding.advice


def test_advice_on_directories_stays(tmp_path):
  (sound(tmp_path / "own") / "notes.jpg").touch()
  layouts.image(tmp_path / "own" / "train" / "loose.jpg")
  finding = found(diagnose(load_dataset("folder", tmp_path / "own")), "loose.jpg")
  assert finding.advice == "ignore it if that is meant, else correct the folders"
  diagnosis = diagnose(load_dataset("mars", layouts.mars(tmp_path / "mars")))
  advice = found(diagnosis, "mars train: expected 8,298").advice
  assert advice == "ignore it if that is meant, else unpack the data set again"
