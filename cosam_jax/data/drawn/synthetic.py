"""Makes a small data set of walking figures in MARS's own layout, with masks of the figures.

With it, the whole way from frames to numbers takes minutes and no download, on data whose answer is
known: clothes and build make an identity; camera, tracklet and their randomness make everything
else. The other modules of `cosam_jax.data.drawn` draw the frames.
"""

import contextlib
import dataclasses
import glob
import io
import json
import os
import pathlib
import shutil
import time

import numpy as np
import scipy.io
from PIL import Image
from tqdm import tqdm

from cosam_jax.data.drawn import Camera, Scene
from cosam_jax.data.drawn.casting import Appearance, cast, folder_name, queries
from cosam_jax.errors import InputError
from cosam_jax.runtime.json_files import read_json
from cosam_jax.runtime.whole_files import hidden_name

MASKS_FOLDER = "masks"
"""Folder beside `bbox_train` and `bbox_test` with the same tree of folders and PNG masks."""
_RECORD = "info/synthetic.json"
_VERSION = 1  # Must be raised when the same settings draw other pictures.
_CAMERAS, _PEOPLE, _TRACKLETS, _QUERIES = range(4)  # Streams of randomness under one seed.


@dataclasses.dataclass(frozen=True)
class _Settings:
  identities_train: int
  identities_test: int
  cameras: int
  tracklets_per_camera: int
  frames: tuple[int, int]
  image_size: tuple[int, int]
  seed: int
  distractors: int
  junk: int

  def check(self) -> None:
    for field, low, high in (
      ("identities_train", 1, 4999),
      ("identities_test", 1, 4999),
      ("cameras", 2, 9),
      ("tracklets_per_camera", 2, 99),
      ("seed", 0, 2**32 - 1),
      ("distractors", 0, 9999),
      ("junk", 0, 9999),
    ):
      _check_int(field, getattr(self, field), low, high)
    for field, low, high in (("frames", 1, 999), ("image_size", 32, 2048)):
      pair = getattr(self, field)
      if len(pair) != 2:
        raise InputError(f"{field} must be two whole numbers, not {pair!r}.")
      for value in pair:
        _check_int(field, value, low, high)
    if self.frames[0] > self.frames[1]:
      raise InputError(f"frames must be (fewest, most), but {self.frames} has them the other way.")


def _check_int(field: str, value: object, low: int, high: int) -> None:
  if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
    raise InputError(f"{field} must be a whole number from {low} to {high}, not {value!r}.")


def write_synthetic(
  directory: str | os.PathLike[str],
  *,
  identities_train: int = 24,
  identities_test: int = 16,
  cameras: int = 3,
  tracklets_per_camera: int = 2,
  frames: tuple[int, int] = (12, 24),
  image_size: tuple[int, int] = (128, 64),
  seed: int = 0,
  distractors: int = 6,
  junk: int = 4,
) -> None:
  """Writes the set into `directory`, or does nothing when the same set is already there.

  The set is drawn into a folder beside `directory`, which takes that name at the very end, so an
  interrupted set never looks complete. The same arguments give the same bytes.

  Args:
    directory: where the set goes; it must be missing, be empty, or hold this very set.
    identities_train: people in `bbox_train`, numbered from 1.
    identities_test: people in `bbox_test`, with the next numbers; each is a query once per camera.
    cameras: number of cameras, 2 to 9; everybody is seen by all of them.
    tracklets_per_camera: tracklets of a person per camera; from 2, since one becomes the query.
    frames: fewest and most frames of a tracklet, 1 to 999.
    image_size: height and width of a frame in pixels.
    seed: of all randomness.
    distractors: tracklets of people with number 0, who match nobody but stay in the gallery.
    junk: tracklets with number -1 (folder `00-1`), boxes that missed their person.

  Raises:
    InputError: an argument is out of its range, the directory holds something else, or the disk
      cannot be written to.
  """
  settings = _Settings(
    identities_train,
    identities_test,
    cameras,
    tracklets_per_camera,
    tuple(frames),  # type: ignore[arg-type]
    tuple(image_size),  # type: ignore[arg-type]
    seed,
    distractors,
    junk,
  )
  settings.check()
  target = pathlib.Path(directory).absolute()
  if _already_there(target, settings):
    return
  part = target.with_name(hidden_name(target.name, f".part-{os.getpid():010}"))
  try:
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    shutil.rmtree(part, ignore_errors=True)
    _write(part, settings)
    try:
      os.rename(part, target)
    except OSError:
      # Another process may have finished the same set first; anything else is an error.
      if not _already_there(target, settings):
        raise
  except OSError as error:
    raise InputError(
      f"the synthetic set cannot be written to {target} ({error.strerror or error}); "
      "free some space or name another directory."
    ) from error
  finally:
    shutil.rmtree(part, ignore_errors=True)


def figure_mask_path(frame_path: str | os.PathLike[str]) -> pathlib.Path:
  """The mask (8-bit PNG, 255 on the visible figure, else 0) of a frame of a synthetic set.

  `S/bbox_test/0025/0025C1T0001F001.jpg` has `S/masks/bbox_test/0025/0025C1T0001F001.png`.

  Raises:
    InputError: the path does not lie in a MARS layout.
  """
  path = pathlib.Path(frame_path)
  parts = path.parts
  if len(parts) < 3 or parts[-3] not in ("bbox_train", "bbox_test"):
    raise InputError(
      f"{path} has no mask: only frames named bbox_train/<identity>/<frame>.jpg or "
      "bbox_test/<identity>/<frame>.jpg do."
    )
  root = pathlib.Path(*parts[:-3]) if len(parts) > 3 else pathlib.Path()
  return root.joinpath(MASKS_FOLDER, *parts[-3:]).with_suffix(".png")


