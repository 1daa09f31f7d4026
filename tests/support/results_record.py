"""A made-up result as it stands in results.json."""

RECORD = {
  "label": "",
  "card": {
    "dataset": "mars",
    "protocol": "reference",
    "split": None,
    "gallery_size": 9330,
    "queries_in_gallery": 0,
    "distractors": 3248,
    "junk": 0,
    "queries": 1980,
    "valid_queries": 1840,
    "not_counted": {
      "identity not in the gallery": 14,
      "identity seen by the query's camera only": 126,
    },
    "frames": "all",
    "frames_used": 681089,
    "num_frames": 4,
    "tail": "cyclic",
    "distance": "sqeuclidean",
    "reranking": None,
    "checkpoint": "abc",
  },
  "metrics": {
    "mAP": 0.798761,
    "Rank-1": 0.849,
    "Rank-5": 0.955,
    "Rank-10": 0.97,
    "Rank-20": 1.0,
    "mINP": 0.5,
  },
  "cmc": [0.849, 0.9],
  "queries": {"name": ['a "b" [', "c"], "average_precision": [0.5, None]},
}
