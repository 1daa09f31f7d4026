"""Missing data and weights are named before any run begins, and nothing is made."""

import layouts
import pytest
import tiny

from cosam_jax.errors import InputError
from cosam_jax.experiment.required_inputs import require_inputs


@pytest.fixture
def mars(tmp_path):
  """A directory in MARS's layout, without its frames."""
  return layouts.mars(tmp_path / "mars", with_frames=False)


def test_data_and_weights_that_are_there_are_enough(mars, tmp_path):
  (tmp_path / "w.npz").touch()
  config = tiny.config(mars, data__name="mars")
  require_inputs(config, ["", "imagenet", str(tmp_path / "w.npz")])
  config.data.update(source="prepared", prepared_dir=str(tmp_path), dir="/no/data")
  require_inputs(config, [])


def test_drawn_data_need_not_be_there_and_are_not_drawn(tmp_path):
  require_inputs(tiny.config(tmp_path / "drawn"), [])
  assert not list(tmp_path.iterdir())


def test_all_that_is_missing_is_said_at_once(tmp_path):
  config = tiny.config("/no/data", data__name="mars")
  with pytest.raises(InputError) as refused:
    require_inputs(config, ["/no/w.npz", "", "/no/v.npz", "/no/w.npz"])
  data, *weights = str(refused.value).split("; and ")
  assert data.startswith("data directory /no/data does not exist; it must hold MARS")
  assert [text.partition(" does")[0] for text in weights] == [
    "weights file /no/w.npz", "weights file /no/v.npz"
  ]  # fmt: skip


@pytest.mark.parametrize(
  ("fields", "sentence"),
  [
    ({"data__source": "prepared", "data__prepared_dir": "no/set"}, "prepared_dir is 'no/set', and"),
    ({"data__split": 3}, "split 3 of mars does not exist"),
  ],
)
def test_other_data_that_cannot_be_read_are_refused(mars, fields, sentence):
  with pytest.raises(InputError, match=sentence):
    require_inputs(tiny.config(mars, data__name="mars", **fields), [])
