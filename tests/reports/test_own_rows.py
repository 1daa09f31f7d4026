"""The rows of sweeps of a configuration's own network."""

import pytest

from cosam_jax.errors import InputError
from cosam_jax.reports.own_rows import OWN_SWEEPS, own_rows
from cosam_jax.reports.poster_rows import Row

CONFIG = {
  "model.backbone": "osnet_x0_25",
  "model.cosam_stages": [5],
  "model.temporal": "ta",
  "clips.num_frames": 6,
  "clips.selection": "strided",
}
OWN = Row("osnet_x0_25", (5,), "ta", 6, "strided")


def row(**changes):
  return Row(*{**OWN.__dict__, **changes}.values())


ROWS = {
  "own_cosam": [row(cosam=()), OWN],
  "own_positions": [row(cosam=stages) for stages in ((), (3,), (4,), (5,), (4, 5))],
  "own_temporal": [
    row(temporal=head, cosam=stages) for head in ("tp", "ta", "rnn") for stages in ((), (5,))
  ],
  "own_num_frames": [row(num_frames=number) for number in (2, 4, 8)],
  "own_frame_selection": [
    row(frame_selection=name) for name in ("sequential", "random", "restricted")
  ],
}


@pytest.mark.parametrize("sweep", OWN_SWEEPS)
def test_rows_differ_from_the_configuration_in_what_their_question_is_about(sweep):
  assert list(own_rows(sweep, CONFIG)) == ROWS[sweep]


def test_a_network_without_cosam_has_positions_to_try_but_nothing_to_compare_with():
  without = CONFIG | {"model.cosam_stages": []}
  assert own_rows("own_positions", without) == tuple(ROWS["own_positions"])
  for sweep in ("own_cosam", "own_temporal"):
    with pytest.raises(InputError, match=f"--sweep={sweep} .* model.cosam_stages is empty"):
      own_rows(sweep, without)
