"""A calibration near vectors is used only if it is surely of their network; others are named."""

from cosam_jax.errors import InputError
from cosam_jax.experiment.stored_calibrations import first_fitting

NAME = "calibration.txt"


def read(path):
  text = path.read_text()
  if text == "damaged":
    raise InputError(f"{path} is damaged")
  return text


def found(files, workdir=None):
  misfit = {"other": "it has other weights"}.get
  return first_fitting(NAME, files, workdir, read, misfit, lambda text: text == "unknown")


def test_the_workdir_comes_first_and_then_the_nearest_folder(tmp_path, capsys):
  deep = tmp_path / "run" / "own" / "gate"
  deep.mkdir(parents=True)
  vectors, video = deep / "embeddings.npz", tmp_path / "other" / "gate.mp4"
  assert found([vectors, video]) is None
  for place, text in (
    (tmp_path / "run", "good"), (tmp_path, "far"), (tmp_path / "other", "of a video")
  ):  # fmt: skip
    place.mkdir(exist_ok=True)
    (place / NAME).write_text(text)
  assert found([video, vectors]) == ("good", tmp_path / "run" / NAME)
  assert found([video]) is None
  assert found([vectors], tmp_path / "other") == ("of a video", tmp_path / "other" / NAME)
  assert capsys.readouterr().out == ""
  for text, words in (
    ("other", "it has other weights"),
    ("unknown", "nothing says that it is of the same network"),
    ("damaged", "is damaged"),
  ):
    (deep / NAME).write_text(text)
    assert found([vectors, vectors]) == ("good", tmp_path / "run" / NAME)
    out = capsys.readouterr().out
    assert out.count("left out: ") == 1
    assert str(deep / NAME) in out
    assert words in out
