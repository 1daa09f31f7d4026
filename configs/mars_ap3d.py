r"""COSAM on MARS in AP3D's recipe: every eighth frame, the norm behind the mean over frames.

It differs from configs/mars_strong.py in the frames of a clip, in the neck's place, in having no
erasing, and in its length. A plain ResNet-50 is reported at mAP 83.4 and Rank-1 88.9 in it, AP3D's
module at 85 to 86, under the protocol `official`. Nobody has published COSAM in it.

  python -m cosam_jax.main --config=configs/mars_ap3d.py --data_dir=data/mars \
    --workdir=runs/mars_ap3d

240 epochs, 289 steps each. Not run to the end by us: MARS must be asked for from its authors.
Source: Gu et al., Appearance-Preserving 3D Convolution for Video-based Person Re-identification,
ECCV 2020, and its program; docs/recipes.md compares the recipes.
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
  config.clips.selection = "strided"
  config.clips.stride = 8
  config.clips.resize = "bicubic"
  config.clips.crop = "none"
  config.clips.augment_per = "clip"  # One flip for all frames.

  config.model = ConfigDict()
  config.model.backbone = "resnet50"
  config.model.cosam_stages = (4, 5)
  config.model.temporal = "tp"
  config.model.last_stride = 1
  config.model.spatial_pool = "max"
  config.model.neck = True
  config.model.neck_place = "clip"
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
  config.optim.milestones = (60, 120, 180)
  config.optim.decay_factor = 0.1
  config.optim.weight_decay = 5e-4

  config.train = ConfigDict()
  config.train.sampler = "every_tracklet"
  config.train.epochs = 240
  config.train.identities_per_batch = 8
  config.train.instances = 4

  config.evaluation = ConfigDict()
  config.evaluation.gallery = "official"  # Queries stay in the gallery, as in all of this line.
  config.evaluation.distance = "cosine"
  config.evaluation.rerank = False  # It is defined on squared Euclidean distances.
  return config
