"""`--mode=publish`, and networks by name: from a run to a Hub on this machine, and back."""

import copy
import dataclasses
import json
import shutil

import calibrations
import calls
import hub_server
import numpy as np
import pytest
import saved_run as saved
from PIL import Image
from results_record import RECORD

import cosam_jax
from cosam_jax.commands import publish as mode
from cosam_jax.commands.export.formats import write_safetensors
from cosam_jax.commands.publish import publish
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import read_embeddings
from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.experiment.config import unflatten
from cosam_jax.experiment.decisions import network_facts
from cosam_jax.experiment.network import load_network, network_asked_for
from cosam_jax.models.exported_record import sha256_of
from cosam_jax.models.hub_files import fetched
from cosam_jax.models.hub_names import hub_name
from cosam_jax.reports.results import write_results

pytestmark = pytest.mark.usefixtures("hasty_compilation")
MINE = "---\nlicense: mit\n---\nmine\n"
FRAMES = np.random.default_rng(0).integers(0, 255, (3, 64, 32, 3), np.uint8)


@pytest.fixture
def hub(tmp_path, monkeypatch):
  with hub_server.running(tmp_path / "cache", monkeypatch) as server:
    yield server


@pytest.fixture(scope="module")
def network(saved_run, hasty_compilation):
  del hasty_compilation
  return load_network(saved_run)


@pytest.fixture(scope="module")
def made(saved_run, tmp_path_factory, hasty_compilation):
  """The folder of the saved run's network."""
  del hasty_compilation
  directory = tmp_path_factory.mktemp("published") / "out"
  publish(None, saved_run, directory, licence="mit")
  return directory


@pytest.fixture
def loaded(network, monkeypatch):
  """The network is not read again by each call."""
  monkeypatch.setattr(mode, "network_asked_for", lambda *_: network)
  return network


def test_the_folder_has_weights_configuration_and_card(made, network, saved_run):
  assert sorted(path.name for path in made.iterdir()) == [
    "README.md", "export.json", "model.safetensors", "publish_files.json",
  ]  # fmt: skip
  record = json.loads((made / "export.json").read_text())
  assert record["files"] == {"model.safetensors": sha256_of(made / "model.safetensors")}
  assert record["config"]["data.dir"] == ""
  assert record["weights"] == "step 3"
  text = (made / "README.md").read_text()
  assert text.startswith('---\nlicense: "mit"\n')
  assert "No evaluation of these weights" in text
  assert str(saved_run.parent) not in text + json.dumps(record)


def test_a_network_by_name_gives_the_runs_vectors_and_names_its_commit(made, network, hub):
  commit = hub.add_folder("org/name", made)
  wanted = cosam_jax.Embedder(network).embed(FRAMES)
  embedder = cosam_jax.Embedder.from_pretrained("org/name")
  assert embedder.network.model == network.model
  assert embedder.network.label == f"hf:org/name@{commit}"
  np.testing.assert_allclose(embedder.embed(FRAMES), wanted, rtol=1e-5, atol=1e-6)
  hub.stop()
  again = load_network(f"hf:org/name@{commit}")
  assert weights_hash(again.variables) == weights_hash(network.variables)
  with pytest.raises(InputError, match="could not be fetched"):
    cosam_jax.Embedder.from_pretrained("org/name", revision="v2")
  with pytest.raises(InputError, match="ends with @ and names no revision"):
    cosam_jax.Embedder.from_pretrained("org/name", revision="")
  with pytest.raises(InputError, match=r"is a folder here.*from_checkpoint loads it"):
    cosam_jax.Embedder.from_pretrained(str(made))
  with pytest.raises(InputError, match="give 'org/name', and revision="):
    cosam_jax.Embedder.from_pretrained("org/name@v1")


