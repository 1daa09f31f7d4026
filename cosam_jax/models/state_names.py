"""Names of tensors in PyTorch state dicts, and what they tell about the network they are from.

Each tensor has a *plain* name: torchvision's for the backbone (`layer1.0.conv1.weight`), and
`cosam4.`, `head.`, `neck.` and `classifier.` before the published names of the other parts. Outside
forms and our own variable paths are both brought to it.
"""

import re
from collections.abc import Iterable, Mapping

from cosam_jax.models.backbones.resnet import BACKBONES

Path = tuple[str, ...]

# Our name -> PyTorch's, in PyTorch's order: `to_torch` writes tensors in the order of these tables.
_LEAVES = {
  "kernel": "weight", "scale": "weight", "bias": "bias", "mean": "running_mean",
  "var": "running_var", "input_kernel": "lstm.weight_ih_l0", "hidden_kernel": "lstm.weight_hh_l0",
  "input_bias": "lstm.bias_ih_l0", "hidden_bias": "lstm.bias_hh_l0",
}  # fmt: skip
_MODULES = {
  "conv1": "conv1", "norm1": "bn1", "conv2": "conv2", "norm2": "bn2", "conv3": "conv3",
  "norm3": "bn3", "se_reduce": "se_module.fc1", "se_expand": "se_module.fc2",
  "shortcut_conv": "downsample.0", "shortcut_norm": "downsample.1",
  "reduce": "dim_reduction.0", "reduce_norm": "dim_reduction.1",
  "summary": "spatial_mask_summary.0", "summary_norm": "spatial_mask_summary.1",
  "summary_out": "spatial_mask_summary.3",
  "channel_reduce": "channelwise_attention.0", "channel_expand": "channelwise_attention.2",
  "conv": "attention_conv", "tconv": "attention_tconv",
}  # fmt: skip
_PARTS = (
  "conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "cosam2", "cosam3", "cosam4", "cosam5",
  "head", "neck", "classifier",
)  # fmt: skip
BEHIND_BACKBONE = ("cosam", "head", "neck", "classifier")
_CLASSIFIERS = ("fc.", "last_linear.")
# Wrappers of a module inside a network, which keep its name before theirs.
_WRAPPERS = re.compile(
  r"(?<=\.)((_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_module)\.)+"
)


def of_variable(path: Path) -> str:
  """The plain name of a variable, e.g. `("params", "stage2", "block0", "norm1", "scale")`."""
  part, *modules, leaf = path[1:]
  leaf = _LEAVES[leaf]
  if part == "stem":
    return f"{ {'conv': 'conv1', 'norm': 'bn1'}[modules[0]] }.{leaf}"
  if part.startswith("stage"):
    block = modules[0].removeprefix("block")
    return f"layer{int(part[5:]) - 1}.{block}.{_MODULES[modules[1]]}.{leaf}"
  part = "neck" if part == "neck_norm" else part
  return ".".join([part, *(_MODULES[name] for name in modules), leaf])


def of_file(key: str, *, se: bool) -> str:
  """The plain name of a state dict's key, or the key itself where no form is known.

  Args:
    key: the name in the file; published, torchvision's or Cadene's, with or without `module.`.
    se: whether the file is of the SE family, where COSAM's index counts the stem too.
  """
  name = _WRAPPERS.sub("", key)
  name = name.removeprefix("module.").removeprefix("base.").removeprefix("layer0.")
  first, _, rest = name.partition(".")
  sequence = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
  if first in sequence:
    return f"{sequence[first]}.{rest}"
  if first == "aggregation":
    return f"head.{rest}"
  cosam = re.fullmatch(r"attention_modules\.attention_modules\.(\d)\.(.+)", name)
  if cosam:
    return f"cosam{int(cosam[1]) + (1 if se else 2)}.{cosam[2]}"
  return name


def to_file(plain: str, *, se: bool, published: bool) -> str:
  """The name of a tensor in a published checkpoint, or in torchvision's or Cadene's backbone."""
  part, _, rest = plain.partition(".")
  if part.startswith("cosam"):
    return f"attention_modules.attention_modules.{int(part[5:]) - (1 if se else 2)}.{rest}"
  if part == "head":
    return f"aggregation.{rest}"
  if part in ("neck", "classifier"):
    return plain
  if se:
    plain = plain if part.startswith("layer") else f"layer0.{plain}"
    return f"base.{plain}" if published else plain
  if not published:
    return plain
  place = {"conv1": 0, "bn1": 1}[part] if not part.startswith("layer") else int(part[5:]) + 3
  return f"base.{place}.{rest}"


def order(plain: str) -> tuple[int, ...]:
  """Where a tensor stands in a state dict."""
  part, _, rest = plain.partition(".")
  block = rest.split(".")[0]
  modules, leaves = list(_MODULES.values()), list(_LEAVES.values())
  module = next((i for i, name in enumerate(modules) if f".{name}." in f".{rest}"), -1)
  leaf = next(i for i, name in enumerate(leaves) if f".{rest}".endswith(f".{name}"))
  return _PARTS.index(part), int(block) if part.startswith("layer") else 0, module, leaf


def is_behind_backbone(plain: str) -> bool:
  """Whether a tensor belongs to COSAM, head, neck or classifier."""
  return re.match(r"(cosam\d|head|neck|classifier)\.", plain) is not None


def is_foreign_classifier(plain: str) -> bool:
  """Whether a tensor is of the classifier, or what stands for it, of a network not ours."""
  return plain.startswith(_CLASSIFIERS)


def architecture(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
  """What plain names and PyTorch shapes tell about a network, as far as they do.

  Returns:
    Some of `backbone`, `width`, `cosam_stages`, `temporal` and `num_classes`, as text.
  """
  found: dict[str, str] = {}
  blocks = tuple(_count(shapes, rf"layer{n}\.(\d+)\.") for n in (1, 2, 3, 4))
  bottleneck = any(".conv3." in name for name in shapes)
  se = any(".se_module." in name for name in shapes)
  if any(blocks):
    found["backbone"] = f"unknown (blocks {'-'.join(map(str, blocks))}{', SE' if se else ''})"
  for name, settings in BACKBONES.items():
    if (settings.blocks, settings.bottleneck, settings.squeeze_excitation) == (
      blocks, bottleneck, se
    ):  # fmt: skip
      found["backbone"] = name
  first = shapes.get("layer1.0.conv1.weight")
  if first:
    found["width"] = f"{first[0] / 64:g}"
  if any(map(is_behind_backbone, shapes)):
    stages = sorted({name[5] for name in shapes if re.match(r"cosam\d", name)})
    found["cosam_stages"] = ",".join(stages) or "none"
    heads = {"head.attention_conv.weight": "ta", "head.lstm.weight_ih_l0": "rnn"}
    found["temporal"] = next((head for name, head in heads.items() if name in shapes), "tp")
  if shapes.get("classifier.weight"):
    found["num_classes"] = str(shapes["classifier.weight"][0])
  return found


def _count(names: Iterable[str], pattern: str) -> int:
  return len({match[1] for name in names if (match := re.match(pattern, name))})
