"""Explains in one sentence why weights do not fit a network."""

from collections.abc import Mapping, Sequence

from cosam_jax.errors import InputError
from cosam_jax.models.match_statistics import MATCH_STATISTICS
from cosam_jax.models.reid import ReidNet
from cosam_jax.models.state_names import architecture

Shapes = Mapping[str, tuple[int, ...]]
_SHOWN = 3
_SUMMARY = ".spatial_mask_summary.0.weight"
_DESCRIPTORS = ".dim_reduction.0.weight"


def explain(
  model: ReidNet,
  found: Shapes,
  wanted: Shapes,
  in_file: Mapping[str, str],
  missing: Sequence[str],
  unknown: Sequence[str],
  misfits: Sequence[str],
) -> str:
  """Names the differences between the weights and the network.

  Args:
    model: the network.
    found: plain name -> PyTorch shape, in the weights. wanted: the same, for the network.
    in_file: plain name -> name in the weights.
    missing: plain names that the weights lack.
    unknown: plain names that the network lacks.
    misfits: plain names of tensors whose shapes differ.
  """
  parts = []
  theirs, ours = architecture(found), architecture(wanted)
  differ = [field for field in theirs if theirs[field] != ours.get(field, theirs[field])]
  if differ:
    parts.append(
      f"they look like {', '.join(f'{field}={theirs[field]}' for field in differ)}, but the model "
      f"has {', '.join(f'{field}={ours[field]}' for field in differ)}"
    )
  summaries = [name for name in misfits if name.endswith(_SUMMARY)]
  # With another backbone or head the grids differ too, and guesses at the clip would mislead.
  if summaries and not {"backbone", "temporal"} & set(differ):
    parts.append(_explain_summary(model, summaries[0], found, wanted))
  descriptors = [name for name in misfits if name.endswith(_DESCRIPTORS) and len(found[name]) == 4]
  if descriptors and not {"backbone", "width"} & set(differ):
    name = descriptors[0]
    parts.append(
      f"COSAM's descriptors after stage {name[5]} are made of {found[name][1]} channels, and those "
      f"of the model, with descriptors={model.descriptors!r}, of {wanted[name][1]}"
    )
  if missing:
    parts.append(f"{_list(missing)} of the model are missing")
  if unknown:
    parts.append(f"{_list([in_file[name] for name in unknown])} of the weights are not known")
  if misfits:
    shapes = [f"{in_file[name]} {found[name]} for {wanted[name]}" for name in misfits]
    parts.append(f"{_list(shapes)} have another shape")
  return (
    f"the weights do not fit the model: {'; '.join(parts)}; choose the model they belong to, or "
    "name what may stay out in allow_missing and allow_unused (of a backbone: init.missing=draw)"
  )


def _explain_summary(model: ReidNet, name: str, found: Shapes, wanted: Shapes) -> str:
  """Guesses the clip length and image size, or the summary, that COSAM's weights belong to."""
  stage, inputs, needed = int(name[5]), found[name][1], wanted[name][1]
  height, width = model.grid_size(stage)
  if model.summary == "position_free":
    return (
      f"COSAM's weights after stage {stage} are of another summary, with {inputs} inputs, and the "
      f"model's summary is 'position_free', with {needed}"
    )
  guesses = ["summary='position_free'"] if inputs == MATCH_STATISTICS else []
  if model.summary != "order_free":
    if inputs % (height * width) == 0:
      guesses.append(f"num_frames={inputs // (height * width) + 1} at this image size")
    if inputs % (model.num_frames - 1) == 0:
      size = _image_size(model, stage, inputs // (model.num_frames - 1))
      guesses += [f"image_size={size} at this num_frames"] if size else []
  meaning = f" ({' or '.join(guesses)})" if guesses else ""
  return (
    f"COSAM's weights after stage {stage} belong to (num_frames-1)*h*w = {inputs} positions"
    f"{meaning}, and the model with num_frames="
    f"{model.num_frames} and image_size={tuple(model.image_size)} has {needed}"
  )


def _image_size(model: ReidNet, stage: int, positions: int) -> tuple[int, int] | None:
  """A size of the model's shape whose grid has `positions` positions after `stage`."""
  height, width = model.image_size
  found = None
  for k in range(1, 97):
    size = (height * k // 24, width * k // 24)
    try:
      rows, columns = model.settings.grid_size(size, stage, model.stage5_stride)
    except InputError:  # It is too small for this backbone.
      continue
    if min(size) > 0 and rows * columns == positions:
      found = size  # keeps the largest, since sizes that do not fill their grid are unlikely
  return found


def _list(names: Sequence[str]) -> str:
  more = f", ... ({len(names)} in all)" if len(names) > _SHOWN else ""
  return ", ".join(names[:_SHOWN]) + more
