"""`--sweep` refuses what none of its runs could do, before the first of them."""

import calls
import pytest
import tiny

from cosam_jax.commands.sweep.plan import plan
from cosam_jax.errors import InputError


def test_a_warm_up_longer_than_the_runs_is_refused_unless_they_have_begun(tmp_path, capsys):
  config = tiny.config("data", optim__warmup_epochs=9)
  with pytest.raises(InputError, match=r"warmup_epochs is 9, but config\.train\.epochs is 4"):
    calls.run("sweep", config, tmp_path, sweep="positions", dry_run=True)
  begun = tmp_path / plan(config, "positions")[0].name
  begun.mkdir()
  (begun / "config.json").write_text("{}")
  calls.run("sweep", config, tmp_path, sweep="positions", dry_run=True)
  assert f"# {begun.name}" in capsys.readouterr().out
