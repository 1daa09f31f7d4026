"""The neck's choices, pools and the AP head in the whole network, against its own parts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.models import ReidNet, from_torch, to_torch
from cosam_jax.models.interop import variable_shapes

pytestmark = pytest.mark.usefixtures("hasty_compilation")
CLIPS = np.random.default_rng(0).standard_normal((4, 3, 32, 16, 3)).astype(np.float32)
VALID = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 1, 1]], bool)


def small(**options):
  settings = {"num_frames": 3, "image_size": (32, 16), "num_classes": 5, "width": 0.125}
  return ReidNet("resnet18", **{"cosam_stages": (), **settings, **options})


def drawn(model, seed=1):
  rng = np.random.default_rng(seed)
  shapes = variable_shapes(model)
  return jax.tree.map(
    lambda leaf: (
      rng.uniform(0.2, 1.0, leaf.shape).astype(np.float32) * (0.3 if leaf.ndim > 1 else 1)
    ),
    shapes,
  )


def frame_vectors(model, variables):
  """float64[B, T, C], the average of each frame's last map."""
  stages = model.apply(variables, CLIPS, VALID, method="stage_outputs")
  return np.asarray(stages[5], np.float64).mean((2, 3))


def mean_of_valid(vectors):
  return np.stack([clip[valid].mean(0) for clip, valid in zip(vectors, VALID, strict=True)])


def normed(x, variables):
  norm = {**variables["params"]["neck_norm"], **variables["batch_stats"]["neck_norm"]}
  return (x - norm["mean"]) / np.sqrt(norm["var"] + 1e-5) * norm["scale"] + norm["bias"]


def scored(x, variables):
  classifier = variables["params"]["classifier"]
  return x @ classifier["kernel"] + classifier.get("bias", 0)