def test_numbers_and_calibration_come_with_the_name(loaded, hub, tmp_path, capsys):
  run, width = tmp_path / "run", loaded.variables["params"]["classifier"]["kernel"].shape[0]
  vectors = np.random.default_rng(0).standard_normal((2, width))
  calibrations.write(run / "calibration.json", network_facts(loaded))
  record = copy.deepcopy(RECORD)
  record["card"]["checkpoint_hash"] = weights_hash(loaded.variables)
  write_results(run / "results.json", [record], {"config": dict(loaded.flat), "step": 3})
  calls.run("publish", None, run, licence="mit")
  assert "protocol.json has the network's numbers" in capsys.readouterr().out
  text = (run / "published" / "README.md").read_text()
  assert "| as ranked | 79.88 |" in text
  assert "people     12 of mars (held out)" in text
  hub.add_folder("org/name", run / "published")
  embedder = cosam_jax.Embedder(loaded, calibration=run / "calibration.json")
  wanted = embedder.same_person(*vectors)
  assert cosam_jax.Embedder.from_pretrained("org/name").same_person(*vectors) == wanted


def test_it_is_uploaded_only_if_asked_for(made, loaded, hub, tmp_path, monkeypatch, capsys):
  out = tmp_path / "out"
  calls.run("publish", None, tmp_path, output=str(out), licence="MIT")
  assert hub.asked == []
  assert "nothing was uploaded" in capsys.readouterr().out
  monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
  calls.run("publish", None, tmp_path, output=str(out), licence="mit", push="org/name")
  commit = hub.repositories["org/name"].refs["main"]
  assert f"uploaded: hf:org/name@{commit}" in capsys.readouterr().out
  files = hub.repositories["org/name"].commits[commit]
  assert sorted(files) == [".gitattributes", "README.md", "export.json", "model.safetensors"]
  assert files["model.safetensors"] == (made / "model.safetensors").read_bytes()
  assert b'from_pretrained("org/name")' in files["README.md"]
  assert fetched(hub_name("hf:org/name")).label == f"hf:org/name@{commit}"


def test_a_card_that_somebody_edited_stays(loaded, tmp_path, capsys):
  out = tmp_path / "out"
  publish(None, tmp_path, out, licence="mit")
  (out / "README.md").write_text(MINE)
  publish(None, tmp_path, out, licence="mit")
  assert "README.md was edited, so it stays as it is" in capsys.readouterr().out
  assert (out / "README.md").read_text() == MINE
  assert not (out / "README.new.md").exists()
  (out / "README.md").unlink()
  publish(None, tmp_path, out, licence="apache-2.0")
  assert 'license: "apache-2.0"' in (out / "README.md").read_text()


def test_weights_that_were_given_are_not_said_to_be_trained(network, saved_run, tmp_path, capsys):
  theirs = tmp_path / "theirs.safetensors"
  write_safetensors(network, theirs)
  config = unflatten(network.flat)
  config.init.weights = str(theirs)
  workdir = tmp_path / "new"
  out = workdir / "published"
  publish(config, workdir, out, licence="mit")
  said = capsys.readouterr().out
  assert f"say in {out / 'README.md'} on whom they were trained" in said
  assert f"no results of these weights lie in {workdir}, so" in said
  record = json.loads((out / "export.json").read_text())
  text = (out / "README.md").read_text()
  assert record["trained"] is False
  assert f"(`theirs.safetensors`, hash `{record['weights_hash']}`) were not trained" in text
  assert "`train." not in text
  assert "`clips.image_size`" in text
  # A copy of the folder says the same, and a run's own weights are known by their record.
  publish(None, tmp_path, tmp_path / "copy", licence="mit", weights=str(out))
  assert (tmp_path / "copy" / "README.md").read_text() == text


