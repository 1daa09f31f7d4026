"""How many training images a second are read, on a drawn set; the reason if none can be."""

import importlib.util
import time

import pytest
import tiny

from cosam_jax.commands.benchmark.reading import images
from cosam_jax.experiment.config import resolve


def test_rates_are_images_over_seconds(tiny_synthetic):
  ticks = []
  began = time.perf_counter()
  found = images(resolve(tiny.config(tiny_synthetic)), 1, tick=lambda: ticks.append(1))
  took = time.perf_counter() - began
  assert found["images_per_batch"] == 2 * 2 * 2  # People, clips of each, frames of a clip.
  assert found["rates"] == [found["images_per_second"]]
  # At least three batches in a stretch of a second, and no more than the time allows.
  assert 3 * 8 / took <= found["images_per_second"] < 1e6
  assert took >= 1
  assert len(ticks) == 1


def test_a_missing_data_set_is_the_reason_why_it_is_left_out(tmp_path):
  config = resolve(tiny.config(tmp_path / "nowhere", data__name="mars"))
  found = images(config, 1, tick=pytest.fail)
  assert list(found) == ["left_out"]
  assert f"{tmp_path / 'nowhere'} does not exist" in found["left_out"]


def test_so_is_a_missing_tensorflow(tiny_synthetic, monkeypatch):
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  config = resolve(tiny.config(tiny_synthetic))
  assert images(config, 1) == {"left_out": "TensorFlow is not installed"}
