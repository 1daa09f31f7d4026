"""A page has the run's own pictures of masks, and leaves out what is none."""

import os

from PIL import Image

from cosam_jax.reports import page


def test_a_page_shows_the_runs_own_pictures_that_can_be_read(tmp_path, capsys):
  masks, folder = tmp_path / "masks", tmp_path / "page"
  masks.mkdir()
  folder.mkdir()
  names = ("overview.png", "01_t1_clip2_cosam_4_5.png", "mine.png")
  for name in names:
    Image.new("RGB", (4, 6), (9, 8, 7)).save(masks / name)
  os.mkfifo(masks / "02_t2_clip1_cosam_4_5.png")
  (masks / "03_t3_clip1_cosam_4_5.png").write_bytes(b"x")
  found = page._masks(masks, folder)
  assert [entry["path"] for entry in found] == [f"masks/{name}" for name in names[:2]]
  assert [(entry["width"], entry["height"]) for entry in found] == [(4, 6)] * 2
  assert capsys.readouterr().out.count("the page leaves out") == 2
