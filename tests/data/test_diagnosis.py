"""A diagnosis as it is printed: the worst first, with names and advice, and a tally."""

from cosam_jax.data.diagnosis import ERROR, NOTE, WARNING, Diagnosis, Finding

FINDINGS = (
  Finding(ERROR, "2 frames cannot be read", "repair them", ("a.jpg", "b\n.jpg")),
  Finding(WARNING, "short tracklets", "leave them out"),
  Finding(WARNING, "twins", "look at them"),
  Finding(NOTE, "one camera", "know it"),
)


def test_findings_as_text():
  diagnosis = Diagnosis("mars", ("train: 4 tracklets",), FINDINGS)
  assert diagnosis.render().splitlines() == [
    "data set mars",
    "  train: 4 tracklets",
    "error: 2 frames cannot be read",
    "    a.jpg",
    "    b\\n.jpg",
    "  -> repair them",
    "warning: short tracklets",
    "  -> leave them out",
    "warning: twins",
    "  -> look at them",
    "note: one camera",
    "  -> know it",
    "found 1 error, 2 warnings, 1 note",
  ]
  assert [serious for _, serious in diagnosis.blocks()] == [False, True, True, True, False, False]
  assert diagnosis.errors == FINDINGS[:1]


def test_nothing_found():
  diagnosis = Diagnosis("mars", (), FINDINGS[:0])
  assert diagnosis.render() == "data set mars\nnothing found: the data set is ready"