def _already_there(target: pathlib.Path, settings: _Settings) -> bool:
  if not target.exists():
    return False
  if not target.is_dir():
    raise InputError(f"{target} is a file, not a directory; name another place for the set.")
  record = target / _RECORD
  if not record.is_file():
    if any(target.iterdir()):
      raise InputError(
        f"{target} holds other files, not a synthetic set; name an empty or a new directory, or, "
        "if they are your own data, give --dataset=folder."
      )
    return False
  try:
    found = read_json(record, "the record of the set", f"delete {target}")
  except InputError:
    found = None
  wanted = _record(settings)
  if found == wanted:
    return True
  if not isinstance(found, dict):
    raise InputError(f"{record} cannot be read; delete {target} to have the set drawn again.")
  wrong = [key for key in wanted if found.get(key) != wanted[key]]
  differences = ", ".join(f"{key} {found.get(key)} instead of {wanted[key]}" for key in wrong)
  raise InputError(
    f"{target} holds a synthetic set of other settings ({differences or 'unknown ones'}); "
    "delete it or name another directory."
  )


def _record(settings: _Settings) -> dict:
  return {"version": _VERSION} | json.loads(json.dumps(dataclasses.asdict(settings)))


def _sweep(target: pathlib.Path) -> None:
  """Removes what killed processes left beside `target` more than an hour ago."""
  part = hidden_name(target.name, f".part-{0:010}")[:-10]
  for left in target.parent.glob(f"{glob.escape(part)}*"):
    with contextlib.suppress(FileNotFoundError):  # Another process may sweep as well.
      if time.time() - left.stat().st_mtime > 3600:
        shutil.rmtree(left, ignore_errors=True)


def _write(root: pathlib.Path, settings: _Settings) -> None:
  plan = cast(
    np.random.default_rng([settings.seed, _PEOPLE]),
    train=settings.identities_train,
    test=settings.identities_test,
    cameras=settings.cameras,
    tracklets_per_camera=settings.tracklets_per_camera,
    distractors=settings.distractors,
    junk=settings.junk,
  )
  cameras = [
    Camera(np.random.default_rng([settings.seed, _CAMERAS, camera]), settings.image_size)
    for camera in range(settings.cameras)
  ]
  info = root / "info"
  info.mkdir(parents=True)
  total = sum(len(tracklets) for tracklets in plan.values())
  serial = 0
  # `disable=None` draws the bar on a terminal only.
  with tqdm(total=total, desc="drawing people", unit="tracklet", disable=None) as bar:
    for split, tracklets in plan.items():
      names: list[str] = []
      rows = []
      for tracklet in tracklets:
        # The scene's randomness depends on the tracklet's place in the set, never on the person.
        rng = np.random.default_rng([settings.seed, _TRACKLETS, serial])
        count = int(rng.integers(settings.frames[0], settings.frames[1] + 1))
        scene = Scene(cameras[tracklet.camera - 1], rng, count, missed=tracklet.missed)
        _write_tracklet(root, f"bbox_{split}", tracklet, scene, names)
        rows.append((len(names) - count + 1, len(names), tracklet.identity, tracklet.camera))
        serial += 1
        bar.update()
      text = "".join(f"{name}\n" for name in names)
      (info / f"{split}_name.txt").write_text(text, encoding="ascii")
      key = f"track_{split}_info"
      _write_mat(info / f"tracks_{split}_info.mat", key, np.array(rows, np.int32))
  chosen = queries(plan["test"], np.random.default_rng([settings.seed, _QUERIES]))
  _write_mat(info / "query_IDX.mat", "query_IDX", np.array([chosen], np.int32))
  record = json.dumps(_record(settings), indent=2)
  (root / _RECORD).write_text(record + "\n", encoding="utf-8")


def _write_tracklet(
  root: pathlib.Path, bbox: str, tracklet: Appearance, scene: Scene, names: list[str]
) -> None:
  folder = root / bbox / folder_name(tracklet.identity)
  folder.mkdir(parents=True, exist_ok=True)
  figure_mask_path(folder / "x.jpg").parent.mkdir(parents=True, exist_ok=True)
  frames, masks = scene.render(tracklet.look)
  for number, (frame, mask) in enumerate(zip(frames, masks), start=1):
    path = folder / f"{tracklet.stem}F{number:03d}.jpg"
    Image.fromarray(frame).save(path, quality=scene.quality)
    Image.fromarray(mask).save(figure_mask_path(path))
    names.append(path.name)


def _write_mat(path: pathlib.Path, key: str, value: np.ndarray) -> None:
  buffer = io.BytesIO()
  scipy.io.savemat(buffer, {key: value})
  # scipy writes the time into the first 116 bytes, free text; equal sets need equal bytes.
  text = b"MATLAB 5.0 MAT-file, Platform: cosam_jax".ljust(116)
  path.write_bytes(text + buffer.getvalue()[116:])
