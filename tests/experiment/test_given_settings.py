"""Settings for a weights file: each is legal, and they fit each other."""

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

import cosam_jax
from cosam_jax.errors import InputError
from cosam_jax.experiment.given_settings import checked_settings
from cosam_jax.models import ReidNet


def test_every_default_is_legal_and_stays():
  import dataclasses

  net = ReidNet()
  names = [field.name for field in dataclasses.fields(ReidNet)]
  every = {name: getattr(net, name) for name in names if name not in ("parent", "name")}
  assert checked_settings(every) == every
  assert checked_settings({}) == {}


def test_values_take_the_networks_form():
  found = checked_settings({
    "image_size": [64, 32], "num_frames": np.int64(2), "cosam_stages": [5], "dtype": "bfloat16",
    "stride_in": "family", "last_stride": 0, "width": np.float64(0.5),
  })  # fmt: skip
  assert found == {
    "image_size": (64, 32), "num_frames": 2, "cosam_stages": (5,), "dtype": jnp.bfloat16,
    "stride_in": None, "last_stride": None, "width": 0.5,
  }  # fmt: skip
  assert checked_settings({"dtype": jnp.float32})["dtype"] == jnp.float32


@pytest.mark.parametrize(
  ("settings", "words"),
  [
    (
      {"image_size": (0, 5)},
      r"image_size is \(0, 5\): it must be a tuple of 2 integers at least 8",
    ),
    ({"image_size": 256}, "image_size is 256: it must be a tuple of 2 integers"),
    ({"image_size": (256, 128.0)}, "image_size is .*: it must be a tuple of 2 integers"),
    ({"num_frames": 0}, "num_frames is 0: it must be an integer at least 1 and at most 1024"),
    ({"num_frames": "4"}, "num_frames is '4': it must be an integer"),
    ({"num_frames": 1}, "num_frames is 1: COSAM compares .* at least 2, or cosam_stages empty"),
    ({"num_classes": 0}, "num_classes is 0: it must be a whole number of at least 1"),
    ({"width": float("nan")}, "width is nan: it must be a number greater than 0 and at most 8"),
    ({"width": 0}, "width is 0: it must be a number greater than 0"),
    (
      {"cosam_stages": (1,)},
      r"cosam_stages is \(1,\): it must be a tuple of any number of integers",
    ),
    ({"cosam_stages": 5}, "cosam_stages is 5: it must be a tuple"),
    ({"cosam_stages": (4, 4)}, r"cosam_stages is \(4, 4\): name each stage once"),
    ({"image_size": (8, 8)}, r"image_size is \(8, 8\): the last grid is 1x1"),
    ({"temporal": "xx"}, "temporal is 'xx': it must be one of tp, "),
    ({"backbone": "resnet5"}, "backbone is 'resnet5': .*; did you mean 'resnet50'"),
    ({"backbone": None}, "backbone is None: it must be one of"),
    ({"ncc": "preset"}, "ncc is 'preset': it must be one of unbiased, population$"),
    ({"last_stride": 3}, "last_stride is 3: it must be one of 0, 1, 2"),
    ({"neck": 1}, "neck is 1: it must be True or False"),
    ({"portable": "yes"}, "portable is 'yes': it must be True or False"),
    ({"dtype": "float64"}, "dtype is 'float64': it must be one of float32, bfloat16"),
    ({"dtype": [1]}, r"dtype is \[1\]: it must be one of float32"),
    ({"neck_place": "frame"}, "neck_place is 'frame', but there is no neck: set neck=True"),
    ({"stride_in": "3x3", "backbone": "osnet_x1_0"}, "stride_in is '3x3', but backbone osnet_x1_0"),
    ({"backbon": "resnet18"}, "'backbon' is not a setting of ReidNet; did you mean 'backbone'"),
  ],
)
def test_what_is_out_of_range_is_one_sentence(tmp_path, settings, words):
  file = tmp_path / "w.safetensors"
  save_file({"x": np.zeros(1, np.float32)}, file)
  with pytest.raises(InputError, match=f"^{words}") as raised:
    cosam_jax.Embedder.from_checkpoint(file, **settings)
  assert "config." not in str(raised.value)