@pytest.mark.parametrize("place", ["clip", "frame"])
@pytest.mark.parametrize("losses", ["classifier", "both"])
@pytest.mark.parametrize("embedding", ["before_neck", "after_neck"])
def test_each_side_of_the_neck_goes_where_it_is_asked_for(place, losses, embedding):
  model = small(neck=True, neck_place=place, neck_losses=losses, embedding=embedding)
  variables = drawn(model)
  out = model.apply(variables, CLIPS, VALID)
  vectors = frame_vectors(model, variables)
  before = mean_of_valid(vectors)
  after = (
    normed(before, variables) if place == "clip" else mean_of_valid(normed(vectors, variables))
  )
  ranked, compared = (before, after)[embedding == "after_neck"], (before, after)[losses == "both"]
  np.testing.assert_allclose(out.features, ranked, rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(out.compared, compared, rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(out.logits, scored(after, variables), rtol=1e-4, atol=1e-4)


def test_a_frames_neck_learns_from_valid_frames_alone():
  model = small(neck=True, neck_place="frame")
  variables = drawn(model)
  _, updated = model.apply(variables, CLIPS, VALID, train=True, mutable=["batch_stats"])

  def vectors(clips):
    stages, _ = model.apply(
      variables, clips, VALID, True, method="_trunk", mutable=["batch_stats"]
    )[0]
    return np.asarray(stages[5], np.float64).mean((2, 3))

  values = vectors(CLIPS)[VALID]
  old = variables["batch_stats"]["neck_norm"]
  found = updated["batch_stats"]["neck_norm"]
  np.testing.assert_allclose(found["mean"], 0.9 * old["mean"] + 0.1 * values.mean(0), rtol=1e-4)
  wanted = 0.9 * old["var"] + 0.1 * values.var(0, ddof=1)
  np.testing.assert_allclose(found["var"], wanted, rtol=1e-4)


def test_a_frozen_bias_gets_no_gradient():
  for trained in (True, False):
    model = small(neck=True, neck_bias=trained, neck_losses="both")
    variables = drawn(model)

    def loss(params, model=model, variables=variables):
      out, _ = model.apply(
        {**variables, "params": params}, CLIPS, train=True, mutable=["batch_stats"]
      )
      return jnp.square(out.logits).sum() + out.compared.sum()

    gradient = jax.jit(jax.grad(loss))(variables["params"])["neck_norm"]
    assert bool(np.any(gradient["bias"])) is trained
    assert np.any(gradient["scale"])


def test_drawn_deviations():
  model = small(neck=True, neck_deviation=0.02, classifier_deviation=1e-3, num_classes=500)
  params = jax.jit(model.init)(jax.random.key(0), CLIPS[:1])["params"]
  scale, kernel = params["neck_norm"]["scale"], params["classifier"]["kernel"]
  assert abs(float(scale.mean()) - 1) < 0.02
  assert 0.01 < float(scale.std()) < 0.03
  assert 0.9e-3 < float(kernel.std()) < 1.1e-3
  assert abs(float(kernel.mean())) < 1e-4


@pytest.mark.parametrize("pool", ["max", "generalised_mean"])
def test_the_pool_makes_the_vectors(pool):
  model = small(spatial_pool=pool, classifier_bias=False)
  variables = drawn(model)
  assert "bias" not in variables["params"]["classifier"]
  stages = model.apply(variables, CLIPS, VALID, method="stage_outputs")
  grid = np.asarray(stages[5], np.float64)
  if pool == "max":
    vectors = grid.max((2, 3))
  else:
    power = float(variables["params"]["pool_grid"]["exponent"][0])
    vectors = (np.maximum(grid, 1e-6) ** power).mean((2, 3)) ** (1 / power)
  out = model.apply(variables, CLIPS, VALID)
  np.testing.assert_allclose(out.features, mean_of_valid(vectors), rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(out.logits, scored(out.features, variables), rtol=1e-4, atol=1e-5)
  state = to_torch(variables, model)
  assert ("pool.p" in state) is (pool == "generalised_mean")
  jax.tree.map(np.testing.assert_array_equal, from_torch(state, model), variables)


def test_attention_pooling_weighs_frames_by_a_softmax():
  model = small(temporal="ap", neck=True, neck_place="frame")
  variables = drawn(model)
  out = model.apply(variables, CLIPS, VALID)
  vectors, score = frame_vectors(model, variables), variables["params"]["head"]["score"]
  ranked, after = [], []
  for clip, valid in zip(vectors, VALID, strict=True):
    scores = np.array([float(vector @ score["kernel"][:, 0] + score["bias"][0]) for vector in clip])
    odds = np.exp(np.minimum(scores - scores[valid].max(), 0))
    weights = odds * valid / (odds * valid).sum()
    ranked.append((clip * weights[:, None]).sum(0))
    after.append((normed(clip, variables) * weights[:, None]).sum(0))
  np.testing.assert_allclose(out.features, ranked, rtol=1e-4)
  np.testing.assert_allclose(out.logits, scored(np.stack(after), variables), rtol=1e-4, atol=1e-4)
  np.testing.assert_allclose(out.frame_weights.sum(1), np.ones(4), rtol=1e-5)
  assert not out.frame_weights[~VALID].any()
  state = to_torch(variables, model)
  assert state["aggregation.score.weight"].shape == (1, vectors.shape[-1])
  jax.tree.map(np.testing.assert_array_equal, from_torch(state, model), variables)


@pytest.mark.parametrize(
  ("options", "message"),
  [
    ({"neck_losses": "all"}, "neck_losses is 'all': choose one of classifier, both"),
    ({"neck_place": "here"}, "neck_place is 'here': choose one of clip, frame"),
    ({"embedding": "both"}, "embedding is 'both': choose one of before_neck, after_neck"),
    (
      {"neck": True, "neck_place": "frame", "temporal": "rnn"},
      "neck_place is 'frame', which the rnn head cannot have",
    ),
  ],
)
def test_choices_that_do_not_exist_are_refused(options, message):
  with pytest.raises(InputError, match=message):
    variable_shapes(small(**options))
