"""Rates of every step, against slow loops over the steps and PyTorch's schedulers."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cosam_jax.training.optim import learning_rate_schedule
from cosam_jax.training.schedules import cosine_schedule, milestone_schedule, with_warmup

RATE, STEPS = 3.5e-4, 60
MILESTONES, LAST = (7, 20, 21, 45), 50


def rates_of(schedule, steps=STEPS):
  """The rate of each step, with the step as a number and as an array inside a program."""
  plainly = [float(schedule(step)) for step in range(steps)]
  compiled = jax.jit(jax.vmap(schedule))(jnp.arange(steps, dtype=jnp.int32))
  np.testing.assert_allclose(compiled, plainly, rtol=2e-6)
  return np.array(plainly)


def drops():
  return learning_rate_schedule(learning_rate=RATE, decay_every_steps=9, decay_factor=0.5)


def milestones():
  return milestone_schedule(learning_rate=RATE, milestones=MILESTONES, decay_factor=0.1)


def cosine(final=0.01):
  return cosine_schedule(learning_rate=RATE, last_step=LAST, final_factor=final)


def slow_drops():
  rate, found = RATE, []
  for step in range(STEPS):
    rate *= 0.5 if step and step % 9 == 0 else 1
    found.append(rate)
  return found


def slow_milestones():
  rate, found = RATE, []
  for step in range(STEPS):
    rate *= 0.1 if step in MILESTONES else 1
    found.append(rate)
  return found


def slow_cosine(final=0.01):
  found = []
  for step in range(STEPS):
    height = (1 + math.cos(math.pi * min(step, LAST) / LAST)) / 2
    found.append(RATE * (final + (1 - final) * height))
  return found


SCHEDULES = {
  "steps": (drops, slow_drops),
  "milestones": (milestones, slow_milestones),
  "cosine": (cosine, slow_cosine),
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(("warmup", "start"), [(0, 0.5), (1, 0.0), (10, 0.01), (70, 0.3), (5, 1.0)])
def test_a_schedule_equals_a_loop_over_steps(name, warmup, start):
  made, slow = SCHEDULES[name]
  found = rates_of(with_warmup(made(), warmup_steps=warmup, warmup_start=start))
  wanted, factor = [], start
  for step, rate in enumerate(slow()):
    wanted.append(rate * (factor if step < warmup else 1.0))
    factor += (1 - start) / max(warmup, 1)
  np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("warmup", [0, 10])
def test_a_schedule_equals_pytorchs(torch, name, warmup):
  of_torch = torch.optim.lr_scheduler
  optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)
  if name == "cosine":
    # Beyond its end PyTorch's cosine rises again, so that only the steps before are compared.
    steps, chain = LAST + 1, [of_torch.CosineAnnealingLR(optimizer, T_max=LAST, eta_min=0.0)]
    made = cosine(final=0.0)
  else:
    steps, made = STEPS, SCHEDULES[name][0]()
    chain = [
      of_torch.StepLR(optimizer, step_size=9, gamma=0.5)
      if name == "steps"
      else of_torch.MultiStepLR(optimizer, milestones=list(MILESTONES), gamma=0.1)
    ]
  if warmup:
    chain.append(of_torch.LinearLR(optimizer, start_factor=0.01, total_iters=warmup))
  together = of_torch.ChainedScheduler(chain, optimizer=optimizer)
  wanted = []
  for _ in range(steps):
    wanted.append(optimizer.param_groups[0]["lr"])
    optimizer.step()
    together.step()
  found = rates_of(with_warmup(made, warmup_steps=warmup, warmup_start=0.01), steps)
  np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-10)


def test_borders_are_exact_however_many_steps_there_are():
  """A border that came a step late, or early, would show here."""
  per_epoch, largest = 259, 2**31 - 1
  border = per_epoch * 60
  schedule = milestone_schedule(
    learning_rate=1.0, milestones=(border, 2 * border, per_epoch * 10**9), decay_factor=0.1
  )
  jitted = jax.jit(schedule)
  steps = (border - 1, border, 2 * border - 1, 2 * border, largest - 1)
  for step, wanted in zip(steps, (1.0, 0.1, 0.1, 0.01, 0.01), strict=True):
    np.testing.assert_allclose(jitted(jnp.int32(step)), wanted, rtol=1e-6)
  last = 259 * 240
  end = jax.jit(cosine_schedule(learning_rate=1.0, last_step=last, final_factor=0.0))
  assert float(end(jnp.int32(0))) == 1.0
  assert float(end(jnp.int32(last - 1))) > 0.0
  assert float(end(jnp.int32(last))) == float(end(jnp.int32(largest))) == 0.0
  warmed = jax.jit(with_warmup(lambda step: 1.0, warmup_steps=border, warmup_start=0.01))
  np.testing.assert_allclose(warmed(jnp.int32(0)), 0.01, rtol=1e-4)
  assert float(warmed(jnp.int32(border - 1))) < 1.0
  assert float(warmed(jnp.int32(border))) == float(warmed(jnp.int32(largest))) == 1.0
