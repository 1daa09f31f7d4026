r"""COSAM on mars8: 484 MARS identities, 8 small frames a tracklet, half an hour on a CPU.

304 identities to train on, 180 others with 469 queries to test: enough to tell two recipes apart.
Its queries are those that a weak network got wrong at rank 1, its frames are small and twice
compressed, so no number on it is comparable with a published one.

  python -m cosam_jax.main --config=configs/mars8.py --workdir=runs/mars8/cosam45 \
    --data_dir=../shared/data/mars8 --config.init.weights=../shared/weights/resnet50_half.npz

Neither data nor weights are in the repository or can be had from it: docs/data_sets.md.

16 epochs of 38 steps, about 1.2 s each on two quiet CPU cores. The recipe is that of the
ICCV 2019 paper but for the size of the frames, the rate and the length.

`--config=configs/mars8.py:strong` has the recipe of mars_strong.py, 5 epochs of 142 steps;
`:osnet` a small OSNet in the recipe of 2019; `:osnet,strong` both. OSNet's steps take about
0.6 s each. Its weights: --config.init.weights=../shared/weights/osnet_x0_25_msmt17.npz
"""

from ml_collections import ConfigDict

CHOICES = ("", "strong", "osnet", "osnet,strong")


def get_config(choice=""):
  """The fields that this experiment decides; `cosam_jax/experiment/fields.py` has the others."""
  if choice not in CHOICES:
    raise ValueError(f"{choice!r} is none of {', '.join(CHOICES[1:])}")
  config = _of_2019()
  if "strong" in choice:
    _strengthen(config)
  if "osnet" in choice:
    _use_osnet(config)
  return config


def _strengthen(config):
  """The recipe of mars_strong.py; 5 epochs of 142 steps."""
  config.clips.selection = "restricted"
  config.clips.resize = "bicubic"
  config.clips.crop = "none"
  config.clips.augment_per = "clip"
  config.clips.erase = 0.5
  config.clips.erase_per = "frame"
  config.model.last_stride = 1
  config.model.spatial_pool = "max"
  config.model.neck = True
  config.model.neck_place = "frame"
  config.model.neck_losses = "both"
  config.model.neck_deviation = 0.02
  config.model.embedding = "after_neck"
  config.model.classifier_deviation = 0.001
  config.loss.cross_entropy = "plain"
  config.loss.triplet_distance = "cosine"
  config.train.sampler = "every_tracklet"
  config.train.epochs = 5
  config.train.checkpoint_every_epochs = 1
  config.optim.decay_every_epochs = 4
  config.evaluation.distance = "cosine"


def _use_osnet(config):
  """OSNet x0.25 with weights of MSMT17."""
  config.model.backbone = "osnet_x0_25"
  config.model.width = 1.0
  config.model.stride_in = "family"
  config.model.pool = "family"
  config.model.last_stride = 0  # An OSNet's last stage has no stride to take away.
  config.init.weights = "../shared/weights/osnet_x0_25_msmt17.npz"
  config.optim.learning_rate = 3e-4


def _of_2019():
  config = ConfigDict()
  config.preset = "published_code"

  config.data = ConfigDict()
  config.data.name = "mars"
  config.data.dir = "../shared/data/mars8"  # Give your copy with --data_dir.
  config.data.validation_identities = 0
  config.data.single_tracklet = "repeat"

  config.clips = ConfigDict()
  config.clips.image_size = (128, 64)  # Frames have 116 x 52 pixels; more would cost four times.
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
  config.optim.learning_rate = 1e-4  # At the published 3e-4 all vectors fell into one point.
  config.optim.decay_every_epochs = 12
  config.optim.decay_factor = 0.1
  config.optim.weight_decay = 5e-4

  config.train = ConfigDict()
  config.train.epochs = 16
  config.train.identities_per_batch = 8
  config.train.instances = 4
  config.train.checkpoint_every_epochs = 2

  config.evaluation = ConfigDict()
  config.evaluation.gallery = "reference"
  config.evaluation.rerank = False
  return config
