"""`--mode=prepare`: packed frames have the bytes of the directory's; what cannot be is refused."""

import calls
import pytest
import tiny
from prepared_sets import frames_of

from cosam_jax.data import load_dataset
from cosam_jax.data.builders import load_prepared
from cosam_jax.errors import InputError


def test_packed_frames_are_those_of_the_directory(tiny_synthetic, tmp_path):
  place = tmp_path / "prepared"
  config = tiny.config(tiny_synthetic, data__name="mars", data__prepared_dir=str(place))
  calls.run("prepare", config)
  packed, plain = load_prepared("mars", place), load_dataset("mars", tiny_synthetic)
  for part in ("train", "query", "gallery"):
    found, wanted = getattr(packed, part), getattr(plain, part)
    assert frames_of(found) == frames_of(wanted)
    assert found.identities.tolist() == wanted.identities.tolist()
    assert found.cameras.tolist() == wanted.cameras.tolist()


@pytest.mark.parametrize(
  ("fields", "sentence"),
  [
    ({"data__name": "mars"}, r"config.data.prepared_dir is empty: give a folder"),
    (
      {"data__name": "synthetic", "data__prepared_dir": "{place}"},
      r"'synthetic' has no prepared form: choose one of .*mars",
    ),
  ],
)
def test_what_cannot_be_prepared_is_refused(fields, sentence, tiny_synthetic, tmp_path):
  place = tmp_path / "prepared"
  given = {name: value.format(place=place) for name, value in fields.items()}
  with pytest.raises(InputError, match=sentence):
    calls.run("prepare", tiny.config(tiny_synthetic, **given))
  assert not place.exists()
