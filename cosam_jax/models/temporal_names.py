"""The names of the temporal heads and the stride that each asks for; they are in `temporal`."""

TEMPORAL_HEADS = ("tp", "ta", "rnn", "ap")
"""Average, attention, LSTM, attention pooling: every name that `ReidNet.temporal` takes."""


def stage5_stride(temporal: str, asked: int | None = None) -> int:
  """The stride of stage 5: `asked`, or the head's own if that is None or 0.

  The published code has 2 for TA, and 1 for TP and RNN.
  """
  return asked or (2 if temporal == "ta" else 1)
