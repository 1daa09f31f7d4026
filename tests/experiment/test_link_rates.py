"""The calibration that links use: the one given, or one near the inputs that surely fits."""

import labelled
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation import link_calibration
from cosam_jax.evaluation.calibration import Wishes, calibrate
from cosam_jax.evaluation.embeddings import write_embeddings
from cosam_jax.evaluation.link_files import read_links
from cosam_jax.experiment.link_calibrating import calibrate_and_write_links
from cosam_jax.experiment.link_inputs import open_tracklets
from cosam_jax.experiment.link_rates import links_for
from cosam_jax.experiment.search_sides import Networks

pytestmark = pytest.mark.usefixtures("hasty_compilation")
QUICK = Wishes(fmr=(0.1,), rank=3, resamples=100)


def write(folder, people=12, width=6, **origin):
  """Writes linking.npz, or nothing; returns the sentence."""
  folder.mkdir(parents=True, exist_ok=True)
  made = labelled.embeddings(labelled.drawn(people=people, width=width), **origin)
  calibration = calibrate(made, "sqeuclidean", QUICK)
  return calibrate_and_write_links(made, calibration, folder, 100)


@pytest.fixture
def found(tmp_path):
  place = tmp_path / "run" / "own" / "gate"
  place.mkdir(parents=True)
  write_embeddings(place / "e.npz", labelled.embeddings())
  return open_tracklets([place / "e.npz"], Networks())


def test_it_is_found_in_the_run_of_the_vectors(found, tmp_path, capsys):
  assert links_for(found) is None
  sentence = write(tmp_path / "run")
  assert sentence.startswith("people linked in halves of 6: B-cubed precision")
  one, path = links_for(found)
  assert path == tmp_path / "run" / "linking.npz"
  assert one.data["identities"] == 12
  write(tmp_path / "other")
  assert links_for(found, workdir=tmp_path / "other")[1] == tmp_path / "other" / "linking.npz"
  assert capsys.readouterr().out == ""


def test_one_of_another_network_is_passed_over_or_refused(found, tmp_path, capsys):
  write(tmp_path / "run", vectors_hash="zz")
  assert links_for(found) is None
  assert "left out: " in (out := capsys.readouterr().out)
  assert "(it has other weights)" in out
  with pytest.raises(InputError, match="another network than that of"):
    links_for(found, given=tmp_path / "run" / "linking.npz")
  write(tmp_path / "run", width=5)
  with pytest.raises(InputError, match="vectors have 5 dimensions, and these 6"):
    links_for(found, given=tmp_path / "run" / "linking.npz")


def test_people_who_were_trained_on_are_warned_of(found, tmp_path, capsys):
  write(tmp_path / "run", learned=True)
  assert links_for(found) is not None
  assert "the network was trained on these people" in capsys.readouterr().out


def test_too_few_people_leave_no_file_of_earlier_ones(tmp_path):
  assert "were drawn for it" not in write(tmp_path)
  assert read_links(tmp_path / "linking.npz").space.centre.shape == (6,)
  sentence = write(tmp_path, people=5)
  assert sentence.startswith("no calibration for --mode=link: 5 people have")
  assert sentence.endswith(f"; the earlier {tmp_path / 'linking.npz'} is removed")
  assert not (tmp_path / "linking.npz").exists()
  assert np.sum([1 for _ in tmp_path.iterdir()]) == 0


def test_people_who_were_drawn_are_counted(tmp_path, monkeypatch):
  monkeypatch.setattr(link_calibration, "MOST_TRACKLETS", 60)
  sentence = write(tmp_path, people=24)
  used = read_links(tmp_path / "linking.npz").data["identities"]
  assert used < 24
  assert sentence.endswith(f"; {used} of 24 people were drawn for it")


def test_a_folder_stands_for_the_calibration_in_it(found, tmp_path):
  write(tmp_path / "run")
  assert links_for(found, given=tmp_path / "run")[1] == tmp_path / "run" / "linking.npz"
  with pytest.raises(InputError, match=r"and there is no linking\.npz: give the one that"):
    links_for(found, given=tmp_path)
  with pytest.raises(InputError, match=r"which does not exist: give what --mode=calibrate wrote"):
    links_for(found, given=tmp_path / "run" / "calibrations.json")
