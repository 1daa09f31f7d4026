r"""COSAM on MARS: SE-ResNet-50, COSAM4,5, TP.

Subramaniam, Nambiar, Mittal: Co-segmentation Inspired Attention Networks for Video-based Person
Re-identification, ICCV 2019. This is the best row of the paper's poster: mAP 79.9, Rank-1 84.9
(re-ranked 87.4 and 86.9).

  python -m cosam_jax.main --config=configs/mars.py --data_dir=data/mars --workdir=runs/mars

800 epochs of 78 steps. Not yet run to the end by us: MARS must be asked for from its authors.
"""

from ml_collections import ConfigDict


def get_config():
  """The fields that this experiment decides; `cosam_jax/experiment/fields.py` has the others."""
  config = ConfigDict()
  config.preset = "published_code"  # Or "poster": the text and equations taken literally.

  config.data = ConfigDict()
  config.data.name = "mars"
  config.data.dir = "data/mars"
  config.data.validation_identities = 0  # The published recipe trains on all 625.
  config.data.single_tracklet = "repeat"  # One of the 625 has a single tracklet.

  config.clips = ConfigDict()
  config.clips.image_size = (256, 128)
  config.clips.num_frames = 4
  config.clips.selection = "sequential"

  config.model = ConfigDict()
  config.model.backbone = "se_resnet50"
  config.model.cosam_stages = (4, 5)
  config.model.temporal = "tp"

  config.init = ConfigDict()
  config.init.weights = "imagenet"

  config.loss = ConfigDict()
  config.loss.label_smoothing = 0.1
  config.loss.triplet_margin = 0.3
  config.loss.triplet_weight = 1.0  # The poster's lambda.

  config.optim = ConfigDict()
  config.optim.learning_rate = 3e-4  # 1e-4 is advised for the RNN head.
  config.optim.decay_every_epochs = 200
  config.optim.decay_factor = 0.1
  config.optim.weight_decay = 5e-4

  config.train = ConfigDict()
  config.train.epochs = 800
  config.train.identities_per_batch = 8
  config.train.instances = 4

  config.evaluation = ConfigDict()
  config.evaluation.gallery = "reference"  # The poster's: queries taken out of the gallery.
  config.evaluation.rerank = True
  return config
