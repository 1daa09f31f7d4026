"""The names of the temporal heads; the heads themselves are in `temporal`."""

TEMPORAL_HEADS = ("tp", "ta", "rnn")
"""Average, attention, LSTM: every name that `ReidNet.temporal` takes."""
