"""Commands that cannot work are refused in one line, before anything is done."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from answers import MARS, MINI, ROOT, Answer, command, only_line
from evaluation_embeddings import made
from forks import FORKS

from cosam_jax.evaluation.embeddings import write_embeddings
from cosam_jax.evaluation.origin import Origin
from cosam_jax.experiment import configurations
from cosam_jax.experiment.config import plain, resolve

WORKDIR = "--workdir=never_made"

FILES = {
  "broken.py": "def get_config(:\n",
  "empty.py": "",
  "fails.py": "import no_such_module_anywhere\n",
  "dictionary.py": "def get_config():\n  return {'seed': 0}\n",
  "partial.py": (
    "from ml_collections import ConfigDict\ndef get_config():\n  return ConfigDict({'seed': 0})\n"
  ),
  "mars.py": "raise SystemError\n",
}

# name -> (arguments, words of the sentence)
REFUSALS = {
  "misspelt field": (
    [MARS, WORKDIR, "--config.model.temporl=ta"],
    ["config.model.temporl is not a field", "did you mean 'model.temporal'?"],
  ),
  "misspelt field before the file": (
    ["--config.model.temporl=ta", MARS, WORKDIR],
    ["config.model.temporl is not a field", "did you mean 'model.temporal'?"],
  ),
  "a group": (
    [MARS, WORKDIR, "--config.model=ta"],
    ["config.model is not a field", "--helpfull"],
  ),
  "a field of another data set": (
    [MARS, WORKDIR, "--config.synthetic.cameras=3"],
    ["mars.py'", "'synthetic'", "every field that is set on the command line"],
  ),
  "a field without a file": (["--config.seed=3", WORKDIR], ["--config.seed=3", "--config is"]),
  "no integer": (
    [MARS, WORKDIR, "--config.train.epochs=many"],
    ["config.train.epochs is 'many': it must be an integer at least 1"],
  ),
  "no integer, in two words": (
    [MARS, WORKDIR, "--config.train.epochs", "1.5"],
    ["config.train.epochs is '1.5': it must be an integer at least 1"],
  ),
  "no number": (
    [MARS, WORKDIR, "--config.optim.learning_rate=a: b"],
    ["config.optim.learning_rate is 'a", "it must be a number greater than 0"],
  ),
  "neither true nor false": (
    [MARS, WORKDIR, "--config.model.neck=7"],
    ["config.model.neck is '7': it must be True or False"],
  ),
  "no tuple": (
    [MARS, WORKDIR, "--config.clips.image_size=(256,"],
    ["config.clips.image_size is '(256,': it must be a tuple of 2 integers at least 8"],
  ),
  "outside its set": (
    [MARS, WORKDIR, "--config.model.temporal=lstm"],
    ["config.model.temporal is 'lstm': it must be one of tp, ta, rnn"],
  ),
  "outside its bounds": (
    [MARS, WORKDIR, "--config.train.epochs=0"],
    ["config.train.epochs is 0: it must be an integer at least 1"],
  ),
  "above its bounds": (
    [MARS, WORKDIR, "--config.train.epochs=1000000000000000000000"],
    ["config.train.epochs is 1000000000000000000000: ", "at least 1 and at most 1000000"],
  ),
  "a number without end": (
    [MARS, WORKDIR, f"--config.train.instances={'9' * 5000}"],
    ["config.train.instances is '9999", " ... 9999", "an integer at least 2 and at most 1024"],
  ),
  "two fields": (
    [MARS, WORKDIR, "--num_frames=1"],
    ["config.clips.num_frames is 1", "at least 2, or config.model.cosam_stages empty"],
  ),
  "a warm-up beyond the end": (
    [MARS, WORKDIR, "--config.optim.warmup_epochs=9", "--config.train.epochs=8"],
    ["config.optim.warmup_epochs is 9", "config.train.epochs is 8", "at most 8"],
  ),
  "a warm-up beyond the end of what is only evaluated": (
    [MARS, WORKDIR, "--config.optim.warmup_epochs=801", "--mode=evaluate"],
    ["data directory data/mars does not exist (seen from ", "--data_dir"],
  ),
  "neither data nor weights": (
    [MINI, WORKDIR],
    [
      "../shared/data/mars_mini does not exist (seen from ",
      "your copy with --data_dir; and "
      "weights file ../shared/weights/resnet50_half.npz does not exist",
      "with --config.init.weights",
    ],
  ),
  "an ablation's text": ([MARS, WORKDIR, "--cosam=4;5"], ["--cosam is '4;5'", "none"]),
  "an ablation's set": (
    [MARS, WORKDIR, "--backbone=se_resnet_50"],
    ["config.model.backbone is 'se_resnet_50'", "did you mean 'se_resnet50'?"],
  ),
  "mode": (
    [MARS, WORKDIR, "--mode=evalute"],
    ["--mode is 'evalute': it must be one of train,", "did you mean 'evaluate'?"],
  ),
  "misspelt flag": (
    [MARS, "--worcdir=x"],
    ["--worcdir is not an option", "did you mean '--workdir'?"],
  ),
  "flag without value": ([MARS, "--workdir"], ["workdir"]),
  "stray": ([MARS, WORKDIR, "stray"], ["'stray' is not a flag", "--"]),
  "stray before flags": ([MARS, "stray", WORKDIR], ["'stray' is not a flag", "--"]),
  "no workdir": ([MARS], ["--workdir is missing"]),
  "a wrong value and no workdir": (
    [MARS, "--config.clips.selection=restrict"],
    [
      "config.clips.selection is 'restrict': it must be one of sequential",
      "; did you mean 'restricted'?; and --workdir is missing: give a directory",
    ],
  ),
  "a wrong value and a flag of another mode": (
    [MARS, WORKDIR, "--num_frames=0", "--point=1,2,3"],
    ["config.clips.num_frames is 0", "; and --point is for --mode=masks"],
  ),
  "the mode and a folder that is no run": (
    ["--mode=evaluate", "--workdir=empty"],
    ["--config is missing", "and empty is not one: ", "give these flags again"],
  ),
  "a folder that was made with flags": (
    ["--mode=masks", "--workdir=given"],
    [
      "given is not a run",
      "embeddings.npz there was made with flags",
      "again: --config=mars --config.init.weights=w.pth",
    ],
  ),
  "a file of flags that is not there": (
    ["--flagfile=nowhere", MARS],
    ["--flagfile cannot be used: Unable to open", "'nowhere'"],
  ),
  "no workdir to evaluate": ([MARS, "--mode=evaluate"], ["--workdir is missing"]),
  "no workdir to embed": ([MARS, "--mode=embed"], ["--workdir is missing"]),
  "embeddings to train on": (
    [MARS, "--embeddings=e.npz"],
    ["--mode=evaluate and", "is train"],
  ),
  "no embeddings": (["--mode=evaluate", "--embeddings=e.npz"], ["e.npz cannot be read", "embed"]),
  "embeddings and half a configuration": (
    ["--mode=evaluate", "--embeddings=e.npz", "--temporal=ta"],
    ["--temporal changes a configuration", "--config"],
  ),
  "an unknown protocol": (
    [MARS, WORKDIR, "--protocol=oficial"],
    ["protocol is 'oficial'", "official_4f", "did you mean 'official'?"],
  ),
  "a protocol said twice": (
    [MARS, WORKDIR, "--protocol=official", "--config.evaluation.frames=4"],
    ["--config.evaluation.frames=4 and --protocol set the same field"],
  ),
  "sensitivity of nothing": (["--mode=sensitivity"], ["--embeddings is missing", "--mode=embed"]),
  "frames that are no numbers": (
    ["--mode=sensitivity", "--embeddings=e.npz", "--first_frames=4,all"],
    ["--first_frames is '4,all'", "whole numbers"],
  ),
  "a configuration that nobody reads": (
    [MARS, "--mode=sensitivity", "--embeddings=e.npz"],
    ["reads no configuration", "leave --config out"],
  ),
  "attributes without annotations": (
    [MARS, WORKDIR, "--mode=evaluate", "--attribute=hat=yes"],
    ["config.evaluation.attributes is 'hat=yes'", "--attributes_file"],
  ),
  "other embeddings than are there": (
    ["--mode=compare", "a.npz", "b.npz"],
    ["a.npz does not exist", "results.json"],
  ),
  "a protocol of sensitivity": (
    ["--mode=sensitivity", "--embeddings=e.npz", "--protocol=official"],
    ["--protocol is not for --mode=sensitivity"],
  ),
  "nothing to compare": (["--mode=compare"], ["needs two sides and got 0", "results.json"]),
  "one side": (["--mode=compare", "a.json"], ["needs two sides and got 1"]),
  "patterns without quotes": (["--mode=compare", *"abc"], ["got 3", "with quotes"]),
  "results that are missing": (["--mode=compare", "a.json", "b"], ["a.json does not exist"]),
  "few draws": (["--mode=compare", "a", "b", "--resamples=1"], ["--resamples is '1'", "100"]),
  "mixing where nothing is compared": (
    [MARS, WORKDIR, "--allow_mixed_protocols"],
    ["--allow_mixed_protocols is for --mode=compare"],
  ),
  "a sweep that is none": (
    [MARS, WORKDIR, "--sweep=postions"],
    ["--sweep is 'postions'", "<positions|temporal|"],
  ),
  "a sweep's flag without a sweep": (
    [MARS, WORKDIR, "--seeds=0,1"],
    ["--seeds belongs to --sweep", "give one of positions"],
  ),
  "a sweep that does not train": (
    [MARS, WORKDIR, "--sweep=all", "--mode=evaluate"],
    ["--sweep trains and evaluates", "--mode=evaluate"],
  ),
  "a sweep without a place": ([MARS, "--sweep=all"], ["--workdir is missing"]),
  "a sweep with a row's flag": (
    [MARS, WORKDIR, "--sweep=all", "--temporal=ta"],
    ["--temporal is set", "rows of --sweep decide"],
  ),
  "a sweep's row that is none": (
    [MARS, WORKDIR, "--sweep=positions", "--sweep_row=12"],
    ["--sweep_row is 12", "12 runs, numbered from 0 to 11"],
  ),
  "seeds that are none": ([MARS, WORKDIR, "--sweep=all", "--seeds=a"], ["--seeds is 'a'"]),
  "tables of nothing": (["--mode=tables", WORKDIR], ["never_made is not a folder"]),
  "tables without a place": (["--mode=tables"], ["--workdir is missing", "sweep"]),
  "no config": ([WORKDIR], ["--config is missing", "configs/synthetic.py"]),
  "nothing at all": ([], ["--config is missing"]),
  "empty config": (["--config=", WORKDIR], ["--config is ''", "no such file"]),
  "missing file": (["--config=mras.py", WORKDIR], ["'mras.py'", "did you mean 'mars.py'?"]),
  "missing file and a field": (["--config=mras.py", "--config.seed=1"], ["'mras.py'", "no such"]),
  "a folder for a file": (["--config=.", WORKDIR], ["--config is '.'", "it is a folder"]),
  "a file with a slip": (["--config=broken.py", WORKDIR], ["'broken.py'", "SyntaxError", "line 1"]),
  "a file without get_config": (["--config=empty.py", WORKDIR], ["'empty.py'", "get_config"]),
  "a file that fails": (["--config=fails.py", WORKDIR], ["'fails.py'", "no_such_module_anywhere"]),
  "a file of another kind": (["--config=dictionary.py", WORKDIR], ["dict", "ConfigDict"]),
  "a file with a little": (["--config=partial.py", WORKDIR], ["data/mars", "does not exist"]),
  "a field that a file lacks": (["--config=partial.py", "--temporal=ta"], ["--workdir is missing"]),
  "a flag for what a file lacks": (
    ["--config=partial.py", WORKDIR, "--temporal=ta"],
    ["data/mars", "does not exist"],
  ),
}


def made_with_flags(folder: pathlib.Path) -> None:
  """Writes embeddings by the weights of a file."""
  config = configurations.read(configurations.folder() / "mars.py")
  config.init.weights = "w.pth"
  origin = Origin("mars", checkpoint="w.pth", config=plain(resolve(config)))
  write_embeddings(folder / "embeddings.npz", made(origin=origin))


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, Answer]:
  """The answers to all refused commands, by name."""
  folder = tmp_path_factory.mktemp("commands")
  for name, text in FILES.items():
    (folder / name).write_text(text)
  (folder / "empty").mkdir()
  made_with_flags(folder / "given")
  arguments = json.dumps([arguments for arguments, _ in REFUSALS.values()])
  environment = os.environ | {"PYTHONPATH": str(ROOT)}
  subprocess.run(
    [sys.executable, "-c", FORKS, arguments], cwd=folder, env=environment, check=True, timeout=120
  )
  assert not (folder / "never_made").exists(), "nothing is done before everything is checked"

  def read(i: int) -> Answer:
    out, errors, status = (
      (folder / f"{i}.{kind}").read_text() for kind in ("out", "err", "status")
    )
    return Answer(int(status), out, errors)

  return {name: read(i) for i, name in enumerate(REFUSALS)}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_work_is_one_sentence(answers, name):
  sentence = only_line(answers[name])
  assert answers[name].out == ""
  for words in REFUSALS[name][1]:
    assert words in sentence


def test_a_real_process_refuses_in_the_same_words(answers):
  answer = command(*REFUSALS["misspelt field"][0])
  assert only_line(answer) == only_line(answers["misspelt field"])
  assert answer.status == 2
