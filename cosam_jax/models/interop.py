"""PyTorch state dicts <-> our variables: the published checkpoints, torchvision's and Cadene's.

Only the order of the values' axes changes, so both directions are exact. Names: see `state_names`.
"""

import collections
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl import logging
from flax import traverse_util

from cosam_jax.errors import InputError
from cosam_jax.models import state_names
from cosam_jax.models.misfits import explain
from cosam_jax.models.prefixes import without_prefix
from cosam_jax.models.reid import ReidNet

Variables = dict[str, Any]


class Merged(NamedTuple):
  """Variables filled from a state dict, and the tensors that were not used.

  Attributes:
    variables: complete `params` and `batch_stats`, float32.
    filled: plain names (see `state_names`) of the tensors that came from the state dict.
    kept: plain names of the tensors that kept their initial values.
    unused: names of the state dict's tensors that were not used, as they are written there.
    notes: sentences on prefixes that were removed from the names, and on names left out for that.
  """

  variables: Variables
  filled: tuple[str, ...]
  kept: tuple[str, ...]
  unused: tuple[str, ...]
  notes: tuple[str, ...] = ()

  @property
  def drawn_parts(self) -> tuple[str, ...]:
    """The backbone's parts that kept initial values, such as `layer4 (54 of 60 tensors)`."""

    def count(names: Iterable[str]) -> collections.Counter[str]:
      own = (name for name in names if not state_names.is_behind_backbone(name))
      return collections.Counter(name.partition(".")[0] for name in own)

    drawn, every = count(self.kept), count((*self.filled, *self.kept))
    return tuple(
      part if number == every[part] else f"{part} ({number} of {every[part]} tensors)"
      for part, number in drawn.items()
    )


def from_torch(
  state_dict: Mapping[str, Any],
  model: ReidNet,
  *,
  allow_missing: Iterable[str] = (),
  allow_unused: Iterable[str] = (),
  init: Variables | None = None,
) -> Variables:
  """Makes variables for `model` from a state dict.

  Args:
    state_dict: arrays or tensors by name: a published checkpoint's, or a backbone alone with
      torchvision's or Cadene's names, whose classifier is recognised and not used. A prefix that
      all names share (`module.`, `_orig_mod.`, `backbone.`) is removed. `num_batches_tracked` is
      recognised and not used: it counts steps for an average that is not taken here.
    model: the network for which the variables are made.
    allow_missing: beginnings of plain names (`"classifier"`, `"cosam4"`, `"head"`) whose tensors
      may be missing or of another shape; they keep their initial values.
    allow_unused: beginnings of names in the state dict that may stay unused.
    init: the source of tensors that the state dict lacks; None draws them with key 0.

  Returns:
    `{"params": ..., "batch_stats": ...}` of float32 arrays. Tensors that came from `init` are
    logged; a warning names a prefix that was removed, other than `module.`.

  Raises:
    InputError: names are missing, not known or of another shape, or values are not finite numbers;
      the error says which architecture the weights look like.
  """
  return merge(
    state_dict, model, allow_missing=allow_missing, allow_unused=allow_unused, init=init
  ).variables


def merge(
  state_dict: Mapping[str, Any],
  model: ReidNet,
  *,
  allow_missing: Iterable[str] = (),
  allow_unused: Iterable[str] = (),
  init: Variables | None = None,
  draw_backbone: bool = False,
) -> Merged:
  """Does the work of `from_torch`, and says which tensors came from the state dict.

  With `draw_backbone`, any tensor of the backbone may be missing or of another shape.
  """
  merged = _merge(state_dict, model, init, tuple(allow_missing), tuple(allow_unused), draw_backbone)
  for note in merged.notes:
    logging.warning("weights: %s", note)
  if merged.kept:
    logging.info("%d tensors from the state dict; %d keep initial values: %s", len(merged.filled),
                 len(merged.kept), _parts(merged.kept))  # fmt: skip
  if merged.unused:
    logging.info("of the state dict, not used: %s", _parts(merged.unused))
  return merged


def to_torch(
  variables: Variables, model: ReidNet, *, layout: Literal["published", "torchvision"] = "published"
) -> dict[str, np.ndarray]:
  """Makes a PyTorch state dict from variables.

  Args:
    variables: `params` and `batch_stats` of `model`.
    model: the network they belong to.
    layout: `"published"` is the whole network with the published code's names and order;
      `"torchvision"` is the backbone alone, as torchvision (ResNet) or Cadene (SE) names it.

  Returns:
    Arrays by name: float32, and an int64 zero for each `num_batches_tracked`.

  Raises:
    InputError: there is no such layout.
  """
  if layout not in ("published", "torchvision"):
    raise InputError(f"layout is {layout!r}: choose published or torchvision")
  leaves = _flatten(variables)
  backbone = model.settings
  plain = {state_names.of_variable(path, backbone): path for path in leaves}
  first = backbone.first_cosam(plain)
  made: dict[str, np.ndarray] = {}
  for name in sorted(plain, key=lambda name: state_names.order(name, backbone)):
    if layout == "torchvision" and not state_names.is_of_backbone(plain[name][1]):
      continue
    outside = state_names.to_file(
      name, backbone, published=layout == "published", first_cosam=first
    )
    made[outside] = _to_torch_axes(np.asarray(leaves[plain[name]], np.float32))
    if outside.endswith("running_var"):
      made[outside.replace("running_var", "num_batches_tracked")] = np.zeros((), np.int64)
  return made