def test_a_copy_that_is_not_whole_is_refused(made, network, tmp_path):
  copy_of = shutil.copytree(made, tmp_path / "copy")
  file = copy_of / "model.safetensors"
  content = bytearray(file.read_bytes())
  content[-1] ^= 1
  file.write_bytes(content)
  config = unflatten(network.flat)
  config.init.weights = str(file)
  for load in (
    lambda: load_network(copy_of), lambda: load_network(file),
    lambda: network_asked_for(config, tmp_path / "new"),
  ):  # fmt: skip
    with pytest.raises(InputError, match=r"model\.safetensors has SHA-256 .* export\.json beside"):
      load()
  for name in ("model.safetensors", "export.json"):
    copy_of = shutil.copytree(made, tmp_path / f"without {name}")
    (copy_of / name).unlink()
    with pytest.raises(InputError, match=rf"as its publish_files\.json says, and lacks {name}: "):
      load_network(copy_of)


def test_an_edited_card_of_other_facts_is_not_uploaded(loaded, hub, tmp_path, monkeypatch):
  out = tmp_path / "out"
  monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
  publish(None, tmp_path, out, licence="mit")
  (out / "README.md").write_text(MINE)
  monkeypatch.setattr(mode, "network_asked_for", lambda *_: dataclasses.replace(
    loaded, label="step 9",
  ))  # fmt: skip
  with pytest.raises(InputError, match=r"nothing was uploaded: bring .*README\.md up to date"):
    publish(None, tmp_path, out, licence="mit", push="org/name")
  assert hub.asked == []
  assert "Weights: step 9" in (out / "README.new.md").read_text()
  publish(None, tmp_path, out, licence="mit", push="org/name")  # Asked again, so it is meant.
  files = hub.repositories["org/name"].commits[hub.repositories["org/name"].refs["main"]]
  assert files["README.md"] == MINE.encode()
  assert "README.new.md" not in {*files, *(path.name for path in out.iterdir())}


@pytest.mark.parametrize(
  ("text", "words"),
  [
    ("mine", "was edited and states no licence, and --licence is mit: write `license: mit`"),
    ("---\nlicense: gpl-3.0\n---\nmine", "states the licence gpl-3.0, and --licence is mit"),
    ("---\nlicense: [\n---\nmine", "the lines between --- at its head cannot be read"),
  ],
)
def test_an_edited_card_must_state_the_licence(loaded, tmp_path, text, words):
  out = tmp_path / "out"
  publish(None, tmp_path, out, licence="mit")
  (out / "README.md").write_text(text)
  before = (out / "export.json").read_bytes()
  with pytest.raises(InputError) as raised:
    publish(None, tmp_path, out, licence="mit")
  assert words in str(raised.value)
  assert (out / "export.json").read_bytes() == before
  assert (out / "README.md").read_text() == text


def test_a_killed_calls_card_makes_room_and_a_link_does_not(loaded, tmp_path):
  out = tmp_path / "out"
  publish(None, tmp_path, out, licence="mit")
  (out / "export.json").unlink()  # It is removed first and written last.
  publish(None, tmp_path, out, licence="mit")
  (out / "README.md").unlink()
  (out / "README.md").symlink_to(tmp_path / "nowhere")
  with pytest.raises(InputError, match=r"README\.md is a link, and the model card goes there"):
    publish(None, tmp_path, out, licence="mit")


def test_a_licence_that_the_hub_may_not_know_is_warned_of(loaded, tmp_path, capsys):
  publish(None, tmp_path, tmp_path / "out", licence="apache2.0")
  said = (
    "apache2.0 is none of the licences known here, so the Hub may not know it; did you mean 'apa"
  )
  assert said in capsys.readouterr().out


def refused(words, out, **given):
  with pytest.raises(InputError) as raised:
    publish(None, **({"workdir": out.parent, "directory": out, "licence": "mit"} | given))
  assert words in str(raised.value)
  assert "\n" not in str(raised.value)
  assert not (out / "model.safetensors").exists()


