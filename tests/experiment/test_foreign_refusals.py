"""Foreign networks are refused early where only one of ours will do."""

import pytest
import tiny
from ml_collections import ConfigDict

from cosam_jax.errors import InputError
from cosam_jax.experiment.foreign_refusals import foreign_refusal, refuse_foreign
from cosam_jax.experiment.required_inputs import require_inputs


def test_an_onnx_file_is_refused_with_the_use():
  with pytest.raises(InputError, match=r"^a/b\.ONNX is an ONNX file, .* and not trained: give"):
    refuse_foreign(tiny.config("data", init__weights="a/b.ONNX"), "trained")
  for weights in ("imagenet", "", "a.pth"):
    refuse_foreign(tiny.config("data", init__weights=weights), "trained")
    assert foreign_refusal(weights, "trained") == ""
  refuse_foreign(ConfigDict({"init": 3}), "trained")  # The check of the fields refuses these.
  refuse_foreign(ConfigDict(), "trained")


def test_a_sweep_is_refused_before_its_first_run(tmp_path):
  (tmp_path / "model.onnx").touch()
  with pytest.raises(InputError, match=r"model\.onnx is an ONNX file, .* and not trained"):
    require_inputs(tiny.config(tmp_path / "set"), [str(tmp_path / "model.onnx")])
