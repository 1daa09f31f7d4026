r"""COSAM on PRID2011: SE-ResNet-50, COSAM4,5, TP; one of ten random splits.

Not on the poster, but the usual small companion of iLIDS-VID: 178 identities seen by both cameras
with more than 27 frames, 89 to train and 89 to test. The splits come from `split_seed`.

  for split in 0 1 2 3 4 5 6 7 8 9; do
    python -m cosam_jax.main --config=configs/prid2011.py --data_dir=data/prid_2011 \
      --config.data.split=$split --workdir=runs/prid2011/$split
  done

800 epochs of 11 steps. Not yet run to the end by us.
"""

from ml_collections import ConfigDict


def get_config():
  config = ConfigDict()
  config.preset = "published_code"  # Or "poster": the text and equations taken literally.
  config.seed = 0

  config.data = ConfigDict()
  config.data.name = "prid2011"
  config.data.dir = "data/prid_2011"
  config.data.source = "directory"  # Or "prepared", after --mode=prepare.
  config.data.prepared_dir = "data/prepared"
  config.data.split = 0
  config.data.split_seed = 0
  config.data.check_files = True
  config.data.validation_identities = 0
  config.data.on_unreadable = "error"
  config.data.retry_seconds = 300
  config.data.follow_links = False
  config.data.single_tracklet = "error"  # Everybody has two.

  config.clips = ConfigDict()
  config.clips.image_size = (256, 128)
  config.clips.num_frames = 4
  config.clips.selection = "sequential"
  config.clips.sequential_start = "preset"
  config.clips.augment_per = "frame"

  config.model = ConfigDict()
  config.model.backbone = "se_resnet50"
  config.model.width = 1.0
  config.model.cosam_stages = (4, 5)
  config.model.temporal = "tp"
  config.model.last_stride = 0  # 2 for ta, 1 for tp and rnn.
  config.model.stride_in = "family"
  config.model.pool = "family"
  config.model.cost_volume = "factored"
  config.model.ncc = "preset"
  config.model.summary = "preset"
  config.model.channel_gate = "preset"
  config.model.score_relu = True
  config.model.neck = False
  config.model.dtype = "float32"
  config.model.remat = False

  config.init = ConfigDict()
  config.init.weights = "imagenet"
  config.init.mask_start = 0.5  # As published.

  config.loss = ConfigDict()
  config.loss.cross_entropy = "preset"
  config.loss.label_smoothing = 0.1
  config.loss.triplet_margin = 0.3
  config.loss.triplet_weight = 1.0  # The poster's lambda.

  config.optim = ConfigDict()
  config.optim.learning_rate = 3e-4  # 1e-4 is advised for the RNN head.
  config.optim.decay_every_epochs = 200
  config.optim.decay_factor = 0.1
  config.optim.weight_decay = 5e-4
  config.optim.weight_decay_form = "coupled"
  config.optim.clip_norm = 0.0

  config.train = ConfigDict()
  config.train.epochs = 800
  config.train.identities_per_batch = 8
  config.train.instances = 4
  config.train.accumulate = 1
  config.train.log_every_steps = 20
  config.train.health_every_steps = 500
  config.train.checkpoint_every_epochs = 10
  config.train.keep_checkpoints = 2
  config.train.validate_every_epochs = 0

  config.evaluation = ConfigDict()
  config.evaluation.gallery = "reference"  # The poster's: queries taken out of the gallery.
  config.evaluation.frames = 0  # All.
  config.evaluation.batch_clips = 32
  config.evaluation.checkpoint = "last"
  config.evaluation.before_training = False
  config.evaluation.resample = False
  config.evaluation.distance = "sqeuclidean"
  config.evaluation.rerank = True
  config.evaluation.rerank_k1 = 20
  config.evaluation.rerank_k2 = 6
  config.evaluation.rerank_lambda = 0.3
  config.evaluation.attributes_file = ""
  config.evaluation.attributes = ""

  config.report = ConfigDict()
  config.report.write = True
  config.report.tensorboard = False
  config.report.worst = 4  # Queries to show, with what they found.
  config.report.best = 2
  config.report.random = 2
  config.report.queries = ""  # Or names of tracklets, separated by commas.
  return config
