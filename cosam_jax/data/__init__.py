"""Tracklets on disk -> tables of spans -> batches of clips. numpy and TensorFlow; never jax."""
