"""Pictures of COSAM's spatial masks over a clip's frames, drawn with Pillow alone.

Colours go from dark blue through green to yellow, evenly in lightness, so that they keep their
order in greyscale and for colour-blind readers. Frames under a mask are grey, so that all colour is
the mask's.

Notation: `T` frames in a clip, `h w` grid of a mask.
"""

import pathlib
import statistics
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from cosam_jax.evaluation.clip_masks import ClipMasks
from cosam_jax.reports.file_names import file_name
from cosam_jax.reports.lettering import fit, font, wrap
from cosam_jax.reports.masks_folder import masks_folder

_ANCHORS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
SMALLEST_RANGE = 0.05
"""Masks that vary less than this are not stretched over all colours, since noise would look like a
result."""
TILE_HEIGHT, OVERVIEW_HEIGHT, OVERVIEW_FRAMES = 224, 128, 4
_OPACITY = 0.6
_MARGIN, _GAP, _LABELS = 20, 6, 196
_TEXT, _FAINT, _PAPER, _MISSING = (25, 25, 25), (95, 95, 95), (255, 255, 255), (190, 190, 190)
_EXPLANATION = (
  "A mask is a weight between 0 and 1 for every place of a frame, which COSAM multiplies the "
  "network's features with: yellow places are kept most, dark blue ones least. Each row of masks "
  "has colours of its own, from the lowest to the highest weight in this clip."
)


def colour_map(values: np.ndarray) -> np.ndarray:
  """uint8[..., 3] RGB for values in 0 .. 1 (others are clipped): dark blue, green, yellow."""
  place = np.clip(np.asarray(values, np.float64), 0, 1) * (len(_ANCHORS) - 1)
  low = np.minimum(place.astype(int), len(_ANCHORS) - 2)
  anchors = np.array(_ANCHORS, np.float64)
  colour = anchors[low] + (place - low)[..., None] * (anchors[low + 1] - anchors[low])
  return np.rint(colour).astype(np.uint8)


def colour_range(masks: np.ndarray) -> tuple[float, float]:
  """The weights that get the first and the last colour: the lowest and the highest of the masks.

  Masks that vary less than `SMALLEST_RANGE` get a range of that width around their middle, within
  0 .. 1.
  """
  low, high = float(masks.min()), float(masks.max())
  if high - low < SMALLEST_RANGE:
    low = min(max((low + high - SMALLEST_RANGE) / 2, 0.0), 1.0 - SMALLEST_RANGE)
    high = low + SMALLEST_RANGE
  return low, high


def overlay(
  image: np.ndarray | None, mask: np.ndarray, size: tuple[int, int], limits: tuple[float, float]
) -> Image.Image:
  """A grey frame with its mask over it in colours.

  Args:
    image: uint8[H, W, 3]; None, for an unreadable frame, leaves the mask out too.
    mask: float[h, w]; it is interpolated to the frame's size.
    size: (width, height) of the result in pixels.
    limits: the mask's values that get the first and the last colour.
  """
  frame = _frame(image, size)
  if image is None:
    return frame
  small = Image.fromarray(np.asarray(mask, np.float32))
  smooth = np.asarray(small.resize(size, Image.Resampling.BICUBIC))
  low, high = limits
  colours = Image.fromarray(colour_map((smooth - low) / (high - low)))
  return Image.blend(frame.convert("L").convert("RGB"), colours, _OPACITY)


