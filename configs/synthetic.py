r"""The embedded default: drawn figures walking through cluttered streets; needs no data.

The figures are drawn once (about half a minute). Then a small network is trained and evaluated in a
few minutes on two CPU cores, in the same way as on real data. This shows whether the program works
and whether COSAM's masks find the figures; it shows nothing about real cameras.

  python -m cosam_jax.main --config=configs/synthetic.py --workdir=runs/synthetic
"""

from ml_collections import ConfigDict


def get_config():
  """The fields that this experiment decides; `cosam_jax/experiment/fields.py` has the others."""
  config = ConfigDict()
  config.preset = "published_code"  # Or "poster" (of the ICCV 2019 paper), taken literally.

  config.data = ConfigDict()
  config.data.name = "synthetic"
  config.data.dir = "data/synthetic"
  config.data.prepared_dir = ""
  config.data.validation_identities = 0
  config.data.single_tracklet = "error"

  config.synthetic = ConfigDict()
  config.synthetic.identities_train = 24
  config.synthetic.identities_test = 16
  config.synthetic.cameras = 3
  config.synthetic.tracklets_per_camera = 2
  config.synthetic.frames = (12, 24)
  config.synthetic.image_size = (128, 64)
  config.synthetic.seed = 0
  config.synthetic.distractors = 6
  config.synthetic.junk = 4

  config.clips = ConfigDict()
  config.clips.image_size = (128, 64)
  config.clips.num_frames = 4
  config.clips.selection = "sequential"

  config.model = ConfigDict()
  config.model.backbone = "resnet18"
  config.model.width = 0.25
  config.model.cosam_stages = (4, 5)
  config.model.temporal = "tp"

  config.init = ConfigDict()
  config.init.weights = ""

  config.loss = ConfigDict()
  config.loss.label_smoothing = 0.1
  config.loss.triplet_margin = 0.3
  config.loss.triplet_weight = 1.0  # The poster's lambda.

  config.optim = ConfigDict()
  config.optim.learning_rate = 1e-3
  config.optim.decay_every_epochs = 60
  config.optim.decay_factor = 0.1
  config.optim.weight_decay = 5e-4

  config.train = ConfigDict()
  config.train.epochs = 80
  config.train.identities_per_batch = 8
  config.train.instances = 4

  config.evaluation = ConfigDict()
  config.evaluation.gallery = "reference"  # The poster's: queries taken out of the gallery.
  config.evaluation.before_training = True
  config.evaluation.rerank = False
  return config