def variable_shapes(model: ReidNet) -> Variables:
  """The tree of `jax.ShapeDtypeStruct` that `model.init` would give, without computing it."""
  return jax.eval_shape(lambda: _init(model))


def _init(model: ReidNet) -> Variables:
  clips = jnp.zeros((1, model.num_frames, *model.image_size, 3))
  return dict(model.init(jax.random.key(0), clips, train=False))


def _merge(
  state_dict: Mapping[str, Any],
  model: ReidNet,
  init: Variables | None,
  allow_missing: tuple[str, ...],
  allow_unused: tuple[str, ...],
  draw_backbone: bool = False,
) -> Merged:
  backbone = model.settings
  first = backbone.first_cosam(map(str, state_dict))
  without = without_prefix(state_dict)
  in_file: dict[str, str] = {}  # plain name -> name in the file
  for key, short in without.names.items():
    name = state_names.of_file(short, backbone, first_cosam=first)
    if name.endswith(".num_batches_tracked"):
      continue
    if name in in_file:
      raise InputError(
        f"the weights have both {in_file[name]!r} and {key!r}, which mean the same tensor: remove "
        "one of them"
      )
    in_file[name] = key

  shapes = _flatten(variable_shapes(model))
  paths = {state_names.of_variable(path, backbone): path for path in shapes}
  wanted = {name: _torch_shape(shapes[path].shape) for name, path in paths.items()}
  found = {name: tuple(np.shape(state_dict[key])) for name, key in in_file.items()}

  bare = not any(re.match(r"(module\.)?base\.", name) for name in without.names.values())
  behind = {name.partition(".")[0] for name in found if state_names.is_behind_backbone(name)}
  # torchreid's own files have a classifier under our name of it.
  if bare and behind <= {"classifier"}:
    allow_missing += state_names.BEHIND_BACKBONE

  def may_stay_out(name: str) -> bool:
    own = draw_backbone and not state_names.is_behind_backbone(name)
    return own or name.startswith(allow_missing)

  filled, misfits, unknown, beside = [], [], [], []
  unused = list(without.copies)
  for name, key in in_file.items():
    if name in wanted:
      if found[name] == wanted[name]:
        filled.append(name)
      elif may_stay_out(name):
        unused.append(key)
      else:
        misfits.append(name)
    elif (
      (bare and (state_names.is_foreign_classifier(name) or name.startswith("classifier.")))
      or key.startswith(allow_unused)
      or name.startswith(allow_unused)
    ):
      unused.append(key)
    elif bare and without.prefix and not key.startswith(without.prefix):
      beside.append(key)  # These are heads and losses of the program that trained the backbone.
    else:
      unknown.append(name)
  kept = [name for name in wanted if name not in found or name not in (*filled, *misfits)]
  missing = [name for name in kept if not may_stay_out(name)]
  missing.sort(key=lambda name: state_names.order(name, backbone))
  if missing or unknown or misfits:
    sentence = explain(model, found, wanted, in_file, missing, unknown, misfits)
    raise InputError(f"{sentence} ({without.note})" if without.note else sentence)
  notes = [without.note] if without.note else []
  if beside:
    notes.append(f"not of the backbone and left out: {_parts(beside)}")

  initial = [paths[name] for name in kept]
  if init is None:  # compiles only the drawing of the missing tensors
    drawn = jax.jit(lambda: [_flatten(_init(model))[path] for path in initial])() if initial else []
  else:
    drawn = [_flatten(init)[path] for path in initial]
  leaves = dict(zip(initial, drawn, strict=True))
  for name in filled:
    leaves[paths[name]] = jnp.asarray(_from_torch_axes(_values(state_dict, in_file[name])))
  variables = traverse_util.unflatten_dict({path: leaves[path] for path in shapes})
  return Merged(variables, tuple(filled), tuple(kept), (*unused, *beside), tuple(notes))


def _flatten(variables: Variables) -> dict[tuple[str, ...], Any]:
  return traverse_util.flatten_dict(dict(variables))


def _values(state_dict: Mapping[str, Any], key: str) -> np.ndarray:
  value = state_dict[key]
  if hasattr(value, "detach"):  # a torch tensor, perhaps on a GPU, with gradient, or bfloat16
    value = value.detach().cpu().float().numpy()
  value = np.asarray(value)
  if value.dtype.kind in "OSUcmM":
    raise InputError(f"the weights' {key!r} has type {value.dtype}: only real numbers can be used")
  value = value.astype(np.float32)
  if not np.isfinite(value).all():
    raise InputError(f"the weights' {key!r} has values that are not finite: use another checkpoint")
  return value


def _from_torch_axes(x: np.ndarray) -> np.ndarray:
  """[out, in, h, w] -> [h, w, in, out]; [out, in, t] -> [t, in, out]; [out, in] -> [in, out]."""
  axes = (2, 3, 1, 0) if x.ndim == 4 else tuple(reversed(range(x.ndim)))
  return np.ascontiguousarray(x.transpose(axes))


def _to_torch_axes(x: np.ndarray) -> np.ndarray:
  axes = (3, 2, 0, 1) if x.ndim == 4 else tuple(reversed(range(x.ndim)))
  return np.ascontiguousarray(x.transpose(axes))


def _torch_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
  return _to_torch_axes(np.broadcast_to(np.float32(0), shape)).shape


def _parts(names: Iterable[str]) -> str:
  """The parts that names belong to, each once: `cosam4, cosam5, classifier`."""
  return ", ".join(dict.fromkeys(name.removeprefix("module.").split(".")[0] for name in names))