def strip(clip: ClipMasks, caption: str = "") -> Image.Image:
  """One clip: a row with its frames, then a row for each stage with the masks over them.

  Args:
    clip: the clip.
    caption: says which masks these are, such as "after training".
  """
  size = tile_size(clip.images, TILE_HEIGHT)
  step = size[0] + _GAP
  width = max(2 * _MARGIN + _LABELS + len(clip.numbers) * step, 620)
  title = f"Tracklet {clip.tracklet}, clip {clip.clip} of {clip.clips}"
  about = f"{clip.source or f'Identity {clip.identity}, camera {clip.camera}'}; {_of(clip)}"
  about += f". Masks {caption}." if caption else "."
  footer = wrap(_EXPLANATION, font(14), width - 2 * _MARGIN)
  top = _MARGIN + 78
  height = top + (1 + len(clip.masks)) * (TILE_HEIGHT + 2 * _GAP) + 20 * len(footer) + _MARGIN
  picture = Image.new("RGB", (width, height), _PAPER)
  draw = ImageDraw.Draw(picture)
  draw.text((_MARGIN, _MARGIN), fit(title, font(20), width - 2 * _MARGIN), _TEXT, font(20))
  about = fit(about, font(14), width - 2 * _MARGIN)
  draw.text((_MARGIN, _MARGIN + 28), about, _FAINT, font(14))
  left = _MARGIN + _LABELS
  for i, number in enumerate(clip.numbers):
    middle = left + i * step + size[0] // 2
    text = f"frame {number}" if clip.images[i] is not None else "unreadable"
    draw.text((middle, top - 8), fit(text, font(13), size[0]), _FAINT, font(13), anchor="ms")
    picture.paste(_frame(clip.images[i], size), (left + i * step, top))
  draw.text((_MARGIN, top), "Frames", _TEXT, font(18))
  draw.text((_MARGIN, top + 26), "as they are", _FAINT, font(14))
  y = top
  for stage, masks in sorted(clip.masks.items()):
    y += TILE_HEIGHT + 2 * _GAP
    limits = colour_range(_readable(clip, stage))
    _stage_label(picture, y, stage, _readable(clip, stage), limits)
    for i, (image, mask) in enumerate(zip(clip.images, masks)):
      picture.paste(overlay(image, mask, size, limits), (left + i * step, y))
  y += TILE_HEIGHT + 2 * _GAP
  for i, line in enumerate(footer):
    draw.text((_MARGIN, y + 4 + 20 * i), line, _FAINT, font(14))
  return picture


def overview(clips: Sequence[ClipMasks], caption: str = "") -> Image.Image:
  """Several clips: a row for each, its frames on the left and each stage's masks beside them.

  Long clips show `OVERVIEW_FRAMES` of their frames, evenly spread. See `strip` for the arguments.
  """
  stages = sorted(clips[0].masks)
  size = tile_size(clips[0].images, OVERVIEW_HEIGHT)
  shown = min(OVERVIEW_FRAMES, len(clips[0].numbers))
  group = shown * (size[0] + 2) + 18
  labels = 136
  width = max(2 * _MARGIN + labels + (1 + len(stages)) * group, 620)
  row_height = OVERVIEW_HEIGHT + 26
  footer = wrap(_EXPLANATION, font(14), width - 2 * _MARGIN)
  top = _MARGIN + 66
  picture = Image.new(
    "RGB", (width, top + len(clips) * row_height + 20 * len(footer) + 40 + _MARGIN), _PAPER
  )
  draw = ImageDraw.Draw(picture)
  title = f"What COSAM keeps of each frame, {caption}".removesuffix(", ")
  draw.text((_MARGIN, _MARGIN), fit(title, font(20), width - 2 * _MARGIN), _TEXT, font(20))
  for column, name in enumerate(["Frames", *(f"COSAM {stage}" for stage in stages)]):
    draw.text((_MARGIN + labels + column * group, top - 26), name, _TEXT, font(16))
  for row, clip in enumerate(clips):
    y = top + row * row_height
    about = (
      clip.source.split(", ")
      if clip.source
      else (f"identity {clip.identity}", f"camera {clip.camera}")
    )
    lines = (clip.tracklet, *about)
    for i, line in enumerate(lines):
      text = fit(line, font(14), labels - 8)
      draw.text((_MARGIN, y + 20 * i), text, _FAINT if i else _TEXT, font(14))
    picks = (2 * np.arange(shown) + 1) * len(clip.numbers) // (2 * shown)
    for column in range(1 + len(stages)):
      left = _MARGIN + labels + column * group
      tiles = [_frame(clip.images[pick], size) for pick in picks]
      note = _of(clip)
      if column:
        stage = stages[column - 1]
        masks, known = clip.masks[stage], _readable(clip, stage)
        limits = colour_range(known)
        tiles = [overlay(clip.images[pick], masks[pick], size, limits) for pick in picks]
        note = f"from {known.min():.2f} to {known.max():.2f}"
      for i, tile in enumerate(tiles):
        picture.paste(tile, (left + i * (size[0] + 2), y))
      note = fit(note, font(12), group - 8)
      draw.text((left, y + OVERVIEW_HEIGHT + 3), note, _FAINT, font(12))
  y = top + len(clips) * row_height + 6
  draw.text((_MARGIN, y), "lowest weight", _FAINT, font(14))
  bar = _MARGIN + 6 + int(font(14).getlength("lowest weight"))
  picture.paste(_colour_bar((160, 14)), (bar, y + 2))
  draw.text((bar + 166, y), "highest weight in the clip", _FAINT, font(14))
  for i, line in enumerate(footer):
    draw.text((_MARGIN, y + 28 + 20 * i), line, _FAINT, font(14))
  return picture


