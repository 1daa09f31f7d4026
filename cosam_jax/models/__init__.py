"""The network: backbone, COSAM, temporal heads. jax and flax.linen; never TensorFlow."""
