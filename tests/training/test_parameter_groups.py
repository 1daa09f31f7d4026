"""Rates and decay of single parameters, against Adam one number at a time and PyTorch's groups."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cosam_jax.training.optim import make_optimizer
from cosam_jax.training.parameter_groups import Groups
from cosam_jax.training.part_names import BACKBONE, TRAINED_PARTS

RATE, DECAY = 0.05, 0.3
SHAPES = {
  "stem": {"conv": {"kernel": (3, 2)}, "norm": {"scale": (2,), "bias": (2,)}},
  "stage2": {"block0": {"conv1": {"kernel": (2, 2)}, "norm1": {"scale": (2,), "bias": (2,)}}},
  "cosam4": {"reduce": {"kernel": (2, 3), "bias": (3,)}},
  "head": {"input_kernel": (2, 2), "input_bias": (2,)},
  "neck_norm": {"scale": (3,), "bias": (3,)},
  "classifier": {"kernel": (3, 2), "bias": (2,)},
}
GROUPS = [
  Groups(),
  Groups(backbone_factor=0.1),
  Groups(bias_factor=2.0, decay_biases=False),
  Groups(0.5, 3.0, True, ("stem", "neck")),
  Groups(0.0, 2.0, False, ("classifier",)),
  Groups(bias_factor=0.0),
]


def drawn(seed):
  rng = np.random.default_rng(seed)
  return jax.tree.map(
    lambda shape: rng.standard_normal(shape).astype(np.float32), SHAPES,
    is_leaf=lambda leaf: isinstance(leaf, tuple),
  )  # fmt: skip


def flat(tree):
  """Path with slashes -> array."""
  leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
  return {"/".join(key.key for key in path): np.asarray(leaf) for path, leaf in leaves}


def rate_of(name, groups):
  """The rate of a parameter, by its name."""
  first, *_, last = name.split("/")
  part = first.removesuffix("_norm")
  if part in groups.frozen:
    return 0.0
  rate = RATE * (groups.backbone_factor if part in ("stem", "stage2") else 1)
  return rate * (groups.bias_factor if last in ("bias", "input_bias") else 1)


def decay_of(name, groups):
  small = name.endswith(("bias", "scale"))
  return 0.0 if small and not groups.decay_biases else DECAY


def slow_adam(start, gradients, rate, decay, coupled):
  """One number of one parameter, in float64."""
  weight, first, second = float(start), 0.0, 0.0
  for t, gradient in enumerate(map(float, gradients), start=1):
    slope = gradient + (decay * weight if coupled else 0.0)
    first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope * slope
    if not coupled:
      weight -= rate * decay * weight
    weight -= rate * (first / (1 - 0.9**t)) / ((second / (1 - 0.999**t)) ** 0.5 + 1e-8)
  return weight


def trained(groups, form, gradients):
  optimizer = make_optimizer(
    optax.constant_schedule(RATE), weight_decay=DECAY, weight_decay_form=form, groups=groups
  )

  @jax.jit
  def step(params, state, gradient):
    updates, state = optimizer.update(gradient, state, params)
    return optax.apply_updates(params, updates), state

  params = jax.tree.map(jnp.asarray, drawn(0))
  state = optimizer.init(params)
  for gradient in gradients:
    params, state = step(params, state, gradient)
  return params, state


@pytest.mark.parametrize("form", ["coupled", "decoupled"])
@pytest.mark.parametrize("groups", GROUPS)
def test_every_parameter_has_its_rate_and_decay(groups, form):
  gradients = [drawn(seed) for seed in range(1, 5)]
  params, _ = trained(groups, form, gradients)
  start, found = flat(drawn(0)), flat(params)
  for name, before in start.items():
    rate, decay = rate_of(name, groups), decay_of(name, groups)
    if not rate:
      np.testing.assert_array_equal(found[name], before, name)
      continue
    for i in np.ndindex(before.shape):
      slopes = [flat(gradient)[name][i] for gradient in gradients]
      wanted = slow_adam(before[i], slopes, rate, decay, form == "coupled")
      np.testing.assert_allclose(found[name][i], wanted, rtol=2e-5, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("form", ["coupled", "decoupled"])
def test_groups_are_pytorchs(torch, form):
  groups, gradients = Groups(0.25, 2.0, False), [drawn(seed) for seed in range(1, 6)]
  params, _ = trained(groups, form, gradients)
  start = flat(drawn(0))
  tensors = {
    name: torch.nn.Parameter(torch.tensor(value.astype("f8"))) for name, value in start.items()
  }
  kind = torch.optim.Adam if form == "coupled" else torch.optim.AdamW
  optimizer = kind([
    {"params": [tensor], "lr": rate_of(name, groups), "weight_decay": decay_of(name, groups)}
    for name, tensor in tensors.items()
  ])  # fmt: skip
  for gradient in gradients:
    for name, value in flat(gradient).items():
      tensors[name].grad = torch.tensor(value.astype("f8"))
    optimizer.step()
  for name, value in flat(params).items():
    wanted = tensors[name].detach().numpy()
    np.testing.assert_allclose(value, wanted, rtol=2e-5, atol=5e-6, err_msg=name)


def test_the_state_has_one_structure_whatever_the_groups():
  """Any checkpoint can be read with any of them, also one that is older than they are."""
  params = jax.tree.map(jnp.asarray, drawn(0))
  wanted = jax.tree.structure(make_optimizer(lambda _: 0.1, weight_decay=0.0).init(params))
  for groups in GROUPS:
    for decay in (0.0, 0.1):
      for form in ("coupled", "decoupled"):
        made = make_optimizer(
          lambda _: 0.1, weight_decay=decay, weight_decay_form=form, groups=groups
        )
        assert jax.tree.structure(made.init(params)) == wanted


def test_no_moments_of_frozen_parameters():
  gradients = [jax.tree.map(jnp.zeros_like, drawn(1))]
  _, state = trained(Groups(frozen=("stem",)), "coupled", gradients)
  moments = flat(next(one for one in state if isinstance(one, optax.ScaleByAdamState)).mu)
  for name, moment in moments.items():
    assert moment.any() != name.startswith("stem/"), name


@pytest.mark.parametrize("groups", GROUPS)
def test_no_gradient_reaches_frozen_parameters(groups):
  params = jax.tree.map(jnp.asarray, drawn(0))
  gradient = jax.grad(
    lambda given: sum(jnp.square(leaf).sum() for leaf in jax.tree.leaves(groups.held(given)))
  )(params)
  for name, value in flat(gradient).items():
    wanted = 2 * flat(params)[name] if rate_of(name, groups) else np.zeros_like(value)
    np.testing.assert_allclose(value, wanted, rtol=1e-6)


def test_the_parts_are_those_of_the_network():
  assert TRAINED_PARTS[: len(BACKBONE)] == BACKBONE
  assert len(set(TRAINED_PARTS)) == len(TRAINED_PARTS)


def test_a_fixed_parameter_neither_learns_nor_decays():
  params = {"neck_norm": {"bias": jnp.full(3, 0.5), "scale": jnp.ones(3)}}
  groups = Groups(fixed=(("neck_norm", "bias"),))
  assert not groups.all_alike
  decayed = groups.decayed(jax.tree.map(jnp.zeros_like, params), params, 0.1)
  np.testing.assert_allclose(decayed["neck_norm"]["bias"], 0)
  np.testing.assert_allclose(decayed["neck_norm"]["scale"], 0.1, rtol=1e-6)
  scaled = groups.scaled(params)
  np.testing.assert_allclose(scaled["neck_norm"]["bias"], 0)
  held = jax.grad(lambda p: sum(x.sum() for x in jax.tree.leaves(groups.held(p))))(params)
  np.testing.assert_allclose(held["neck_norm"]["bias"], 0)
