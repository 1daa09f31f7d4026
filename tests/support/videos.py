"""Lossless videos made for tests: every decoded pixel is known."""

import pathlib


def write(path: pathlib.Path, frames, options=None) -> pathlib.Path:
  """Writes uint8[f, H, W, 3] to a .mkv file (FFV1) or a .mov file (PNG pictures)."""
  import av

  codec, pixels = ("ffv1", "bgr0") if path.suffix == ".mkv" else ("png", "rgb24")
  with av.open(str(path), "w", options=options or {}) as container:
    stream = container.add_stream(codec, rate=10)
    stream.height, stream.width = frames[0].shape[:2]
    stream.pix_fmt = pixels
    for image in frames:
      for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
        container.mux(packet)
    for packet in stream.encode():
      container.mux(packet)
  return path
