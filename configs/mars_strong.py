r"""COSAM on MARS in the recipe of today's ResNet-50 line, as SINet trains it.

The recipe of the ICCV 2019 paper (configs/mars.py) draws each identity once an epoch and takes
consecutive frames. This one covers every tracklet, takes one frame of each of T parts, pools the
maximum, normalises each frame's vector, and gives the result to both losses. Nobody has published
COSAM in it.

  python -m cosam_jax.main --config=configs/mars_strong.py --data_dir=data/mars \
    --workdir=runs/mars_strong

160 epochs, 289 steps each. Not run to the end by us: MARS must be asked for from its authors.
Source: Bai et al., Salient-to-Broad Transition for Video Person Re-identification, CVPR 2022, and
its program; docs/recipes.md compares the recipes.
"""

from ml_collections import ConfigDict


def get_config():
  """The fields that this experiment decides; `cosam_jax/experiment/fields.py` has the others."""
  config = ConfigDict()
  config.preset = "published_code"

  config.data = ConfigDict()
  config.data.name = "mars"
  config.data.dir = "data/mars"
  config.data.single_tracklet = "repeat"  # One of the 625 identities has a single tracklet.

  config.clips = ConfigDict()
  config.clips.image_size = (256, 128)
  config.clips.num_frames = 4
  config.clips.selection = "restricted"
  config.clips.resize = "bicubic"
  config.clips.crop = "none"
  config.clips.augment_per = "clip"  # One flip for all frames.
  config.clips.erase = 0.5
  config.clips.erase_per = "frame"

  config.model = ConfigDict()
  config.model.backbone = "resnet50"
  config.model.cosam_stages = (4, 5)
  config.model.temporal = "tp"
  config.model.last_stride = 1
  config.model.spatial_pool = "max"
  config.model.neck = True
  config.model.neck_place = "frame"
  config.model.neck_losses = "both"
  config.model.neck_deviation = 0.02
  config.model.embedding = "after_neck"
  config.model.classifier_deviation = 0.001

  config.init = ConfigDict()
  config.init.weights = "imagenet"

  config.loss = ConfigDict()
  config.loss.cross_entropy = "plain"
  config.loss.triplet_distance = "cosine"
  config.loss.triplet_margin = 0.3
  config.loss.triplet_weight = 1.0

  config.optim = ConfigDict()
  config.optim.learning_rate = 3e-4
  config.optim.schedule = "milestones"
  config.optim.milestones = (40, 80, 120)
  config.optim.decay_factor = 0.1
  config.optim.weight_decay = 5e-4

  config.train = ConfigDict()
  config.train.sampler = "every_tracklet"
  config.train.epochs = 160
  config.train.identities_per_batch = 8
  config.train.instances = 4

  config.evaluation = ConfigDict()
  config.evaluation.gallery = "official"  # Queries stay in the gallery, as in all of this line.
  config.evaluation.distance = "cosine"
  config.evaluation.rerank = False  # It is defined on squared Euclidean distances.
  return config
