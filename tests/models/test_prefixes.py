"""Prefixes that all names of a network share are taken off, and second copies are left out."""

import chex
import numpy as np
import pytest
from drawn_networks import drawn, small

from cosam_jax.errors import InputError
from cosam_jax.models.interop import from_torch, to_torch
from cosam_jax.models.prefixes import without_prefix

OURS = ["conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "layer4.1.bn2.bias"]


def test_names_without_a_prefix_stay_as_they_are():
  for keys in (OURS, [*OURS, "other.weight"], ["a.b", "c"], []):
    found = without_prefix(keys)
    assert found.names == {key: key for key in keys}
    assert found[1:] == ("", (), "")


def test_the_shared_prefix_goes_and_other_names_stay():
  found = without_prefix([f"backbone.{key}" for key in OURS] + ["heads.weight"])
  assert found.names == {f"backbone.{key}": key for key in OURS} | {"heads.weight": "heads.weight"}
  assert (found.prefix, found.copies) == ("backbone.", ())
  assert found.note == "'backbone.' is taken off the beginning of 4 of 5 names"


def test_of_two_networks_the_one_that_is_no_copy_counts():
  keys = [f"{which}.{key}" for which in ("encoder_k", "encoder_q") for key in OURS]
  found = without_prefix([*keys, "queue_ptr"])
  assert found.names == {f"encoder_q.{key}": key for key in OURS}
  assert found.copies == (*keys[:4], "queue_ptr")
  assert found.note.endswith("'encoder_k.' is a copy of the same network and left out")
  with pytest.raises(InputError, match=r"have 2 networks, whose names begin with 'a\.', 'b\.'"):
    without_prefix(f"{which}.{key}" for which in "ab" for key in OURS)


PREFIXES = (
  "module.", "_orig_mod.", "model.", "module._orig_mod.", "module.module.", "net.backbone.",
  "student.", "a.b.c.d.",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["resnet18", "se_resnet50"])
def test_a_beginning_that_all_names_share_is_taken_off(caplog, backbone):
  model = small(backbone, cosam_stages=(4,), temporal="ta")
  variables = drawn(model)
  whole = to_torch(variables, model)
  bare = to_torch(variables, model, layout="torchvision")
  for prefix in PREFIXES:
    for state in (whole, bare):
      caplog.clear()
      longer = {prefix + name: value for name, value in state.items()}
      chex.assert_trees_all_equal(
        from_torch(longer, model, init=variables), from_torch(state, model, init=variables)
      )
      said = f"is taken off the beginning of all {len(state)} names"
      assert (said in caplog.text) == (prefix not in ("module.", "module._orig_mod."))
  inside = {name.replace("base.", "base._orig_mod."): value for name, value in whole.items()}
  chex.assert_trees_all_equal(from_torch(inside, model), variables)


def test_a_beginning_of_the_backbone_alone_is_taken_off(caplog):
  model = small()
  theirs, initial = drawn(model, 1), drawn(model, 2)
  bare = to_torch(theirs, model, layout="torchvision")
  wanted = from_torch(bare, model, init=initial)
  state = {f"backbone.{name}": value for name, value in bare.items()}
  state |= {"heads.bnneck.weight": np.zeros(3), "loss.centers": np.zeros(3)}
  chex.assert_trees_all_equal(from_torch(state, model, init=initial), wanted)
  assert f"taken off the beginning of {len(bare)} of {len(state)} names" in caplog.text
  assert "left out: heads, loss" in caplog.text
  caplog.clear()
  pairs = ((f"module.encoder_{which}.{name}", value + (which == "k"))
           for which in "kq" for name, value in bare.items())  # fmt: skip
  state = dict(pairs) | {"module.queue": np.zeros((2, 3)), "module.encoder_q.fc.0.weight": bare}
  chex.assert_trees_all_equal(from_torch(state, model, init=initial), wanted)
  assert "'module.encoder_k.' is a copy of the same network and left out" in caplog.text
  with pytest.raises(InputError, match=r"2 networks, whose names begin with 'one\.', 'two\.'"):
    from_torch({f"{which}.{name}": 0 for which in ("one", "two") for name in bare}, model)
