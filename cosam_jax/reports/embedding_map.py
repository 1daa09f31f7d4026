"""A picture of embeddings in the plane, which shows whether a person's tracklets lie together.

Notation: `n` tracklets, `m` pictured ones, `D` embedding size.
"""

import pathlib

import numpy as np

from cosam_jax.data.identities import JUNK, PLAIN, Numbering
from cosam_jax.reports.charts import Chart, draw_chart, light, mark

PEOPLE = 10
"""Number of people in colours; the others are grey."""
MOST_OTHERS = 300
# Colours of middle lightness, visible on light and on dark paper; numbers distinguish people too.
_HUES = ("#3b82c4", "#d9772b", "#2f9e6e", "#c8507a", "#8a6fd1", "#9a8436", "#2b9fb0", "#b3614a",
         "#6a8f2f", "#8b7f86")  # fmt: skip
_SHAPES = "osD^vPX<>h"


def choose_rows(identities: np.ndarray, numbering: Numbering = PLAIN) -> np.ndarray:
  """int64[m], all tracklets of the people who have most, and an even share of the others.

  Args:
    identities: int32[n].
    numbering: says which of them are distractors or junk, nobody in particular.
  """
  people = _people(identities, numbering)
  others = np.flatnonzero(~np.isin(identities, people) & (identities != JUNK))
  if len(others) > MOST_OTHERS:
    others = others[np.linspace(0, len(others) - 1, MOST_OTHERS).round().astype(int)]
  return np.sort(np.concatenate([np.flatnonzero(np.isin(identities, people)), others]))


def project(vectors: np.ndarray, seed: int = 0) -> tuple[np.ndarray, str]:
  """Places float[m, 2] of vectors [m, D], and the name of the method.

  The method is t-SNE by scikit-learn, or principal components if there are too few vectors for it.
  """
  centred = np.asarray(vectors, np.float64) - np.mean(vectors, axis=0)
  if len(vectors) >= 10 and np.ptp(centred, axis=0).max() > 0:
    # Imported late, since it takes a second to load and only this picture needs it.
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(vectors) - 1) / 4)
    model = TSNE(perplexity=perplexity, init="pca", random_state=seed, n_jobs=1)
    return model.fit_transform(centred.astype(np.float32)), f"t-SNE, perplexity {perplexity:g}"
  left, scale, _ = np.linalg.svd(centred, full_matrices=False)
  places = np.zeros((len(vectors), 2))
  width = min(2, len(scale))
  places[:, :width] = left[:, :width] * scale[:width]
  return places, "the two main principal components"


def embedding_chart(
  directory: pathlib.Path,
  vectors: np.ndarray,
  identities: np.ndarray,
  cameras: np.ndarray,
  names: np.ndarray,
  seed: int = 0,
  numbering: Numbering = PLAIN,
) -> Chart:
  """Draws the picture; the arrays have an entry for each of the m tracklets."""
  places, method = project(vectors, seed)
  people = _people(identities, numbering)
  near, pairs = _same_nearest(vectors, identities, numbering.people(identities))

  def plot(axes) -> None:
    others = ~np.isin(identities, people)
    axes.scatter(*places[others].T, s=7, color=light("faint"), alpha=0.45, linewidths=0)
    for number, person in enumerate(people):
      own = places[identities == person]
      colour = _HUES[number % len(_HUES)]
      axes.scatter(*own.T, s=24, color=colour, marker=_SHAPES[number % len(_SHAPES)], linewidths=0)
      # The number stands at the tracklet in the middle, not between two groups.
      middle = own[np.argmin(((own - np.median(own, axis=0)) ** 2).sum(axis=1))]
      axes.annotate(
        mark(numbering.identity(person)), middle, textcoords="offset points", xytext=(5, 4),
        fontsize=8.5, color=light("ink"),
      )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)

  description = (
    f"{len(names)} tracklets placed by their embeddings ({method}); {len(people)} people have a "
    f"colour, a shape and their number. For {near} of {pairs} tracklets of people with several, "
    "the nearest other tracklet in the full space is the same person's."
  )
  columns = {
    "tracklet": names.tolist(),
    "identity": [numbering.identity(number) for number in identities],
    "camera": [numbering.camera(number) for number in cameras],
    "x": [f"{value:.5g}" for value in places[:, 0]],
    "y": [f"{value:.5g}" for value in places[:, 1]],
  }
  title = "People who are near each other"
  return draw_chart(directory, "embeddings", title, description, columns, plot, size=(5.6, 4.4))


def _people(identities: np.ndarray, numbering: Numbering) -> np.ndarray:
  """The identities with most tracklets; among equals, the lower number comes first."""
  people, counts = np.unique(identities, return_counts=True)
  real = numbering.people(people)
  people, counts = people[real], counts[real]
  return np.sort(people[np.argsort(-counts, kind="stable")][:PEOPLE])


def _same_nearest(vectors: np.ndarray, identities: np.ndarray, real: np.ndarray) -> tuple[int, int]:
  """How many tracklets have one of the same person nearest, and how many could have."""
  vectors = np.asarray(vectors, np.float64)
  norms = (vectors**2).sum(axis=1)
  distance = norms[:, None] + norms - 2 * vectors @ vectors.T
  np.fill_diagonal(distance, np.inf)
  several = real & (_counts(identities) > 1)
  if not several.any():
    return 0, 0
  nearest = identities[np.argmin(distance, axis=1)]
  return int((nearest == identities)[several].sum()), int(several.sum())


def _counts(identities: np.ndarray) -> np.ndarray:
  _, inverse, counts = np.unique(identities, return_inverse=True, return_counts=True)
  return counts[inverse.reshape(-1)]
