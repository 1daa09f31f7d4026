"""The rows of sweeps of a configuration's own network."""

import pytest

from cosam_jax.errors import InputError
from cosam_jax.reports.own_rows import MASK_FORMS, OWN_SWEEPS, SWITCHES, own_rows
from cosam_jax.reports.poster_rows import Row

CONFIG = {
  "model.backbone": "osnet_x0_25",
  "model.cosam_stages": [5],
  "model.temporal": "ta",
  "clips.num_frames": 6,
  "clips.selection": "strided",
}
PUBLISHED = {
  "model.summary": "two_layers",
  "model.channel_gate": "residual",
  "model.descriptors": "stage",
  "loss.mask_sparsity": 0.0,
  "init.mask_start": 0.5,
}
FORMS = {
  "": {},
  "order_free": {"model.summary": "order_free"},
  "position_free": {"model.summary": "position_free"},
  "descriptors_below": {"model.descriptors": "below"},
  "gate_multiplies": {"model.channel_gate": "multiply"},
  "sparse_masks": {"loss.mask_sparsity": 0.1},
  "open_masks": {"init.mask_start": 0.9},
}
OWN = Row("osnet_x0_25", (5,), "ta", 6, "strided")
RECIPE = {
  "clips.jitter": 0.0,
  "clips.erase": 0.5,
  "clips.cut_frames": 0,
  "clips.resize": "bicubic",
  "clips.crop": "enlarged",
  "clips.augment_per": "frame",
  "model.spatial_pool": "average",
  "model.neck": True,
  "model.neck_losses": "both",
  "model.neck_place": "clip",
  "model.neck_bias": True,
  "model.neck_deviation": 0.0,
  "model.embedding": "before_neck",
  "model.classifier_deviation": 0.0,
  "loss.cross_entropy": "smoothed",
  "loss.triplet_distance": "euclidean",
  "optim.warmup_epochs": 0,
  "optim.weight_decay_form": "coupled",
  "train.average": 0.0,
}
NO_NECK = {
  "model.neck": False,
  "model.neck_losses": "classifier",
  "model.neck_place": "clip",
  "model.neck_bias": True,
  "model.neck_deviation": 0.0,
  "model.embedding": "before_neck",
}


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
  "own_masks": [
    row(cosam=(4, 5), form=form, more=tuple((PUBLISHED | fields).items()))
    for form, fields in FORMS.items()
  ],
  "own_recipe": [
    OWN,
    row(frame_selection="sequential"),
    row(form="no_erasing", more=(("clips.erase", 0.0),)),
    row(form="bilinear", more=(("clips.resize", "bilinear"),)),
    row(form="no_neck", more=tuple(NO_NECK.items())),
    row(form="neck_for_classifier", more=(("model.neck_losses", "classifier"),)),
  ],
}


@pytest.mark.parametrize("sweep", OWN_SWEEPS)
def test_rows_differ_from_the_configuration_in_what_their_question_is_about(sweep):
  assert list(own_rows(sweep, CONFIG | RECIPE)) == ROWS[sweep]


def test_a_recipe_that_adds_nothing_has_nothing_to_take_away():
  plain = CONFIG | RECIPE | {"clips.selection": "sequential"}
  plain |= {field: value for fields in SWITCHES.values() for field, value in fields.items()}
  with pytest.raises(InputError, match=r"--sweep=own_recipe takes away.*adds nothing: give one"):
    own_rows("own_recipe", plain)
  # What a neck does cannot be taken away from a recipe without one.
  without = plain | {"model.neck_losses": "both", "model.neck_deviation": 0.02}
  with pytest.raises(InputError, match="adds nothing"):
    own_rows("own_recipe", without)


def test_a_network_without_cosam_has_positions_to_try_but_nothing_to_compare_with():
  without = CONFIG | {"model.cosam_stages": []}
  assert own_rows("own_positions", without) == tuple(ROWS["own_positions"])
  for sweep in ("own_cosam", "own_temporal"):
    with pytest.raises(InputError, match=f"--sweep={sweep} .* model.cosam_stages is empty"):
      own_rows(sweep, without)


def test_each_form_of_masks_has_a_folder_and_decides_every_field_of_them():
  rows = own_rows("own_masks", CONFIG)
  assert rows[0].name == "osnet_x0_25_cosam45_ta_n6_strided"
  assert [row.name for row in rows] == [
    "_".join(filter(None, (rows[0].name, form))) for form in MASK_FORMS
  ]
  base = {**rows[0].fields}
  for row, changed in zip(rows, FORMS.values(), strict=True):
    assert row.fields == base | changed
    assert f"--config.init.mask_start={row.fields['init.mask_start']}" in row.flags
