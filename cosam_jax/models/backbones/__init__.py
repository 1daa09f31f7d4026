"""Backbones: a file a family."""
