"""Videos made for tests; of lossless ones every decoded pixel is known."""

import pathlib


def write(path: pathlib.Path, frames, options=None) -> pathlib.Path:
  """Writes uint8[f, H, W, 3] to a .mkv (FFV1), a .mov (PNG pictures) or a .mp4 file (with loss)."""
  import av

  codec, pixels = {
    ".mkv": ("ffv1", "bgr0"), ".mov": ("png", "rgb24"), ".mp4": ("mpeg4", "yuv420p")
  }[path.suffix]  # fmt: skip
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


def write_cut(path: pathlib.Path) -> pathlib.Path:
  """Writes a .mp4 file whose container names 40 frames, and cuts it in the middle."""
  import numpy as np

  write(path, [np.full((64, 64, 3), 6 * k, np.uint8) for k in range(40)], {"movflags": "faststart"})
  path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
  return path