def save_pictures(
  directory: pathlib.Path, clips: Sequence[ClipMasks], caption: str = ""
) -> list[pathlib.Path]:
  """Writes the files of `draw_pictures`, in place of an earlier call's.

  Returns:
    The files, the overview last; none without clips.

  Raises:
    InputError: a user's files are in the way.
  """
  folder = masks_folder(directory)
  folder.check()
  for name in folder.names:
    (directory / name).unlink()
  (directory / folder.list_name).unlink(missing_ok=True)
  directory.mkdir(parents=True, exist_ok=True)
  return draw_pictures(directory, clips, caption)


def draw_pictures(
  directory: pathlib.Path, clips: Sequence[ClipMasks], caption: str = ""
) -> list[pathlib.Path]:
  """Writes a strip for each clip, named after tracklet and stages, `overview.png`, `masks.npz`.

  `masks.npz` holds the numbers of the strips. Its keys are a strip's name without its ending,
  followed by `/cosam4` (the stage) for the masks float32[T, h, w], or by `/frames` for the numbers
  of the frames.

  Returns:
    The files, the overview last; none without clips.
  """
  files: list[pathlib.Path] = []
  arrays: dict[str, np.ndarray] = {}
  for number, clip in enumerate(clips, start=1):
    name = file_name(clip.tracklet)
    stages = "_".join(map(str, sorted(clip.masks)))
    files.append(directory / f"{number:02d}_{name}_clip{clip.clip}_cosam_{stages}.png")
    strip(clip, caption).save(files[-1])
    arrays[f"{files[-1].stem}/frames"] = np.array(clip.numbers)
    for stage, masks in clip.masks.items():
      arrays[f"{files[-1].stem}/cosam{stage}"] = np.asarray(masks, np.float32)
  if clips:
    np.savez_compressed(directory / "masks.npz", allow_pickle=False, **arrays)
    files.append(directory / "overview.png")
    overview(clips, caption).save(files[-1])
  return files


def _stage_label(
  picture: Image.Image, y: int, stage: int, masks: np.ndarray, limits: tuple[float, float]
) -> None:
  """Name, grid and legend of a row of masks."""
  draw = ImageDraw.Draw(picture)
  draw.text((_MARGIN, y), f"COSAM {stage}", _TEXT, font(18))
  facts = [f"mask after stage {stage},", f"{masks.shape[1]} x {masks.shape[2]} places"]
  if masks.max() - masks.min() < SMALLEST_RANGE:
    facts += ["nearly the same", "everywhere"]
  for i, fact in enumerate(facts):
    draw.text((_MARGIN, y + 26 + 18 * i), fact, _FAINT, font(14))
  width, top = _LABELS - 36, y + 112
  picture.paste(_colour_bar((width, 16)), (_MARGIN, top))
  draw.text((_MARGIN, top + 20), f"{limits[0]:.2f}", _TEXT, font(14))
  draw.text((_MARGIN + width, top + 20), f"{limits[1]:.2f}", _TEXT, font(14), anchor="ra")
  draw.text(
    (_MARGIN, top + 42), f"weights {masks.min():.3f} to {masks.max():.3f}", _FAINT, font(13)
  )
  draw.text((_MARGIN, top + 60), f"mean {masks.mean():.3f}", _FAINT, font(13))


def _colour_bar(size: tuple[int, int]) -> Image.Image:
  values = np.broadcast_to(np.linspace(0, 1, size[0]), (size[1], size[0]))
  grey = np.full((*values.shape, 3), 128.0)
  # Blended as over a frame, so that bar and picture have the same colours.
  return Image.fromarray(
    np.rint(_OPACITY * colour_map(values) + (1 - _OPACITY) * grey).astype(np.uint8)
  )


def _frame(image: np.ndarray | None, size: tuple[int, int]) -> Image.Image:
  if image is None:
    return Image.new("RGB", size, _MISSING)
  return Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)


def tile_size(images: Sequence[np.ndarray | None], height: int) -> tuple[int, int]:
  """(width, height) of a frame's tile, in the middle one of the readable frames' shapes.

  The first frame is no measure: the box of somebody who walks in may be as wide as it is high.
  """
  ratios = [image.shape[1] / image.shape[0] for image in images if image is not None]
  ratio = statistics.median_low(ratios) if ratios else 0.5
  return max(1, round(height * min(ratio, 3.0))), height


def _readable(clip: ClipMasks, stage: int) -> np.ndarray:
  """The masks of frames that could be read; all if none could."""
  known = [image is not None for image in clip.images]
  return clip.masks[stage][known] if any(known) else clip.masks[stage]


def _of(clip: ClipMasks) -> str:
  return f"frames {min(clip.numbers)} to {max(clip.numbers)} of {clip.length}"
