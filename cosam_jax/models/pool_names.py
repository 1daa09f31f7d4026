"""The names of the pools over the grid; the pools themselves are in `spatial_pool`."""

SPATIAL_POOLS = ("average", "max", "generalised_mean")
"""Every value that `ReidNet.spatial_pool` takes."""
