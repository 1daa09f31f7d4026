r"""COSAM on 24 real MARS identities from trained half-width weights: real video in minutes.

This shows that the whole path works on real frames and that training helps. The gallery is so small
that one query is worth several points of Rank-1, and training does not start from the weights with
which the poster of the ICCV 2019 paper on COSAM starts, so no number here is comparable with a
published one.

  python -m cosam_jax.main --config=configs/mars_mini.py --workdir=runs/mars_mini \
    --data_dir=../shared/data/mars_mini --config.init.weights=../shared/weights/resnet50_half.npz

Neither data nor weights are in the repository or can be had from it: docs/data_sets.md.
"""

from ml_collections import ConfigDict


def get_config():
  """The fields that this experiment decides; `cosam_jax/experiment/fields.py` has the others."""
  config = ConfigDict()
  config.preset = "published_code"  # Or "poster": the text and equations taken literally.

  config.data = ConfigDict()
  config.data.name = "mars"
  config.data.dir = "../shared/data/mars_mini"  # Give your copy with --data_dir.
  config.data.validation_identities = 0
  config.data.single_tracklet = "error"

  config.clips = ConfigDict()
  config.clips.image_size = (256, 128)
  config.clips.num_frames = 4
  config.clips.selection = "sequential"

  config.model = ConfigDict()
  config.model.backbone = "resnet50"
  config.model.width = 0.5
  config.model.cosam_stages = (4, 5)
  config.model.temporal = "tp"
  config.model.stride_in = "1x1"  # The weights were trained with the SE family's strides and pool.
  config.model.pool = "ceil"

  config.init = ConfigDict()
  config.init.weights = "../shared/weights/resnet50_half.npz"  # Yours: --config.init.weights.

  config.loss = ConfigDict()
  config.loss.label_smoothing = 0.1
  config.loss.triplet_margin = 0.3
  config.loss.triplet_weight = 1.0  # The poster's lambda.

  config.optim = ConfigDict()
  config.optim.learning_rate = 1e-4
  config.optim.decay_every_epochs = 15
  config.optim.decay_factor = 0.1
  config.optim.weight_decay = 5e-4

  config.train = ConfigDict()
  config.train.epochs = 20
  config.train.identities_per_batch = 4
  config.train.instances = 4
  config.train.log_every_steps = 5
  config.train.checkpoint_every_epochs = 5

  config.evaluation = ConfigDict()
  config.evaluation.gallery = "reference"  # 12 of the 18 queries have a match in it.
  config.evaluation.before_training = True
  config.evaluation.rerank = False  # There are fewer tracklets than neighbours.
  return config