def test_what_cannot_be_published_is_one_sentence(tmp_path):
  out = tmp_path / "out"
  refused("--licence is 'my own'", out, licence="my own")
  refused("--push is 'name', which cannot be a repository, since it lacks", out, push="name")
  refused("has no checkpoint", out)
  refused("does not exist", out, weights=str(tmp_path / "nowhere"))
  out.mkdir()
  (out / "README.md").write_text("mine")
  refused("README.md would be replaced, and this program did not write it", out)
  assert (out / "README.md").read_text() == "mine"


def test_a_network_without_a_configuration_cannot_be_published(network, tmp_path, monkeypatch):
  plain = dataclasses.replace(network, flat={}, label="plain.npz")
  monkeypatch.setattr(mode, "network_asked_for", lambda *_: plain)
  refused("the configuration of plain.npz is unknown", tmp_path / "out")


def test_weights_that_would_not_come_back_are_not_published(loaded, tmp_path, monkeypatch):
  monkeypatch.setattr(mode, "reads_back", lambda *_: False)
  refused("does not give the weights again", tmp_path / "out")


@pytest.mark.slow
def test_an_export_is_published_as_its_run_is(made, saved_run, tmp_path):
  calls.run("export", None, saved_run, output=str(tmp_path / "export"), format="torch")
  for number, where in enumerate(
    ({"workdir": tmp_path / "export"}, {"workdir": tmp_path, "weights": str(tmp_path / "export")})
  ):
    out = tmp_path / f"published{number}"
    calls.run("publish", None, output=str(out), licence="mit", **where)
    found = json.loads((out / "export.json").read_text())
    wanted = json.loads((made / "export.json").read_text())
    assert {**found, "weights": "step 3", "card": ""} == {**wanted, "card": ""}


@pytest.mark.slow
def test_the_commands_say_which_commit_made_their_vectors(made, hub, tmp_path, network, capsys):
  commit = hub.add_folder("org/name", made)
  (tmp_path / "people" / "anna").mkdir(parents=True)
  for i, frame in enumerate(FRAMES):
    Image.fromarray(frame).save(tmp_path / "people" / "anna" / f"{i}.png")
  place, people = tmp_path / "out", str(tmp_path / "people")
  calls.run("embed", None, place, input=people, weights="hf:org/name")
  found = read_embeddings(place / "own" / "people" / "embeddings.npz")
  assert found.origin.checkpoint == f"hf:org/name@{commit}"
  assert f"by hf:org/name@{commit}" in capsys.readouterr().out
  wanted = cosam_jax.Embedder(network).embed(FRAMES)
  np.testing.assert_allclose(found.vectors[0], wanted, rtol=1e-4, atol=1e-5)
  # A search needs no workdir; the same weights, so the vectors may be compared.
  path = str(place / "own" / "people" / "embeddings.npz")
  output = str(tmp_path / "found")
  calls.run("search", None, None, query=people, gallery=path, weights="hf:org/name", output=output)
  record = json.loads((tmp_path / "found" / "search.json").read_text())
  assert record["queries"][0]["results"][0]["distance"] < 1e-6
  calls.run("masks", None, place, input=people, weights="hf:org/name")
  assert (place / "masks_chosen" / "people").is_dir()


@pytest.mark.slow
def test_what_was_measured_comes_with_the_name(tiny_synthetic, hub, tmp_path):
  run = saved.evaluate(tmp_path / "run", tiny_synthetic)
  calls.run(
    "calibrate", saved.report_config(tiny_synthetic), run, people="training", fmr=["0.2"],
    resamples=100,
  )  # fmt: skip
  calls.run("publish", None, run, licence="mit")
  text = (run / "published" / "README.md").read_text()
  assert "| step 3 |" in text
  assert "people     6 of synthetic (training)" in text
  hub.add_folder("org/name", run / "published")
  vectors = read_embeddings(run / "people" / "training" / "embeddings.npz").vectors
  here = cosam_jax.Embedder.from_checkpoint(run).same_person(vectors[0], vectors[1])
  assert cosam_jax.Embedder.from_pretrained("org/name").same_person(vectors[0], vectors[1]) == here
