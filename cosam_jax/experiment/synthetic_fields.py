"""The fields that only a configuration of the drawn data set has: how it is drawn."""

from cosam_jax.experiment.field_kinds import TRAINING, Field

SYNTHETIC_SCHEMA: dict[str, Field] = {
  "synthetic.identities_train": Field(int, 24, TRAINING, "People to train on.", least=2, most=4999),
  "synthetic.identities_test": Field(int, 16, TRAINING, "People to test on.", least=2, most=4999),
  "synthetic.cameras": Field(int, 3, TRAINING, "Number of cameras.", least=2, most=9),
  "synthetic.tracklets_per_camera": Field(int, 2, TRAINING,
    "Tracklets of each person under each camera.", least=2, most=99),
  "synthetic.frames": Field(tuple, (12, 24), TRAINING,
    "Fewest and most frames of a tracklet.", length=2, least=1, most=999),
  "synthetic.image_size": Field(tuple, (128, 64), TRAINING,
    "Height and width of the drawn frames in pixels.", length=2, least=32, most=2048),
  "synthetic.seed": Field(int, 0, TRAINING, "Seed of the drawing.", least=0, most=2**32 - 1),
  "synthetic.distractors": Field(int, 6, TRAINING,
    "Tracklets of people who match nobody.", least=0, most=9999),
  "synthetic.junk": Field(int, 4, TRAINING, "Tracklets without a person.", least=0, most=9999),
}  # fmt: skip
