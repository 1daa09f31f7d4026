"""The names of the temporal heads; the heads themselves are in `temporal`."""

TEMPORAL_HEADS = ("tp", "ta", "rnn", "ap")
"""Average, attention, LSTM, attention pooling: every name that `ReidNet.temporal` takes."""
