"""The command as a person meets it: help, the printed configuration, the doctor."""

import re
import subprocess
import sys

import layouts
from answers import MARS, MINI, command, only_line

from cosam_jax.commands.config_flags import ABLATION_FLAGS, CONFIG_FLAGS
from cosam_jax.commands.flags import ROWS
from cosam_jax.commands.registry import MODES
from cosam_jax.experiment.fields import SCHEMA
from cosam_jax.experiment.synthetic_fields import SYNTHETIC_SCHEMA


def test_help_explains_every_flag_and_field():
  answer = command("--helpfull")
  assert (answer.status, command("--help").status) == (0, 0)
  text = " ".join(answer.out.split())
  for name, (field, _, meaning) in ABLATION_FLAGS.items():
    assert f"--{name}: {meaning} Overrides config.{field}." in text
    for value in SCHEMA[field].legal or ():
      assert re.search(rf"--{name}: [^.]*\b{value}\b", text), (name, value)
  for name, field in (SCHEMA | SYNTHETIC_SCHEMA).items():
    told = re.escape(f"--config.{name}: {field.help} ({field.allowed()}) (default: ")
    assert re.search(rf"{told}[^)]", text), name
  assert (
    "(an integer at least 1 and at most 1000000) (default: 800)" in text
  )  # train.epochs of mars.py.
  assert "--workdir: " in text
  # Help breaks long lines after a bar.
  assert f"--mode:<{'|'.join(MODES)}>" in text.replace(" ", "")


def test_the_console_scripts_short_help_has_our_flags():
  script = "import sys; sys.argv = ['cosam-jax', '--help']; from cosam_jax.main import run; run()"
  result = subprocess.run(
    [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
  )
  assert "python -m cosam_jax.main --config=configs/mars.py" in result.stdout
  for name in ("config", *ROWS, *CONFIG_FLAGS):
    assert re.search(rf"\n  --(\[no\])?{name}: ", result.stdout), name


def test_a_configuration_is_printed_with_the_origin_of_each_value(tmp_path):
  answer = command(MARS, "--mode=train", "--print_config", "--temporal=ta", "--config.seed=3")
  assert (answer.status, answer.errors) == (0, "")
  lines = {line.split()[0]: line.split() for line in answer.out.splitlines()}
  assert set(SCHEMA) <= set(lines)
  assert lines["model.temporal"][1:] == ["'ta'", "--temporal"]
  assert lines["seed"][1:] == ["3", "--config.seed"]
  assert lines["model.ncc"][1:] == ["'unbiased'", "preset", "published_code"]
  assert lines["train.epochs"][-1].endswith("mars.py")
  assert lines["report.worst"][1:] == ["4", "default"]
  refused = command(MARS, "--print_config", "--config.train.epochs=0")
  assert "config.train.epochs is 0" in only_line(refused)
  assert "--config is missing" in only_line(command("--print_config"))


def test_the_doctor_finds_a_sound_directory_sound(shared):
  answer = command(MINI, "--mode=doctor", f"--data_dir={shared / 'data' / 'mars_mini'}")
  assert answer.status == 0, answer.errors
  assert answer.errors == ""
  assert "16 identities" in answer.out
  assert "frames decoded: " in answer.out


def test_the_doctor_tells_of_damage_and_exits_accordingly(tmp_path):
  root = layouts.mars(tmp_path)
  victim = root / "bbox_train" / "0007" / "0007C1T0001F002.jpg"
  victim.write_bytes(victim.read_bytes()[:100])
  answer = command(MINI, "--mode=doctor", f"--data_dir={root}")
  assert answer.status == 2
  assert str(victim) in answer.out
  assert only_line(answer) == f"{root} has 1 error(s), listed above: repair them first"


def test_the_doctor_says_in_one_sentence_that_there_is_nothing_to_examine(tmp_path):
  answer = command(MINI, "--mode=doctor", f"--data_dir={tmp_path / 'nowhere'}")
  assert f"data directory {tmp_path / 'nowhere'} does not exist" in only_line(answer)
  assert answer.out == ""
