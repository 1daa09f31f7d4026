"""Names of tensors in PyTorch state dicts, and facts about the network that follow from them.

Each tensor has a *plain* name: for the backbone, its family's (`layer1.0.conv1.weight`, see
`backbones.family`); for the other parts, `cosam4.`, `pool.`, `head.`, `neck.` or `classifier.`
before the published name. Names in files and our own variable paths are both turned into it.
"""

import re
from collections.abc import Mapping

from cosam_jax.models.backbones.family import LEAVES, Backbone, Path
from cosam_jax.models.backbones.registry import families

Family = type[Backbone] | Backbone

# Our name -> PyTorch's, in PyTorch's order: `to_torch` writes tensors in the order of these tables.
_MODULES = {
  "reduce": "dim_reduction.0", "reduce_norm": "dim_reduction.1",
  "summary": "spatial_mask_summary.0", "summary_norm": "spatial_mask_summary.1",
  "summary_out": "spatial_mask_summary.3",
  "channel_reduce": "channelwise_attention.0", "channel_expand": "channelwise_attention.2",
  "conv": "attention_conv", "tconv": "attention_tconv", "score": "score",
}  # fmt: skip
_OF_BACKBONE = re.compile(r"stem$|stage\d$|frame_layers$")
_RENAMED = {"neck_norm": "neck", "pool_grid": "pool"}
_PARTS = ("cosam2", "cosam3", "cosam4", "cosam5", "pool", "head", "neck", "classifier")
BEHIND_BACKBONE = ("cosam", "pool", "head", "neck", "classifier")
_CLASSIFIERS = ("fc.", "last_linear.")
# Wrappers of a module inside a network, which keep its name before theirs.
_WRAPPERS = re.compile(
  r"(?<=\.)((_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_module)\.)+"
)


def of_variable(path: Path, backbone: Family) -> str:
  """The plain name of a variable, e.g. `("params", "stage2", "block0", "norm1", "scale")`."""
  part, *modules, leaf = path[1:]
  if is_of_backbone(part):
    return backbone.of_variable(path[1:])
  part = _RENAMED.get(part, part)
  return ".".join([part, *(_MODULES[name] for name in modules), LEAVES[leaf]])


def is_of_backbone(part: str) -> bool:
  """Whether a part of our variables (`stem`, `stage2`, `frame_layers`, ...) is the backbone's."""
  return _OF_BACKBONE.match(part) is not None


def of_file(key: str, backbone: Family | None = None, *, first_cosam: int = 2) -> str:
  """The plain name of a state dict's key; the key itself if its form is not known.

  Args:
    key: the name in the file; published or the family's own, with or without `module.`.
    backbone: whose names they are; None tries every family.
    first_cosam: the stage whose COSAM has number 0, see `Backbone.first_cosam`.
  """
  name = _WRAPPERS.sub("", key)
  name = name.removeprefix("module.").removeprefix("base.")
  first, _, rest = name.partition(".")
  if first == "aggregation":
    return f"head.{rest}"
  cosam = re.fullmatch(r"attention_modules\.attention_modules\.(\d)\.(.+)", name)
  if cosam:
    return f"cosam{int(cosam[1]) + first_cosam}.{cosam[2]}"
  if backbone is not None:
    return backbone.of_file(name)
  for family in families():
    plain = family.of_file(name)
    if family.PLAIN.match(plain):
      return plain
  return name


def to_file(plain: str, backbone: Backbone, *, published: bool, first_cosam: int) -> str:
  """The name of a tensor in a published checkpoint, or in the family's own weights."""
  part, _, rest = plain.partition(".")
  if part.startswith("cosam"):
    return f"attention_modules.attention_modules.{int(part[5:]) - first_cosam}.{rest}"
  if part == "head":
    return f"aggregation.{rest}"
  if part in ("pool", "neck", "classifier"):
    return plain
  return backbone.to_file(plain, published=published)


def order(plain: str, backbone: Family) -> tuple[int, ...]:
  """The place of a tensor in a state dict: the backbone comes first."""
  if not is_behind_backbone(plain):
    return 0, *backbone.order(plain)
  part, _, rest = plain.partition(".")
  modules, leaves = list(_MODULES.values()), list(LEAVES.values())
  module = next((i for i, name in enumerate(modules) if f".{name}." in f".{rest}"), -1)
  leaf = next(i for i, name in enumerate(leaves) if f".{rest}".endswith(f".{name}"))
  return 1, _PARTS.index(part), module, leaf


def is_plain(name: str) -> bool:
  """Whether a name is the plain name of a tensor of any network of ours."""
  if is_behind_backbone(name) or re.match(r"(fc|last_linear)\.(weight|bias)$", name):
    return True
  return any(family.PLAIN.match(name) for family in families())


def is_behind_backbone(plain: str) -> bool:
  """Whether a tensor belongs to COSAM, pool, head, neck or classifier."""
  return re.match(r"(cosam\d|pool|head|neck|classifier)\.", plain) is not None


def is_foreign_classifier(plain: str) -> bool:
  """Whether a tensor belongs to the classifier, or a similar head, of another program's network."""
  return plain.startswith(_CLASSIFIERS)


def architecture(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
  """Settings of a network, as far as plain names and PyTorch shapes show them.

  Returns:
    Some of `backbone`, `width`, `cosam_stages`, `temporal` and `num_classes`, as text.
  """
  found: dict[str, str] = {}
  for family in families():
    found = found or family.recognise(shapes)
  if any(map(is_behind_backbone, shapes)):
    stages = sorted({name[5] for name in shapes if re.match(r"cosam\d", name)})
    found["cosam_stages"] = ",".join(stages) or "none"
    heads = {
      "head.attention_conv.weight": "ta", "head.lstm.weight_ih_l0": "rnn", "head.score.weight": "ap"
    }  # fmt: skip
    found["temporal"] = next((head for name, head in heads.items() if name in shapes), "tp")
  if shapes.get("classifier.weight"):
    found["num_classes"] = str(shapes["classifier.weight"][0])
  return found
