"""The backbones, one file for each family."""
