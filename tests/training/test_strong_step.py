"""The whole step of the strong recipe beside an independent one in PyTorch, with drawn weights.

The network and its step are written out in PyTorch from what is published of the recipe:
bottlenecks with COSAM4,5, maximum over the grid, a norm of each frame, the mean over frames for
both losses, plain cross-entropy, batch-hard triplets of cosine distances, Adam with coupled decay.
It has one block a stage: gradients through 50 layers of noise are not known to more than some
percent, see `test_golden_training.py`.
"""

import dataclasses
import pathlib
import sys

import jax
import numpy as np
import optax
import pytest

from cosam_jax.models import ReidNet, from_torch, to_torch
from cosam_jax.models.backbones.registry import BACKBONES
from cosam_jax.training.optim import make_optimizer
from cosam_jax.training.state import create_state
from cosam_jax.training.steps import Objective, train_step

torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
pytestmark = pytest.mark.torch
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "benchmarks"))
pytorch_network = pytest.importorskip("pytorch_network")

CLIPS, FRAMES, SIZE, CLASSES, WIDTH = 8, 3, (64, 32), 5, 0.125
RATE, DECAY, MARGIN = 3e-4, 5e-4, 0.3
LABELS = np.repeat(np.arange(4), 2).astype(np.int32)
SHALLOW = "resnet14"
MODEL = ReidNet(
  SHALLOW, (4, 5), "tp", FRAMES, SIZE, CLASSES, width=WIDTH, spatial_pool="max", neck=True,
  neck_place="frame", neck_losses="both", embedding="after_neck",
)  # fmt: skip
OBJECTIVE = Objective(0.0, MARGIN, 1.0, triplet_distance="cosine")


class Strong(pytorch_network.Network):
  """The peer's backbone and COSAM, with this recipe's pool and neck."""

  def __init__(self):
    super().__init__(SHALLOW, (4, 5), FRAMES, SIZE, CLASSES, WIDTH)
    self.neck = torch.nn.BatchNorm1d(self.classifier.in_features)

  def forward(self, clips):
    attentions = self.attention_modules["attention_modules"]
    x = clips
    for i, module in enumerate(self.base):
      x = module(x)
      stage = i - (len(self.base) - 4) + 2
      name = str(stage - self.first)
      x = attentions[name](x) if stage >= 2 and name in attentions else x
    vectors = self.neck(x.amax((2, 3)))
    features = vectors.reshape(-1, FRAMES, vectors.shape[1]).mean(1)
    return features, self.classifier(features)


def loss_of(features, logits):
  labels = torch.as_tensor(LABELS).long()
  cosine = torch.nn.functional.normalize(features) @ torch.nn.functional.normalize(features).T
  triplets = []
  for anchor in range(CLIPS):
    same = [float(labels[other]) == float(labels[anchor]) for other in range(CLIPS)]
    farthest = min(cosine[anchor, i] for i in range(CLIPS) if same[i])
    nearest = max(cosine[anchor, i] for i in range(CLIPS) if not same[i])
    triplets.append(torch.relu((1 - farthest) - (1 - nearest) + MARGIN))
  return torch.nn.functional.cross_entropy(logits, labels) + torch.stack(triplets).mean()


@pytest.fixture(scope="module")
def drawn(shallow):
  """(clips, a state dict with spread values)."""
  del shallow
  rng = np.random.default_rng(0)
  clips = rng.standard_normal((CLIPS, FRAMES, *SIZE, 3)).astype(np.float32)
  state = to_torch(MODEL.init(jax.random.key(0), clips[:1]), MODEL)
  for name, value in state.items():
    if name.endswith(("bias", "running_mean")):
      state[name] = (0.1 * rng.standard_normal(value.shape)).astype(np.float32)
    elif value.ndim == 1:
      state[name] = rng.uniform(0.8, 1.2, value.shape).astype(np.float32)
  return clips, state


def run_torch(drawn, optimizer, steps):
  """The losses of some steps and the state dict after them."""
  clips, state = drawn
  network = Strong()
  network.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
  network.train()
  update = optimizer(network.parameters())
  frames = torch.as_tensor(clips).flatten(0, 1).permute(0, 3, 1, 2)
  losses = []
  for _ in range(steps):
    update.zero_grad()
    loss = loss_of(*network(frames))
    loss.backward()
    update.step()
    losses.append(loss.item())
  return losses, {name: value.detach().numpy() for name, value in network.state_dict().items()}


def run_ours(drawn, optimizer, steps):
  clips, state = drawn
  current = create_state(from_torch(state, MODEL), optimizer)
  step = jax.jit(lambda s: train_step(MODEL, OBJECTIVE, optimizer, s, clips, LABELS))
  losses = []
  for _ in range(steps):
    current, metrics = step(current)
    losses.append(float(metrics["loss"]))
  return losses, to_torch(current.variables, MODEL)


@pytest.fixture(scope="module", autouse=True)
def shallow(hasty_compilation):
  """The shallow network, on both sides, while these tests run; programs are compiled in haste."""
  del hasty_compilation
  blocks, usual = (1, 1, 1, 1), BACKBONES["resnet50"]
  row = dataclasses.replace(usual, settings={**usual.settings, "blocks": blocks})
  with pytest.MonkeyPatch.context() as patch:
    patch.setitem(BACKBONES, SHALLOW, row)
    patch.setitem(pytorch_network.RESNETS, SHALLOW, blocks)
    yield


def test_a_plain_step_moves_every_parameter_alike(drawn):
  theirs, wanted = run_torch(drawn, lambda p: torch.optim.SGD(p, 1e-2), 1)
  ours, found = run_ours(drawn, optax.sgd(1e-2), 1)
  np.testing.assert_allclose(ours, theirs, rtol=1e-5)
  moved = 0
  for name, value in wanted.items():
    if name.endswith("num_batches_tracked"):
      continue
    np.testing.assert_allclose(found[name], value, atol=1e-5, err_msg=name)
    moved += bool(np.abs(value - drawn[1][name]).max() > 1e-5)
  assert moved > 0.9 * sum("num_batches" not in name for name in wanted)


def test_three_steps_of_adam(drawn):
  theirs, _ = run_torch(drawn, lambda p: torch.optim.Adam(p, RATE, weight_decay=DECAY), 3)
  ours, _ = run_ours(drawn, make_optimizer(lambda _: RATE, weight_decay=DECAY), 3)
  np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
  # Adam divides by the gradient's size, so that rounding of small gradients matters afterwards.
  np.testing.assert_allclose(ours, theirs, rtol=1e-3)
  assert theirs[2] < theirs[0]
