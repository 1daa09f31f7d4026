"""COSAM, the co-segmentation activation module for video-based person re-identification."""

__version__ = "0.1.0"
