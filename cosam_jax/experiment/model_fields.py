"""The fields of the network and of its initial weights, a part of `fields.SCHEMA`."""

from cosam_jax.experiment.field_kinds import NETWORK, SPEED, TRAINING, Field
from cosam_jax.experiment.field_kinds import choice as _choice
from cosam_jax.models.backbones.registry import BACKBONES, NORMS
from cosam_jax.models.cosam_names import DESCRIPTORS, SUMMARIES
from cosam_jax.models.neck_names import EMBEDDINGS, NECK_LOSSES, NECK_PLACES
from cosam_jax.models.pool_names import SPATIAL_POOLS
from cosam_jax.models.temporal_names import TEMPORAL_HEADS

MODEL_FIELDS: dict[str, Field] = {
  "model.backbone": _choice("se_resnet50", NETWORK, "Backbone network.", *BACKBONES),
  "model.width": Field(float, 1.0, NETWORK,
    "Channel multiplier of the backbone's stages.", above=0, most=8),
  "model.cosam_stages": Field(tuple, (4, 5), NETWORK,
    "Stages that COSAM follows.", least=2, most=5),
  "model.temporal": _choice("tp", NETWORK,
    "Temporal head: average, attention over grids, LSTM, attention pooling of vectors.",
    *TEMPORAL_HEADS),
  "model.last_stride": Field(int, 0, NETWORK,
    "Stride of stage 5; 0 takes 2 for ta and 1 for the other heads.", legal=(0, 1, 2)),
  "model.stride_in": _choice("family", NETWORK,
    "The convolution of a bottleneck that strides.", "family", "1x1", "3x3"),
  "model.pool": _choice("family", NETWORK,
    "Padding of the stem's pool.", "family", "padded", "ceil"),
  "model.cost_volume": _choice("factored", SPEED,
    "How COSAM evaluates its cost volume.", "factored", "explicit"),
  "model.ncc": _choice("preset", NETWORK,
    "Standard deviation in the correlation.", "unbiased", "population", preset=True),
  "model.summary": _choice("preset", NETWORK,
    "Network over the cost volume. order_free and position_free are ours: with them the order of "
    "frames, or also the place of a match, has no effect.", *SUMMARIES, preset=True),
  "model.channel_gate": _choice("preset", NETWORK,
    "The channel gate returns x + x*gate (residual) or x*gate (multiply).", "residual", "multiply",
    preset=True),
  "model.descriptors": _choice("stage", NETWORK,
    "What COSAM makes its descriptors of: the features that it masks (stage), or what their stage "
    "takes (below; ours).", *DESCRIPTORS, late=True),
  "model.score_relu": Field(bool, True, NETWORK, "A ReLU on TA's scores before the softmax."),
  "model.spatial_pool": _choice("average", NETWORK,
    "The pool over a frame's grid; the generalised mean has a learned power.", *SPATIAL_POOLS,
    late=True),
  "model.neck": Field(bool, False, NETWORK, "Batch normalisation before the classifier."),
  "model.neck_losses": _choice("classifier", NETWORK,
    "With a neck: the triplet loss compares features before it (classifier), or both losses take "
    "its output.", *NECK_LOSSES, late=True),
  "model.neck_place": _choice("clip", NETWORK,
    "With a neck: after the mean over frames (clip), or before it (frame).", *NECK_PLACES,
    late=True),
  "model.neck_bias": Field(bool, True, NETWORK, "With a neck: train its bias.", late=True),
  "model.neck_deviation": Field(float, 0.0, NETWORK,
    "With a neck: standard deviation, around 1, of its drawn scales.", least=0, most=1,
    late=True),
  "model.embedding": _choice("before_neck", NETWORK,
    "With a neck: the side of it whose features are ranked.", *EMBEDDINGS, late=True),
  "model.classifier_bias": Field(bool, True, NETWORK, "A bias in the classifier.",
    late=True),
  "model.classifier_deviation": Field(float, 0.0, NETWORK,
    "Standard deviation of the classifier's drawn weights; 0 for PyTorch's uniform ones.", least=0,
    most=1, late=True),
  "model.dtype": _choice("float32", TRAINING,
    "Compute precision; parameters stay float32.", "float32", "bfloat16", tested=True),
  "model.remat": Field(bool, False, SPEED,
    "Compute residual blocks again for the gradient: less memory, more time."),
  "model.norms": _choice("compiler", SPEED,
    "How training computes 1x1 convolutions and the norms beside them in a ResNet's bottlenecks: "
    "by the compiler, or fused in kernels for one NVIDIA GPU. IBN's half instance norms, and sizes "
    "that 16 does not divide, stay with the compiler.", *NORMS, late=True),
  "init.weights": Field(str, "imagenet", TRAINING,
    "Initial weights: empty (random), a name such as imagenet, a network on the Hub "
    "(hf:org/name@revision), or a file. For evaluations and vectors also a foreign network, an "
    "ONNX file with a JSON file of its name beside it.", path=True,
    resumable=True),
  "init.missing": _choice("error", TRAINING,
    "Whole parts of the backbone that the initial weights lack: refuse the file, or draw them and "
    "say so.", "error", "draw", late=True),
  "init.mask_start": Field(float, 0.5, TRAINING,
    "Start of COSAM's spatial masks, if no weights are given for them: 0.5 as published; near 1, "
    "features pass until masking pays.", least=0.01, most=0.99, before=0.5),
}  # fmt: skip
